"""The optional tables from frames: every row is used or has its reason, and the account of each table adds up."""

import dataclasses

import pandas as pd
import pytest

from lifecycle.features.history import History
from lifecycle.features.records.account import Account, AccountError
from lifecycle.features.records.side_account import TableLine

LOG = pd.DataFrame({"customer_id": ["a", "b"], "timestamp": ["2020-01-01", "2020-03-01"], "amount": [5.0, 7.0]})


def lines_of(**tables: pd.DataFrame) -> dict[str, int]:
    account = History.from_frame(LOG, **tables).account  # type: ignore[arg-type]
    assert account is not None and account.check() is account
    [found] = account.tables
    assert found.input_rows == len(next(iter(tables.values())))
    return {line.reason: line.rows for line in found.lines}


def test_every_row_of_every_table_has_its_reason() -> None:
    events = [
        ("a", "2020-02-01", "visit", 3, "in_use"),
        ("a", "2020-03-02", "visit", 3, "after_as_of"),
        (None, "2020-02-01", "visit", 3, "customer_missing"),
        (" ", "2020-02-01", "visit", 3, "customer_missing"),
        ("a", None, "visit", 3, "timestamp_missing"),
        ("a", "soon", "visit", 3, "timestamp_unreadable"),
        ("a", "1777-01-01", "visit", 3, "timestamp_impossible"),
        ("a", "9999-12-31", "visit", 3, "timestamp_impossible"),
        ("a", "2020-02-01", None, None, "in_use"),
    ]
    frame = pd.DataFrame(events, columns=["customer_id", "timestamp", "kind", "value", "expected"])
    wanted = frame.pop("expected").value_counts().to_dict()
    assert lines_of(interactions=frame) == wanted

    bills = [
        ("a", "2020-01-02", "2020-02-01", "2020-01-30", "5", "in_use"),
        ("a", "2020-01-02", None, "9999-12-31", None, "in_use"),
        ("b", "2020-06-02", None, None, "5", "after_as_of"),
        (None, "2020-01-02", None, None, "5", "customer_missing"),
        ("a", None, "2020-02-01", None, "5", "timestamp_missing"),
        ("a", "2020-01-02", "x", None, "5", "date_unreadable"),
        ("a", "2020-01-02", None, "1066-10-14", "5", "date_impossible"),
        ("a", "2020-01-02", None, None, "five", "amount_unreadable"),
        ("a", "2020-01-02", None, None, "inf", "amount_not_finite"),
        ("a", "2020-01-02", None, None, "1e15", "amount_out_of_range"),
    ]
    frame = pd.DataFrame(
        bills, columns=["customer_id", "invoiced_at", "due_at", "paid_at", "amount", "expected"], dtype="str"
    )
    wanted = frame.pop("expected").value_counts().to_dict()
    assert lines_of(payments=frame) == wanted

    sent = [
        ("a", "2020-02-01", "yes", "in_use"),
        ("a", "2020-02-02", "N", "in_use"),
        ("a", "2020-02-03", "", "in_use"),
        ("b", "2020-02-01", "perhaps", "flag_unreadable"),
        ("", "2020-02-01", "no", "customer_missing"),
        ("b", "2020-13-01", "no", "timestamp_unreadable"),
    ]
    frame = pd.DataFrame(sent, columns=["customer_id", "timestamp", "control", "expected"])
    wanted = frame.pop("expected").value_counts().to_dict()
    wanted["in_use"], wanted["held_back"] = wanted["in_use"] - 1, 1
    assert lines_of(campaigns=frame) == wanted

    people = [
        ("a", "2019-05-01", "9999-12-31", True, "in_use"),
        ("a", "2019-05-01", "9999-12-31", True, "duplicate"),
        ("b", "9999-12-31", None, True, "date_impossible"),
        ("c", "once", None, True, "date_unreadable"),
        (None, None, None, None, "customer_missing"),
    ]
    frame = pd.DataFrame(people, columns=["customer_id", "registered_at", "closed_at", "consent", "expected"])
    wanted = frame.pop("expected").value_counts().to_dict()
    assert lines_of(customers=frame) == wanted


def test_a_far_date_of_closing_means_not_yet() -> None:
    people = pd.DataFrame({"customer_id": ["a", "b"], "closed_at": ["9999-12-31", "2020-02-01"]})
    history = History.from_frame(LOG, customers=people)
    open_one = History.from_frame(LOG, customers=people.assign(closed_at=[None, "2020-02-01"]))
    assert history.closed_day is not None and open_one.closed_day is not None
    assert history.closed_day.tolist() == open_one.closed_day.tolist()


def test_a_customer_with_rows_that_differ_is_refused() -> None:
    people = pd.DataFrame({"customer_id": ["a", "a"], "city": ["X", "Y"]})
    with pytest.raises(ValueError, match=r"1 ids have several rows that differ \(such as 'a'\)"):
        History.from_frame(LOG, customers=people)


def test_an_account_that_does_not_add_up_is_a_fault_and_json_keeps_all() -> None:
    events = pd.DataFrame({"customer_id": ["a", None], "timestamp": ["2020-02-01", "2020-02-01"], "kind": "visit"})
    account = History.from_frame(LOG, interactions=events).account
    assert account is not None and Account.from_json(account.to_json()) == account
    [found] = account.tables
    short = dataclasses.replace(found, lines=(TableLine("used", "in_use", 1),))
    with pytest.raises(AccountError, match="account of interactions does not add up: 2 rows came in, 1 are"):
        dataclasses.replace(account, tables=(short,)).check()
