"""Nothing after the as-of date moves a feature; nothing on or before it counts as an outcome."""

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle.features import table
from lifecycle.features.asof import AsOf
from lifecycle.features.contacts import days_since_contact
from lifecycle.features.history import History
from lifecycle.features.horizon_choice import default_horizon
from lifecycle.features.outcomes import RateReference, base_level, observe, past_of
from lifecycle.features.rfm import summarise
from lifecycle.features.window import Window

START = pd.Timestamp("2020-01-01")
AS_OF = dt.date(2021, 6, 30)
LAST = (pd.Timestamp(AS_OF) - START).days

amounts = st.integers(-40, 90).map(lambda cents: cents / 4)
line = st.tuples(
    st.sampled_from("abcd"),
    st.integers(0, LAST),
    st.integers(0, 23),
    amounts,
    st.sampled_from(["o1", "o2", "o3", None]),
    st.sampled_from(["x", "y", "z", None]),
)
contact = st.tuples(st.sampled_from("abce"), st.integers(0, LAST), st.sampled_from(["visit", "complaint", "survey"]))
sending = st.tuples(st.sampled_from("abce"), st.integers(0, LAST), st.sampled_from(["mail", "call"]), st.booleans())
invoice = st.tuples(st.sampled_from("abc"), st.integers(0, LAST), st.integers(0, 60), st.integers(0, 200))


def history_of(
    lines: list[Any], contacts: list[Any], invoices: list[Any], closed: list[Any], sent: list[Any] | None = None
) -> History:
    log = pd.DataFrame(lines, columns=["customer_id", "day", "hour", "amount", "order", "product"])
    log["timestamp"] = START + pd.to_timedelta(log["day"], unit="D") + pd.to_timedelta(log["hour"], unit="h")
    log["channel"], log["category"], log["quantity"] = log["order"], log["product"], np.sign(log["amount"])
    log["cost"] = (log["amount"] / 2).where(log["day"] % 3 > 0)
    events = pd.DataFrame(contacts, columns=["customer_id", "day", "kind"]).assign(value=3.0)
    events["timestamp"] = START + pd.to_timedelta(events["day"], unit="D")
    bills = pd.DataFrame(invoices, columns=["customer_id", "day", "due", "paid"]).assign(amount=9.5)
    bills["invoiced_at"] = START + pd.to_timedelta(bills["day"], unit="D")
    bills["due_at"] = bills["invoiced_at"] + pd.to_timedelta(bills["due"], unit="D")
    bills["paid_at"] = bills["invoiced_at"] + pd.to_timedelta(bills["paid"], unit="D")
    # What is still to come differs with `closed`: when open invoices are paid, and when two customers register.
    to_come = bills["paid_at"] > pd.Timestamp(AS_OF)
    bills["paid_at"] = bills["paid_at"].where(~to_come, bills["paid_at"] + pd.to_timedelta(closed[0], unit="D"))
    campaigns = pd.DataFrame(sent or [], columns=["customer_id", "day", "treatment", "control"]).assign(cost=0.25)
    campaigns["timestamp"] = START + pd.to_timedelta(campaigns["day"], unit="D")
    people = pd.DataFrame(
        {"customer_id": list("abcde"), "registered_at": START, "consent": True, "segment": list("uvwxy")}
    )
    people["closed_at"] = [pd.Timestamp(AS_OF) + pd.to_timedelta(c, unit="D") for c in closed]
    people.loc[people["customer_id"] >= "d", "registered_at"] = pd.Timestamp(AS_OF) + pd.to_timedelta(
        closed[0], unit="D"
    )
    return History.from_frame(
        log.drop(columns=["day", "hour"]),
        order_id="order",
        product="product",
        channel="channel",
        category="category",
        quantity="quantity",
        cost="cost",
        customers=people,
        interactions=events.drop(columns="day"),
        payments=bills.drop(columns=["day", "due", "paid"]),
        campaigns=campaigns.drop(columns="day"),
    )


def later(row: tuple[Any, ...], place: int) -> tuple[Any, ...]:
    return (*row[:place], row[place] + LAST + 1, *row[place + 1 :])


past = st.tuples(
    st.lists(line, min_size=3, max_size=25),
    st.lists(contact, max_size=8),
    st.lists(invoice, max_size=8),
    st.lists(sending, max_size=8),
)


