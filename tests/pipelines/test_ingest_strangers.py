"""Files as other shops write them: read rightly, or refused with what was found and the remedy."""

import datetime as dt
import gzip
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lifecycle.features.history import History
from lifecycle.features.records.account import Account
from lifecycle.features.table import frame
from lifecycle.features.window import to_date
from lifecycle.pipelines import config as configuration
from lifecycle.pipelines.config import ConfigError
from lifecycle.pipelines.ingest import HistoryStore, IngestError, QuarantineLimits, Tables, TableSpec, ingest
from lifecycle.pipelines.ingest.table_specs import table_specs

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
    assert (account.input_rows, account.rows("used"), account.rows(reason="line_malformed")) == (122, 120, 1)
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


def two_sheets(first: Path, second: Path, target: Path) -> None:
    """Put the sheets of two workbooks into one, as "old" and "new", with an empty sheet and a cover before them."""
    with zipfile.ZipFile(first) as one, zipfile.ZipFile(second) as two, zipfile.ZipFile(target, "w") as book:
        parts = {name: one.read(name).decode() for name in one.namelist()}
        parts["xl/worksheets/sheet2.xml"] = two.read("xl/worksheets/sheet1.xml").decode()
        main = parts["xl/worksheets/sheet1.xml"].partition("<sheetData>")[0]
        cover = '<row><c t="inlineStr"><is><t>Sales of the shop</t></is></c></row>'
        parts["xl/worksheets/sheet3.xml"] = f"{main}<sheetData></sheetData></worksheet>"
        parts["xl/worksheets/sheet4.xml"] = f"{main}<sheetData>{cover}</sheetData></worksheet>"
        for place, end in (("[Content_Types].xml", "</Types>"), ("xl/_rels/workbook.xml.rels", "</Relationships>")):
            entry = next(part for part in parts[place].replace("><", ">\n<").splitlines() if "sheet1.xml" in part)
            more = "".join(entry.replace("sheet1", f"sheet{n}").replace('"r1"', f'"r{n + 5}"') for n in (2, 3, 4))
            parts[place] = parts[place].replace(end, more + end)
        listed = '<sheet name="empty" sheetId="3" r:id="r8"/><sheet name="cover" sheetId="4" r:id="r9"/>'
        listed += '<sheet name="old" sheetId="1" r:id="r1"/><sheet name="new" sheetId="2" r:id="r7"/>'
        parts["xl/workbook.xml"] = parts["xl/workbook.xml"].replace(
            '<sheet name="sales" sheetId="1" r:id="r1"/>', listed
        )
        for name, text in parts.items():
            book.writestr(name, text)


def test_no_sheet_of_a_workbook_is_left_out_unasked(
    tmp_path: Path, workbook: Callable[[pd.DataFrame, Path], None]
) -> None:
    log = pd.DataFrame({"customer_id": ["a", "b"], "timestamp": pd.Timestamp("2020-01-01"), "amount": [5.0, 6.0]})
    (tmp_path / "in").mkdir()
    for name, rows in (("one", log), ("two", log.head(1).assign(amount=7.0, note="x"))):
        workbook(rows, tmp_path / f"{name}.xlsx")
    book = tmp_path / "in" / "both.xlsx"
    two_sheets(tmp_path / "one.xlsx", tmp_path / "two.xlsx", book)
    with pytest.raises(IngestError, match=r"both\.xlsx has 2 sheets that may be meant: \['old', 'new'\]\. Set sheet"):
        brought(tmp_path, book)
    for sheet, amount in (("*", 18), (("old", "new"), 18), ("old", 11), ("new", 7)):
        assert brought(tmp_path, book, sheet=sheet).input_amount == amount, sheet
    with pytest.raises(IngestError, match=r"no sheet 'newer'; its sheets are \['empty', 'cover', 'old', 'new'\]"):
        brought(tmp_path, book, sheet=("new", "newer"))
    with pytest.raises(IngestError, match=r"sheet 'cover': customer_id = 'customer_id' is not among the columns"):
        brought(tmp_path, book, sheet="cover")
    with pytest.raises(IngestError, match="an empty sheet 'empty'"):
        brought(tmp_path, book, sheet="empty")
    workbook(pd.DataFrame({"shop": ["x"]}), tmp_path / "two.xlsx")
    two_sheets(tmp_path / "one.xlsx", tmp_path / "two.xlsx", book)
    assert brought(tmp_path, book).input_amount == 11, "one sheet alone has the columns"


