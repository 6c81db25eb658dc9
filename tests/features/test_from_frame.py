import datetime as dt
import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from lifecycle.features.history import History


@pytest.fixture(scope="module")
def cdnow() -> pd.DataFrame:
    spec = importlib.util.find_spec("lifetimes")
    assert spec is not None and spec.origin is not None
    log = pd.read_csv(Path(spec.origin).parent / "datasets/CDNOW_master.txt", sep=r"\s+", dtype=str)
    return log.assign(date=pd.to_datetime(log["date"], format="%Y%m%d"), dollar_value=log["dollar_value"].astype(float))


def test_cdnow_as_its_readme_counts_it(cdnow: pd.DataFrame) -> None:
    history = History.from_frame(cdnow, timestamp="date", amount="dollar_value")
    account = history.account
    assert account is not None
    assert (history.n_customers, account.input_rows, float(account.input_amount)) == (23_570, 69_659, 2_500_315.63)
    assert (account.equal_rows_kept, account.zero_amount_purchases) == (255, 80)
    assert history.customer_id[0].as_py() == "00001"
    assert account.rows("used") == 69_659


def test_pandas_polars_and_arrow_frames_agree(cdnow: pd.DataFrame) -> None:
    log = cdnow.head(5_000)
    frames = [log, pl.from_pandas(log), pa.Table.from_pandas(log)]
    made = [History.from_frame(f, timestamp="date", amount="dollar_value") for f in frames]
    for other in made[1:]:
        assert other.customer_id.to_pylist() == made[0].customer_id.to_pylist()
        np.testing.assert_array_equal(other.day, made[0].day)
        assert other.amount is not None and made[0].amount is not None
        np.testing.assert_array_equal(other.amount, made[0].amount)


def test_every_unusable_row_has_its_reason() -> None:
    log = pd.DataFrame(
        [
            (None, "2020-01-01", "5", "no customer"),
            (" ", "2020-01-01", "5", "blank customer"),
            ("a", None, "5", "no time"),
            ("a", "yesterday", "5", "no date"),
            ("a", "1777-01-01", "5", "too early"),
            ("a", "2020-01-01", None, "no amount"),
            ("a", "2020-01-01", "five", "no number"),
            ("a", "2020-01-01", "inf", "infinite"),
            ("a", "2020-01-01", "1e15", "accident"),
            ("a", "2020-01-01", "-1", "return of nothing"),
            ("a", "2020-02-01", "7.25", "fine"),
            ("a", "2020-03-01", "-7.25", "return"),
        ],
        columns=["customer_id", "timestamp", "amount", "note"],
    )
    with (
        pytest.warns(UserWarning, match=r"timestamp of 1 of 12 rows cannot be read, such as 'yesterday'"),
        pytest.warns(UserWarning, match=r"amount of 1 of 12 rows cannot be read, such as 'five'"),
    ):
        account = History.from_frame(log).account
    assert account is not None
    assert {line.reason: line.rows for line in account.lines} == {
        "customer_missing": 2,
        "timestamp_missing": 1,
        "timestamp_unreadable": 1,
        "timestamp_impossible": 1,
        "amount_missing": 1,
        "amount_unreadable": 1,
        "amount_not_finite": 1,
        "amount_out_of_range": 1,
        "return_without_purchase": 1,
        "purchase": 1,
        "return": 1,
    }
    assert account.check().input_amount == account.amount()


def test_duplicates_need_an_order_and_equality_in_every_column() -> None:
    row = ("a", pd.Timestamp("2020-01-01 10:00"), 5.0, "o1", "first")
    other = ("a", pd.Timestamp("2020-01-01 10:00"), 5.0, "o1", "second")
    no_order = ("b", pd.Timestamp("2020-01-01 10:00"), 5.0, None, "first")
    log = pd.DataFrame(
        [row, row, row, other, no_order, no_order], columns=["customer_id", "timestamp", "amount", "o", "note"]
    )
    account = History.from_frame(log, order_id="o").account
    assert account is not None
    assert (account.rows(reason="duplicate"), account.rows("used"), account.equal_rows_kept) == (2, 4, 1)