@settings(max_examples=40, deadline=None)
@given(past, past, past)
def test_features_do_not_move_when_later_events_come_go_or_change(known: Any, one: Any, other: Any) -> None:
    tables = []
    waits = []
    for future in (one, other, ([], [], [], [])):
        lines, contacts, invoices, sent = (
            now + [later(row, 1) for row in then] for now, then in zip(known, future, strict=True)
        )
        history = history_of(lines, contacts, invoices, [len(future[0]) + 1] * 5, sent)
        tables.append(table.frame(history, AS_OF))
        since = days_since_contact(history, AS_OF)
        assert since is not None
        waits.append(dict(zip(history.customer_id.to_pylist(), since.tolist(), strict=True)))
    assert waits[1] == waits[0] == waits[2]
    for changed in tables[1:]:
        assert changed.index.tolist() == tables[0].index.tolist()
        for name in tables[0].columns:
            before, after = tables[0][name], changed[name]
            if isinstance(before.dtype, pd.CategoricalDtype):
                assert before.astype("str").tolist() == after.astype("str").tolist(), name
            else:
                assert before.to_numpy().tobytes() == after.to_numpy().tobytes(), name


@settings(max_examples=40, deadline=None)
@given(past, past)
def test_returns_of_earlier_purchases_do_not_move_features(known: Any, _: Any) -> None:
    lines, contacts, invoices, sent = known
    bought = [row for row in lines if row[3] > 0]
    returns = [(c, day + LAST + 1, hour, -amount, order, product) for c, day, hour, amount, order, product in bought]
    before = table.frame(history_of(lines, contacts, invoices, [1] * 5, sent), AS_OF)
    after = table.frame(history_of(lines + returns, contacts, invoices, [1] * 5, sent), AS_OF)
    pd.testing.assert_frame_equal(before, after, check_exact=True)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(line, min_size=3, max_size=25), st.lists(line, min_size=1, max_size=15), st.randoms(use_true_random=False)
)
def test_outcomes_see_nothing_on_or_before_the_date(known: list[Any], then: list[Any], random: Any) -> None:
    everyone = [(c, 0, 0, 1.0, "first", "p") for c in "abcd"]
    coming = [row for row in (later(row, 1) for row in then) if row[3] >= 0]
    end = [("e", 2 * LAST + 2, 0, 1.0, None, None)]
    window = Window(AS_OF, 90)
    reference = RateReference(0.5, 60.0)
    thinned = [row for row in known if random.random() < 0.5]
    seen = [
        observe(history_of(everyone + rows + coming + end, [], [], [1] * 5), window, reference=reference)
        for rows in (known, thinned)
    ]
    ids = [set(s.customer_id.to_pylist()) for s in seen]
    for c in sorted(ids[0] & ids[1]):
        rows = [s.customer_id.to_pylist().index(c) for s in seen]
        assert seen[0].purchases[rows[0]] == seen[1].purchases[rows[1]]
        assert seen[0].spend[rows[0]] == seen[1].spend[rows[1]]
    days = {(c, day) for c, day, *_ in coming if LAST < day <= LAST + 90}
    counted = dict(zip(seen[0].customer_id.to_pylist(), seen[0].purchases.tolist(), strict=True))
    assert counted == {c: sum(1 for who, _ in days if who == c) for c in counted}


@settings(max_examples=40, deadline=None)
@given(past, past)
def test_what_decline_is_judged_against_sees_nothing_later(known: Any, then: Any) -> None:
    window, reference = Window(AS_OF, 30), RateReference(0.5, 60.0)
    seen = []
    for coming in ([], [later(row, 1) for row in then[0]]):
        # The log ends late enough for the horizon in both, so that only what happens in it differs.
        end = [("z", 2 * LAST + 2, 0, 1.0, None, None)]
        history = history_of(known[0] + coming + end, [], [], [1] * 5)
        judged = past_of(AsOf.of(history, AS_OF), window, reference)
        level = base_level(history, window, reference=reference)
        told = (judged.expected, judged.exposure, judged.eligible, judged.number, judged.total, judged.squares)
        seen.append(([part.tobytes() for part in told], repr((level.basket_mean, level.basket_weight))))
        seen[-1] += (default_horizon(history, AS_OF), summarise(history, AS_OF).to_csv())
    assert seen[0] == seen[1]


def test_the_as_of_day_belongs_to_the_past_at_any_hour() -> None:
    late = [("a", LAST, 23, 5.0, "o1", "x")]
    assert table.frame(history_of(late, [], [], [1] * 5), AS_OF)["purchases_7d"].tolist() == [1.0]
    closed_today = history_of(late, [], [], [0] * 5)
    assert table.frame(closed_today, AS_OF)["account_closed"].tolist() == [1.0]
