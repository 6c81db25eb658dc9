"""Files as other shops write them: read rightly, or refused with what was found and the remedy."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.account import Account
from features.history import History
from features.window import to_date
from pipelines import config as configuration
from pipelines.config import ConfigError
from pipelines.ingest import HistoryStore, IngestError, QuarantineLimits, Tables, TableSpec, ingest
from pipelines.table_specs import table_specs

BASIC = {"customer_id": "customer_id", "timestamp": "timestamp", "amount": "amount"}
PRICED = {"customer_id": "Customer ID", "timestamp": "InvoiceDate", "unit_price": "Price", "quantity": "Quantity"}
HEADER = "customer_id,timestamp,amount\n"


def brought(folder: Path, path: Path | str, columns: dict[str, str] | None = None, **options: Any) -> Account:
    spec = TableSpec(path=path, columns=columns or BASIC, **options)
    return ingest(Tables(spec), folder / "out", limits=QuarantineLimits(max_share=1.0)).check()


def stored(folder: Path) -> History:
    return HistoryStore.open(folder / "out").read_all()


def text_in(folder: Path, text: str, name: str = "log.csv") -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_the_amount_may_be_quantity_times_unit_price(tmp_path: Path) -> None:
    log = pd.DataFrame(
        {
            "Invoice": ["1", "1", "C2", "3", "4", "5"],
            "Customer ID": ["a", "a", "a", "b", "b", "b"],
            "InvoiceDate": ["2010-01-01", "2010-01-01", "2010-01-09", "2010-01-02", "2010-01-02", "2010-01-03"],
            "Quantity": ["12", "3", "-3", "2", "", "two"],
            "Price": ["6.95", "1.10", "1.10", "0.55", "4", "4"],
        }
    )
    log.to_csv(tmp_path / "log.csv", index=False)
    account = brought(tmp_path, tmp_path / "log.csv", PRICED)
    assert account.has_money and account.input_amount == Decimal("84.5")
    assert {x.reason: (x.rows, x.amount) for x in account.lines} == {
        "purchase": (3, Decimal("87.8")),
        "return": (1, Decimal("-3.3")),
        "amount_missing": (1, Decimal(0)),
        "amount_unreadable": (1, Decimal(0)),
    }
    history = stored(tmp_path)
    assert history.amount is not None and history.amount.tolist() == [86.7, 1.1]
    assert history.lines.quantity is not None and sorted(history.lines.quantity.tolist()) == [2.0, 3.0, 12.0]
    kept = pq.read_table(HistoryStore.open(tmp_path / "out").quarantine_path).to_pandas()
    assert sorted(kept["amount"]) == ["4 × ", "4 × two"]
    (tmp_path / "log.csv").write_text((tmp_path / "log.csv").read_text().replace("6.95", '"6,95"'))
    with pytest.raises(IngestError, match=r"decimal comma.*'6,95 × 12'"):
        brought(tmp_path, tmp_path / "log.csv", PRICED)


def test_prices_that_stand_for_amounts_are_found_by_negative_quantities(tmp_path: Path) -> None:
    head = "Customer ID,InvoiceDate,Price,Quantity\n"
    rows = "a,2010-01-01,6.95,12\na,2010-01-09,6.95,-12\nb,2010-01-02,1,3\n"
    path = text_in(tmp_path, head + rows)
    amounts = {**{role: name for role, name in PRICED.items() if role != "unit_price"}, "amount": "Price"}
    with pytest.raises(IngestError, match=r"1 of 1 rows with a negative quantity.*set unit_price = 'Price'"):
        brought(tmp_path, path, amounts)
    assert brought(tmp_path, path, PRICED).rows(reason="return") == 1
    text_in(tmp_path, head + rows.replace(",6.95,-12", ",-6.95,-12"))
    with pytest.raises(IngestError, match=r"a negative 'Price' too.*Make the prices positive"):
        brought(tmp_path, path, PRICED)
    assert brought(tmp_path, path, amounts).rows(reason="return") == 1, "both signs of a line's total agree"


def test_the_configuration_takes_a_price_in_place_of_the_amount(tmp_path: Path) -> None:
    def specs(table: dict[str, object]) -> Tables:
        document = {"tables": {"transactions": {"path": "log.csv", **table}}}
        return table_specs(configuration.parse(document, base=tmp_path, name="shop"))

    found = specs({"unit_price": "Price", "quantity": "Quantity"}).transactions
    assert found.money == ("Price", "Quantity") and "amount" not in found.columns
    assert specs({}).transactions.money == ("amount",)
    assert specs({"amount": False, "quantity": "Quantity"}).transactions.money == ()
    with pytest.raises(ConfigError, match=r"either amount .* or unit_price"):
        specs({"amount": "total", "unit_price": "Price", "quantity": "Quantity"})
    with pytest.raises(ConfigError, match="unit_price needs quantity"):
        specs({"unit_price": "Price"})


def test_a_quote_that_is_never_closed_swallows_nothing_unseen(tmp_path: Path) -> None:
    head = "customer_id,timestamp,amount,note\n"
    rows = "".join(f"c{i % 9},2020-01-{i % 28 + 1:02d},{i}.5,fine\n" for i in range(60))
    path = text_in(tmp_path, head + rows + 'x,2020-01-01,5,"27 inch\n' + rows * 600)
    with pytest.raises(
        IngestError, match=r"opened and not closed.*begins with 'x,2020-01-01,5,\"27 inch'.*quote = \"\""
    ):
        brought(tmp_path, path)
    assert brought(tmp_path, path, quote="").rows("used") == 60 * 601 + 1
    text_in(tmp_path, head + rows + 'x,2020-01-01,5,"27" screen\nfrom a shop, good"\n' + rows)
    account = brought(tmp_path, path)
    assert (account.rows("used"), account.rows(reason="line_malformed")) == (120, 2)
    single = text_in(tmp_path, "'customer_id';'timestamp';'amount'\n'a;b';'2020-01-01';'5'\n")
    assert brought(tmp_path, single, quote="'").rows("used") == 1
    assert stored(tmp_path).customer_id.to_pylist() == ["a;b"]


def test_no_number_in_parquet_is_seen_whatever_the_file_says_of_its_least_and_largest(tmp_path: Path) -> None:
    nan = float("nan")
    log = {
        "customer_id": [12.0, nan, 7.0, 7.0],
        "timestamp": pd.Timestamp("2020-01-01"),
        "amount": [1.0, 2.0, nan, 4.0],
    }
    table = pa.Table.from_pandas(pd.DataFrame(log)).set_column(0, "customer_id", pa.array(log["customer_id"]))
    table = table.set_column(2, "amount", pa.array(log["amount"]))
    assert table["customer_id"].null_count == table["amount"].null_count == 0
    pq.write_table(table, tmp_path / "log.parquet")
    account = brought(tmp_path, tmp_path / "log.parquet")
    assert {x.reason: x.rows for x in account.lines} == {"purchase": 2, "customer_missing": 1, "amount_missing": 1}


@pytest.mark.parametrize(
    ("form", "values", "days"),
    [
        ("days since 2014-01-01", ["1", "711"], ["2014-01-02", "2015-12-13"]),
        ("weeks since 2014-01-06", ["0", "2"], ["2014-01-06", "2014-01-20"]),
        ("hours since 2020-01-01", ["23.5", "24"], ["2020-01-01", "2020-01-02"]),
    ],
)
def test_dates_may_be_counted_from_a_day(form: str, values: list[str], days: list[str], tmp_path: Path) -> None:
    path = text_in(tmp_path, HEADER + "".join(f"a,{value},5\n" for value in values))
    brought(tmp_path, path, timestamp_format=form)
    assert [str(to_date(int(day))) for day in stored(tmp_path).day] == days


def test_a_count_from_no_day_is_refused(tmp_path: Path) -> None:
    path = text_in(tmp_path, HEADER + "a,1,5\n")
    with pytest.raises(IngestError, match=r"has no fields.*'days since 2016-01-01' \(weeks, days, hours"):
        brought(tmp_path, path, timestamp_format="days since 2014")
    with pytest.raises(IngestError, match=r"timestamp_unreadable, such as '1'.*days since"):
        brought(tmp_path, path)


def test_points_between_thousands_are_no_decimal_points(tmp_path: Path) -> None:
    path = text_in(tmp_path, HEADER + "a,2020-01-01,1.234\na,2020-01-02,2.500.000\n")
    with pytest.raises(IngestError, match=r"points between thousands: 1, such as '2\.500\.000'\. Set decimal = ','"):
        brought(tmp_path, path)
    assert brought(tmp_path, path, decimal=",").input_amount == 2_501_234