def test_ids_that_passed_through_floats_lose_the_fraction(tmp_path: Path) -> None:
    rows = "".join(
        f"{name},2020-01-0{day},5\n" for day, name in enumerate(("13085.0", "13085", "007.0", "1.5", "v1.0"), 1)
    )
    brought(tmp_path, text_in(tmp_path, HEADER + rows))
    wanted = ["007", "1.5", "13085", "v1.0"]
    assert stored(tmp_path).customer_id.to_pylist() == wanted
    log = pd.read_csv(tmp_path / "log.csv", dtype={"customer_id": str})
    assert History.from_frame(log).customer_id.to_pylist() == wanted


def test_ids_that_a_spreadsheet_rounded_are_refused(tmp_path: Path) -> None:
    path = text_in(tmp_path, HEADER + "A7,2020-01-01,5\n1.23457E+11,2020-01-01,5\n")
    with pytest.raises(IngestError, match=r"rounded, such as '1\.23457E\+11': several customers"):
        brought(tmp_path, path)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("log.csv", gzip.compress(HEADER.encode(), mtime=0), "packed by gzip. Let its name end in .gz"),
        ("log.csv", b"PK\x03\x04" + bytes(40), "a ZIP archive or a workbook. Unpack it"),
        ("log.csv", b"PAR1" + bytes(40), "a Parquet file. Let its name end in .parquet"),
        ("log.txt", b"SQLite format 3\x00", "an SQLite database. Set database_env"),
        ("log.csv", b"<!DOCTYPE html>\n<html><body>Forbidden", "a web page or XML .it begins with '<!DOCTYPE html>"),
        ("log.csv", b"\xef\xbb\xbf<?xml version='1.0'?>", "a web page or XML"),
        ("log.csv", b'[\n {"customer_id": "a"}]', "JSON .*Convert it to CSV"),
        ("log.csv.gz", HEADER.encode(), "text, or damaged"),
        ("log.xlsx", HEADER.encode(), "text, or damaged. Let its name end in .csv"),
        ("log.parquet", HEADER.encode(), "text, or damaged. Let its name end in .csv"),
        (
            "log.csv.gz",
            gzip.compress(HEADER.encode() + b"a,2020-01-01,5\n" * 99_999, mtime=0)[:-200],
            "Is the file whole",
        ),
    ],
)
def test_a_file_that_is_not_what_its_name_says(name: str, data: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(IngestError, match=said):
        brought(tmp_path, tmp_path / name)
    assert not HistoryStore.exists(tmp_path / "out")


def test_a_name_of_other_characters_that_looks_the_same_is_pointed_out(tmp_path: Path) -> None:
    path = text_in(tmp_path, "customer_id,timestamp,gro\u0308sse\na,2020-01-01,5\n")
    with pytest.raises(IngestError, match="looks the same, but is made of other characters"):
        brought(tmp_path, path, {**BASIC, "amount": "gr\u00f6sse"})


def test_an_optional_table_that_cannot_be_read_stops_the_run(tmp_path: Path) -> None:
    log = text_in(tmp_path, HEADER + "a,2020-01-01,5\n")
    spec = TableSpec(path=log, columns=BASIC)

    def with_visits(rows: str) -> Account:
        path = text_in(tmp_path, "customer_id,timestamp,kind\n" + rows, "visits.csv")
        beside = TableSpec(path=path, columns={name: name for name in ("customer_id", "timestamp", "kind")})
        return ingest(Tables(spec, interactions=beside), tmp_path / "out", limits=QuarantineLimits(max_share=0.5))

    nobody = ",2020-01-01,visit\n" * 9
    with pytest.raises(
        IngestError, match=r"interactions: 2 of 3 rows with a customer \(66\.7%\).*2 timestamp_unreadable"
    ):
        with_visits(nobody + "a,2020-01-01,visit\n" + "a,13/01/2020,visit\n" * 2)
    account = with_visits(nobody + "a,2020-01-01,visit\n" * 2 + "a,13/01/2020,visit\n")
    [table] = account.tables
    assert (table.rows("used"), table.rows("quarantined")) == (2, 10)
    assert account.as_of == dt.date(2020, 1, 1)


def test_columns_may_stand_in_the_names_of_folders(tmp_path: Path) -> None:
    one = pa.table({"customer_id": ["a", "b"], "amount": [5.0, 6.0]})
    for folder in ("shop=north/dt=2020-01-01", "shop=south/dt=2020-01-01", "shop=south/dt=2020-02-03"):
        (tmp_path / "in" / folder).mkdir(parents=True)
        pq.write_table(one, tmp_path / "in" / folder / "part-0.parquet")
    account = brought(tmp_path, tmp_path / "in", {**BASIC, "timestamp": "dt", "channel": "shop"})
    assert (account.rows("used"), account.input_amount) == (6, 33), "equal files of other folders are other rows"
    history = stored(tmp_path)
    assert [str(to_date(int(day))) for day in history.day] == ["2020-01-01", "2020-02-03"] * 2
    assert history.lines.channel is not None and history.lines.channel.names.to_pylist() == ["north", "south"]
    with pytest.raises(IngestError, match="channel = 'store' is not among the columns"):
        brought(tmp_path, tmp_path / "in", {**BASIC, "timestamp": "dt", "channel": "store"})


def test_a_list_is_no_product(tmp_path: Path) -> None:
    log = pa.table({"customer_id": ["a"], "timestamp": ["2020-01-01"], "amount": [5.0], "items": [["x", "y"]]})
    pq.write_table(log, tmp_path / "log.parquet")
    with pytest.raises(IngestError, match=r"product must be one value a line, got VARCHAR\[\] in column 'items'"):
        brought(tmp_path, tmp_path / "log.parquet", {**BASIC, "product": "items"})


ORDERS = (
    "order_id,buyer,status,bought_at\ne48,9ef,delivered,2017-10-02 10:56:33\nb2f,f1a,canceled,2018-07-24 20:41:37\n"
)
ITEMS = "order_id;product_id;price\ne48;87a;29.99\ne48;87b;5.01\nb2f;595;118.7\nb2f;596\n"
JOINED = {**BASIC, "order_id": "order_id", "product": "product_id"}
QUERY = """
    SELECT person AS customer_id, bought_at AS timestamp, price AS amount, order_id, product_id
    FROM orders JOIN "order-items" USING (order_id) JOIN buyers ON buyers.id = orders.buyer
    WHERE status <> 'canceled';
"""


def test_files_that_are_tables_of_one_log_are_joined_by_a_query(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    text_in(tmp_path / "in", ORDERS, "orders.csv")
    text_in(tmp_path / "in", ITEMS, "order-items.csv")
    buyers = pd.DataFrame({"id": ["9ef", "f1a"], "person": ["p1", "p2"]})
    buyers.to_parquet(tmp_path / "in" / "buyers.parquet")
    with pytest.raises(IngestError, match="files of several kinds"):
        brought(tmp_path, tmp_path / "in", JOINED)
    with pytest.raises(IngestError, match=r"is not among the columns.*set query to the SQL that joins them"):
        brought(tmp_path, str(tmp_path / "in" / "*.csv"), JOINED)
    account = brought(tmp_path, tmp_path / "in", JOINED, query=QUERY)
    assert {x.reason: x.rows for x in account.lines} == {"purchase": 2}, (
        "the line without a price is of the cancelled order"
    )
    assert (account.input_amount, stored(tmp_path).customer_id.to_pylist()) == (35, ["p1"])
    assert brought(tmp_path, tmp_path / "in", JOINED, query=QUERY) == account, "nothing new"
    buyers.replace({"person": {"p1": "p2"}}).to_parquet(tmp_path / "in" / "buyers.parquet")
    brought(tmp_path, tmp_path / "in", JOINED, query=QUERY)
    assert stored(tmp_path).customer_id.to_pylist() == ["p2"], "every table decides about every row"
    with pytest.raises(
        IngestError, match=r"query over the tables \['buyers', 'order-items', 'orders'\] cannot be read"
    ):
        brought(tmp_path, tmp_path / "in", JOINED, query="SELECT * FROM items")
    text_in(tmp_path, ORDERS, "orders.txt")
    with pytest.raises(IngestError, match="two files are called 'orders'"):
        brought(tmp_path, (str(tmp_path / "in"), str(tmp_path / "orders.txt")), JOINED, query=QUERY)


def test_what_a_log_does_not_say_may_be_worked_out_by_a_query(tmp_path: Path) -> None:
    path = text_in(tmp_path, "user_id,number,days_since_prior\nu1,1,\nu1,2,15.0\nu1,3,30.0\n", "orders.csv")
    query = "SELECT user_id, sum(coalesce(days_since_prior::DOUBLE, 0)) OVER (ORDER BY number) AS day FROM orders"
    columns = {"customer_id": "user_id", "timestamp": "day"}
    account = brought(tmp_path, path, columns, query=query, timestamp_format="days since 2017-01-01")
    assert not account.has_money and account.rows("used") == 3
    assert [str(to_date(int(day))) for day in stored(tmp_path).day] == ["2017-01-01", "2017-01-16", "2017-02-15"]


@pytest.mark.parametrize(
    ("what", "columns", "text"),
    [
        ("payments", ("customer_id", "invoiced_at", "paid_at", "amount"), "a;2020-01-01;;10,50\nb;2020-01-01;;1.200\n"),
        ("customers", ("customer_id", "income"), "a;1.200,50\nb;900\n"),
        ("interactions", ("customer_id", "timestamp", "kind", "value"), "a;2020-01-01;survey;9,5\n"),
    ],
)
def test_decimal_commas_beside_the_transactions_are_refused_when_not_told(
    what: str, columns: tuple[str, ...], text: str, tmp_path: Path
) -> None:
    log = TableSpec(path=text_in(tmp_path, HEADER + "a,2020-01-01,5\n"), columns=BASIC)
    path = text_in(tmp_path, ";".join(columns) + "\n" + text, "beside.csv")

    def account(decimal: str | None) -> Account:
        beside = TableSpec(path=path, columns={name: name for name in columns}, decimal=decimal)
        limits = QuarantineLimits(max_share=1.0)
        return ingest(Tables(transactions=log, **{what: beside}), tmp_path / "out", limits=limits)

    with pytest.raises(
        IngestError, match=rf"{what}: numbers with a decimal comma.*Set decimal = ',' under \[tables.{what}"
    ):
        account(None)
    [table] = account(",").tables
    assert table.rows("used") == table.input_rows


def test_without_a_header_the_delimiter_that_cuts_most_is_taken(tmp_path: Path) -> None:
    path = text_in(tmp_path, "a;2020-01-01;5,25\nb;2020-01-02;6,5\n")
    columns = {"customer_id": "column0", "timestamp": "column1", "amount": "column2"}
    assert brought(tmp_path, path, columns, header=False, decimal=",").input_amount == Decimal("11.75")


def test_invoices_may_have_no_due_dates_but_payments_must_be_told(tmp_path: Path) -> None:
    text_in(tmp_path, HEADER + "a,2020-01-01,5\na,2020-03-01,5\n")

    def paid(rows: str) -> pd.Series:
        text_in(tmp_path, rows, "invoices.csv")
        tables = {"transactions": {"path": "log.csv"}, "payments": {"path": "invoices.csv"}}
        specs = table_specs(configuration.parse({"tables": tables}, base=tmp_path, name="shop"))
        ingest(specs, tmp_path / "out")
        return frame(stored(tmp_path), dt.date(2020, 3, 1)).loc["a"]

    known = paid("customer_id,invoiced_at,paid_at,amount\na,2020-01-01,2020-01-11,9\na,2020-02-01,,4\n")
    assert (known["outstanding_amount"], known["days_to_pay_mean"]) == (4, 10)
    assert known[["overdue_amount", "late_share", "days_late_mean"]].isna().all()
    with pytest.raises(IngestError, match="paid_at = 'paid_at' is not among the columns"):
        paid("customer_id,invoiced_at,due_at,amount\na,2020-01-01,2020-01-31,9\n")
    late = paid("customer_id,invoiced_at,due_at,paid_at,amount\na,2020-01-01,2020-01-06,2020-01-11,9\n")
    assert (late["days_late_mean"], late["late_share"], late["overdue_amount"]) == (5, 1, 0)


def test_a_query_sees_local_times(tmp_path: Path) -> None:
    late = dt.datetime(2020, 1, 31, 23, 30, tzinfo=dt.UTC)
    log = {"customer_id": ["a"], "timestamp": pa.array([late], pa.timestamp("us", "Asia/Tokyo")), "amount": [5.0]}
    pq.write_table(pa.table(log), tmp_path / "sales.parquet")
    for query in (None, "SELECT * FROM sales"):
        brought(tmp_path, tmp_path / "sales.parquet", query=query)
        assert [str(to_date(int(day))) for day in stored(tmp_path).day] == ["2020-02-01"], query


def test_utf_16_without_a_mark_is_pointed_out_and_read_when_told(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_bytes((HEADER + "Zoë,2020-01-01,5\n").encode("utf-16-le"))
    with pytest.raises(IngestError, match='Set encoding = "utf-16-le"'):
        brought(tmp_path, tmp_path / "log.csv")
    assert brought(tmp_path, tmp_path / "log.csv", encoding="utf-16-le").rows("used") == 1
