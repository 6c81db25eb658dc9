"""Values that could be read in two ways are asked about or told; those that can be read in one are read."""

from pathlib import Path

import pytest
import xlsxwriter

from lifecycle.pipelines.ingest import HistoryStore, IngestError, Tables, TableSpec, ingest

COLUMNS = {"customer_id": "client", "timestamp": "date", "amount": "total"}


def brought(folder: Path, text: str, more: dict[str, str] | None = None, **options):
    (folder / "log.csv").write_text(text)
    spec = TableSpec(path=str(folder / "log.csv"), columns=COLUMNS | (more or {}), **options)
    return ingest(Tables(spec), folder / "out")


def lines(ids=("a", "b"), dates=("2024-01-05", "2024-01-06"), totals=("5", "7.5")) -> str:
    return "client,date,total\n" + "".join(
        f'{i},{d},"{t}"\n'
        for i, d, t in zip(*([v[k % len(v)] for k in range(6)] for v in (ids, dates, totals)), strict=True)
    )


@pytest.mark.parametrize(
    "ids",
    [("1.23457e+11", "7"), ("4E+18", "5"), ("1,5E15", "x"), ("1.5E15", "12"), ("4e18", "5e3"), ("04E+18", "9")],
)
def test_ids_that_a_program_rounded_are_refused_however_they_are_written(ids, tmp_path):
    text = lines(ids=[f'"{one}"' for one in ids])
    with pytest.raises(IngestError, match="several customers may be"):
        brought(tmp_path, text)


@pytest.mark.parametrize("ids", [("4e18", "a9f3"), ("12e3", "e0ff"), ("E12", "E13"), ("1e5x", "2e5y")])
def test_codes_with_an_e_in_them_are_ids_like_others(ids, tmp_path):
    assert brought(tmp_path, lines(ids=ids)).customers == 2


def test_whole_numbers_of_a_workbook_that_no_float_holds_are_refused(tmp_path):
    with xlsxwriter.Workbook(tmp_path / "log.xlsx") as book:
        sheet = book.add_worksheet()
        for row, cells in enumerate([("client", "date", "total"), (40000000000000001, "2024-01-05", 5)]):
            sheet.write_row(row, 0, cells)
    with pytest.raises(IngestError, match="rounded"):
        ingest(Tables(TableSpec(path=str(tmp_path / "log.xlsx"), columns=COLUMNS)), tmp_path / "out")


@pytest.mark.parametrize(
    ("dates", "form"),
    [
        (("06/04/2026 01:48:03 +0400", "06/04/2026 23:59:00 -1100"), "%d/%m/%Y %H:%M:%S %z"),
        (("06/04/2026 01:48 +04:00", "06/04/2026 23:59 Z"), "%d/%m/%Y %H:%M%z"),
        (("2026-04-06 23:30:00 PST", "2026-04-06"), ("%Y-%m-%d %H:%M:%S %Z", "%Y-%m-%d")),
        (("04/06/2026 11:30:00 PM -0700", "04/06/2026 01:00:00 AM +0900"), ("%m/%d/%Y %I:%M:%S %p %z",)),
    ],
)
def test_the_day_is_the_local_one_as_it_is_written(dates, form, tmp_path):
    account = brought(tmp_path, lines(dates=dates), timestamp_format=form)
    assert (str(account.first_day), str(account.last_day)) == ("2026-04-06", "2026-04-06")


@pytest.mark.parametrize("totals", [("$5", "€7"), ("USD 5", "7 EUR"), ("£5.00", "5.00 kr"), ("₹500", "¥500")])
def test_amounts_with_several_currencies_in_their_cells_are_not_added(totals, tmp_path):
    with pytest.raises(IngestError, match="2 currencies"):
        brought(tmp_path, lines(totals=totals))


@pytest.mark.parametrize("totals", [("$5", "7"), ("$5", "USD 7"), ("€5", "7 EUR"), ("5 kr", "SEK 7"), ("5", "7")])
def test_a_sign_and_its_code_are_one_currency(totals, tmp_path):
    assert float(brought(tmp_path, lines(totals=totals)).input_amount) == 36