def test_ids_keep_their_type_and_are_sorted() -> None:
    days = pd.to_datetime(["2020-01-01"] * 3)
    texts = History.from_frame(pd.DataFrame({"customer_id": ["10", "9", "010"], "timestamp": days, "amount": 1.0}))
    assert texts.customer_id.to_pylist() == ["010", "10", "9"]
    numbers = History.from_frame(pd.DataFrame({"customer_id": [10, 9, 11], "timestamp": days, "amount": 1.0}))
    assert numbers.customer_id.to_pylist() == [9, 10, 11]
    floats = History.from_frame(pd.DataFrame({"customer_id": [17850.0, None, 9.0], "timestamp": days, "amount": 1.0}))
    assert floats.customer_id.to_pylist() == [9, 17850]
    assert floats.account is not None and floats.account.rows(reason="customer_missing") == 1


def test_a_log_without_amounts_has_counts_and_no_money() -> None:
    log = pd.DataFrame(
        {
            "customer_id": list("aab"),
            "timestamp": pd.to_datetime(["2020-01-01", "2020-01-09", "2020-01-09"]),
            "n": [2, 1, 3],
        }
    )
    history = History.from_frame(log, amount=None)
    assert not history.has_money and history.amount is None and history.day.size == 3
    returned = pd.concat(
        [log, pd.DataFrame({"customer_id": ["b"], "timestamp": [pd.Timestamp("2020-01-10")], "n": [-3]})]
    )
    assert History.from_frame(returned, amount=None, quantity="n").purchases(18271).day.size == 2


def test_a_missing_column_is_named_with_those_there_are() -> None:
    log = pd.DataFrame({"customer": ["a"], "timestamp": pd.to_datetime(["2020-01-01"]), "amount": [1.0]})
    with pytest.raises(KeyError, match=r"no column 'customer_id'.*'customer', 'timestamp', 'amount'"):
        History.from_frame(log)


def test_frames_of_every_kind_are_read_or_refused_with_the_remedy() -> None:
    log = pl.DataFrame(
        {"customer_id": ["b", "a", "b"], "timestamp": [dt.date(2020, 1, 1)] * 3, "amount": [1.0, 2.0, 3.0]}
    )
    for kind in (pl.Categorical, pl.Enum(["a", "b"]), pl.String):
        history = History.from_frame(log.with_columns(pl.col("customer_id").cast(kind)))
        assert history.customer_id.to_pylist() == ["a", "b"] and history.amount is not None
        assert history.amount.tolist() == [2.0, 4.0]
    with pytest.raises(TypeError, match=r"got polars.*LazyFrame. Collect a lazy one first"):
        History.from_frame(log.lazy())
    mixed = pd.DataFrame({"customer_id": [1, "b"], "timestamp": pd.Timestamp("2020-01-01"), "amount": 1.0})
    with pytest.raises(TypeError, match=r"values of several types .*customer_id.*astype\(str\)"):
        History.from_frame(mixed)
    large = mixed.assign(customer_id=np.array([2**63 + 5, 1], np.uint64))
    with pytest.raises(TypeError, match=r"beyond 64 bits with a sign .*Make them text"):
        History.from_frame(large)


def test_prices_are_not_taken_for_amounts() -> None:
    log = pd.DataFrame(
        {"customer_id": "a", "timestamp": pd.Timestamp("2020-01-01"), "amount": [5.0, 5.0], "n": [2, -2]}
    )
    with pytest.raises(ValueError, match=r"1 of 1 rows with a negative quantity.*multiply it by the quantity"):
        History.from_frame(log, quantity="n")
    total = History.from_frame(log.assign(amount=log["amount"] * log["n"]), quantity="n")
    assert total.account is not None and total.account.rows(reason="return") == 1


def test_a_frame_whose_dates_or_amounts_cannot_be_read_is_refused_with_an_example() -> None:
    log = pd.DataFrame({"customer_id": ["a", "b"], "timestamp": ["25/01/2024", "26/01/2024"], "amount": [5.0, 7.0]})
    with pytest.raises(ValueError, match=r"2 of 2 rows cannot be read, such as '25/01/2024'.*to_datetime"):
        History.from_frame(log)
    dressed = log.assign(timestamp=["2024-01-25", "2024-01-26"], amount=["$1,000.50", "$7"])
    with pytest.raises(ValueError, match=r"amount of 2 of 2 rows cannot be read, such as '\$1,000\.50'"):
        History.from_frame(dressed)