def test_a_chosen_currency_sets_the_others_aside_and_points_are_no_money(tmp_path):
    account = brought(tmp_path, lines(totals=("$5", "€7", "9", "9", "9", "9")), currency="EUR")
    assert (account.rows(reason="other_currency"), float(account.amount("used"))) == (1, 43)
    account = brought(tmp_path, lines(totals=("5 PTS", "7", "7", "7", "7", "7")))
    assert account.rows(reason="amount_unreadable") == 1


def test_points_that_may_stand_between_thousands_are_asked_about_and_one_other_settles_it(tmp_path):
    with pytest.raises(IngestError, match=r"such as '150\.000', and no amount has another: .* decimal = ','"):
        brought(tmp_path, lines(totals=("150.000", "9.000", "500")))
    assert float(brought(tmp_path, lines(totals=("150.000", "9.5"))).input_amount) == 3 * 159.5
    assert float(brought(tmp_path, lines(totals=("150.000", "9.000")), decimal=",").input_amount) == 3 * 159_000
    assert float(brought(tmp_path, lines(totals=("0.125", "12"))).input_amount) == 3 * 12.125


@pytest.mark.parametrize("role", ["cost", "quantity"])
def test_costs_and_quantities_with_decimal_commas_are_not_missing_without_a_word(role, tmp_path):
    text = 'client,date,total,extra\na,2024-01-05,50,"12,50"\nb,2024-01-06,50,2.5\n'
    with pytest.raises(IngestError, match=r"decimal comma: 1, such as '12,50'\. Set decimal"):
        brought(tmp_path, text, {role: "extra"})
    history = brought(tmp_path, text, {role: "extra"}, decimal=",") and HistoryStore.open(tmp_path / "out").read_all()
    assert getattr(history.lines, role)[0] == 12.5


def test_a_line_that_ends_early_has_empty_cells_also_beside_quoted_line_ends(tmp_path):
    text = 'client,date,total,note,more\na,2024-01-05,5\nb,2024-01-06,7,"x\ny"\nc,2024-01-06,8,x,y\n'
    account = brought(tmp_path, text)
    assert (account.rows("used"), float(account.amount("used"))) == (3, 20)


def test_a_query_finds_the_header_and_says_that_it_yields_nothing(tmp_path):
    for head in ("sep=;\n", "My shop\n\n", ""):
        query = "SELECT client, date, total FROM log WHERE total <> '7'"
        account = brought(tmp_path, f"{head}client;date;total\na;2024-01-05;5\nb;2024-01-06;7\n", query=query)
        assert (account.input_rows, float(account.input_amount)) == (1, 5)
    text = "client,date,total,cancelled\na,2024-01-05,5,\n"
    with pytest.raises(IngestError, match=r"yields no row of the 1 that were read\. Empty cells are NULL"):
        brought(tmp_path, text, query="SELECT * FROM log WHERE cancelled = ''")


def test_text_of_two_bytes_a_letter_is_known_without_a_mark(tmp_path):
    (tmp_path / "log.csv").write_bytes(lines().encode("utf-16-le"))
    with pytest.raises(IngestError, match='Set encoding = "utf-16-le"'):
        ingest(Tables(TableSpec(path=str(tmp_path / "log.csv"), columns=COLUMNS)), tmp_path / "out")


def test_a_sheet_with_the_same_columns_called_otherwise_is_not_passed_over(tmp_path):
    for heads, refused in (((("Notes",), "other"), False), ((("client", "Date", "Total"), "case"), True)):
        with xlsxwriter.Workbook(tmp_path / f"{heads[1]}.xlsx") as book:
            for head in (("Client", "Date", "Total"), heads[0]):
                sheet = book.add_worksheet()
                sheet.write_row(0, 0, head)
                sheet.write_row(1, 0, ("a", "2024-01-05", 5)[: len(head)])
        named = {"customer_id": "Client", "timestamp": "Date", "amount": "Total"}
        spec = TableSpec(path=str(tmp_path / f"{heads[1]}.xlsx"), columns=named, sheet="*")
        if refused:
            with pytest.raises(
                IngestError, match=r"sheet 'Sheet2': customer_id = 'Client' is not among .* mean 'client'"
            ):
                ingest(Tables(spec), tmp_path / heads[1])
        else:
            assert ingest(Tables(spec), tmp_path / heads[1]).input_rows == 1
