"""Text as people write it: delimiters, encodings, line ends, headers, numbers, dates; a right result or a refusal."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lifecycle.features.history import History
from lifecycle.features.records.account import Account
from lifecycle.features.window import to_date
from lifecycle.pipelines.ingest import HistoryStore, IngestError, QuarantineLimits, Tables, TableSpec, ingest

BASIC = {"customer_id": "customer_id", "timestamp": "timestamp", "amount": "amount"}
HEADER = "customer_id,timestamp,amount\n"
ROWS = [("Zoë", "2020-01-02", 5.25), ("Zoë", "2020-02-03", 7.5), ("b", "2020-01-09", 1.0)]


def brought(folder: Path, path: Path | str, **options: Any) -> tuple[Account, History]:
    columns = {**BASIC, **options.pop("columns", {})}
    spec = TableSpec(path=path, columns=columns, **options)
    account = ingest(Tables(spec), folder / "out", limits=QuarantineLimits(max_share=1.0)).check()
    return account, HistoryStore.open(folder / "out").read_all()


def told(history: History) -> list[tuple[str, str, float]]:
    owner = np.repeat(np.arange(history.n_customers), np.diff(history.offsets))
    ids = history.customer_id.to_pylist()
    assert history.amount is not None
    return [
        (ids[i], str(to_date(int(day))), amount)
        for i, day, amount in zip(owner, history.day, history.amount.tolist(), strict=True)
    ]


def written(sep: str = ",", end: str = "\n", head: str = "") -> str:
    lines = [sep.join(("customer_id", "timestamp", "amount")), *(sep.join(map(str, row)) for row in ROWS)]
    return head + end.join(lines) + end


@pytest.mark.parametrize(
    ("name", "data", "options"),
    [
        ("plain.csv", written().encode(), {}),
        ("bom.csv", b"\xef\xbb\xbf" + written().encode(), {}),
        ("utf16.csv", written().encode("utf-16"), {}),
        ("windows.csv", written().encode("cp1252"), {"encoding": "cp1252"}),
        ("semicolon.csv", written(";").encode(), {}),
        ("semicolon.csv", written(";").encode(), {"delimiter": ";"}),
        ("tabs.tsv", written("\t").encode(), {}),
        ("pipes.dat", written("|").encode(), {}),
        ("colons.txt", written("::").encode(), {"delimiter": "::"}),
        ("blanks.txt", written("   ").encode(), {"delimiter": "whitespace"}),
        ("blanks.txt.gz", gzip.compress(written(" ").encode(), mtime=0), {"delimiter": "whitespace"}),
        ("windows.csv.gz", gzip.compress(written().encode("cp1252"), mtime=0), {"encoding": "cp1252"}),
        ("crlf.csv", written(end="\r\n").encode(), {}),
        ("cr.csv", written(end="\r").encode(), {}),
        ("mixed.csv", written(end="\r\n").encode().replace(b"\r\n", b"\n", 2), {}),
        ("title.csv", written(head="Sales of 2020\n\n").encode(), {}),
        ("title.csv", written(head="Sales;of;2020\n;;\n").encode(), {}),
        ("excel.csv", written(";", head="sep=;\n").encode(), {}),
        ("blank.csv", written().replace("\n", "\n\n").encode(), {}),
        ("LOUD.CSV", written().encode(), {}),
        ("it's [2020] *sales*.csv", written().encode(), {}),
    ],
)
def test_the_same_rows_however_they_are_written(
    name: str, data: bytes, options: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(data)
    account, history = brought(tmp_path, tmp_path / name, **options)
    assert told(history) == sorted(ROWS)
    assert account.rows("used") == account.input_rows == 3


def test_lines_that_cannot_be_cut_are_quarantined_and_counted(tmp_path: Path) -> None:
    good = "a,2020-01-01,5\n" * 3
    (tmp_path / "log.csv").write_text(HEADER + good + "b,2020-01-02,6,7\nc,2020-01-03\n" + 'd,2020-01-04,"6"x"\n')
    account, _ = brought(tmp_path, tmp_path / "log.csv")
    assert (account.input_rows, account.rows("used"), account.rows(reason="line_malformed")) == (6, 3, 2)
    assert account.rows(reason="amount_missing") == 1, "a line that ends early has empty cells"
    kept = pq.read_table(HistoryStore.open(tmp_path / "out").quarantine_path).to_pandas()
    assert set(kept["reason"]) == {"line_malformed", "amount_missing"} and set(kept["table"]) == {"transactions"}
    lines = kept.loc[kept["reason"] == "line_malformed", "source"]
    assert {text.split(",")[0] for text in lines} == {'{"line":"b', '{"line":"d'}
    (tmp_path / "log.txt").write_text("customer_id timestamp amount\na 2020-01-01 5\nb 2020-01-02\nc 2020-01-03 5 6\n")
    account, _ = brought(tmp_path / "blanks", tmp_path / "log.txt", delimiter="whitespace")
    assert (account.input_rows, account.rows(reason="line_malformed")) == (3, 2)


def test_quoted_line_ends_and_delimiters_belong_to_their_value(tmp_path: Path) -> None:
    text = 'customer_id,timestamp,amount,product\r\n"a\nb",2020-01-01,5,"say ""hi"", ok\nthere"\r\nc,2020-01-02,6,x\r\n'
    (tmp_path / "log.csv").write_bytes(text.encode())
    _, history = brought(tmp_path, tmp_path / "log.csv", columns={"product": "product"})
    assert history.customer_id.to_pylist() == ["a\nb", "c"]
    assert history.lines.product is not None
    assert history.lines.product.names.to_pylist() == ['say "hi", ok\nthere', "x"]


@pytest.mark.parametrize("far", [0, 30_000])
def test_text_in_another_encoding_is_refused_or_set_aside(far: int, tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes((HEADER + "a,2020-01-01,5\n" * (far + 1) + "Zoë,2020-01-02,6\n").encode("cp1252"))
    with pytest.raises(IngestError, match=r'1 line is not UTF-8 text \(such as .*Set encoding: "cp1252"'):
        brought(tmp_path, path)
    assert not HistoryStore.exists(tmp_path / "out")
    account, history = brought(tmp_path, path, encoding="utf-8")
    assert account.rows(reason="line_malformed") == 1 and history.customer_id.to_pylist() == ["a"]
    with pytest.raises(IngestError, match="encoding = 'klingon' is not known"):
        brought(tmp_path, path, encoding="klingon")
    with pytest.raises(IngestError, match=r"is not utf-16 text"):
        brought(tmp_path, path, encoding="utf-16")


AMOUNTS = {
    "$5.25": 5.25,
    "€ 1,234.50": 1_234.5,
    "12.50 EUR": 12.5,
    "(3.00)": -3.0,
    "5.00-": -5.0,
    "1,234": 1_234.0,
    "1,234,567.8": 1_234_567.8,
    "1,23,456.00": 123_456.0,
    "¥1000": 1_000.0,
    "−4": -4.0,
    "-$1,000.00": -1_000.0,
    "$-2": -2.0,
    "1 234.50": 1_234.5,
    "1\u00a0234.5": 1_234.5,
    "1'234.50": 1_234.5,
    "R$ 5": 5.0,
    "Rs.500": 500.0,
    "US$7": 7.0,
    " 8 ": 8.0,
    "+9": 9.0,
    "1e2": 100.0,
    ".5": 0.5,
}


SIGNS = ("US$", "R$", "$", "€", "EUR", "¥", "Rs.", "")


@pytest.mark.parametrize("sign", SIGNS)
def test_amounts_with_signs_and_groups_are_read(sign: str, tmp_path: Path) -> None:
    mine = {text: value for text, value in AMOUNTS.items() if next(one for one in SIGNS if one in text) == sign}
    frame = pd.DataFrame({"customer_id": [f"{i:02d}" for i in range(len(mine))], "amount": list(mine)})
    frame["timestamp"] = "2020-01-01"
    frame.assign(bought="1000000").to_csv(tmp_path / "log.csv", index=False)
    base = frame.assign(amount="2000000", timestamp="2019-12-31")
    pd.concat([base, frame]).to_csv(tmp_path / "log.csv", index=False)  # so that returns have a purchase to undo
    account, _ = brought(tmp_path, tmp_path / "log.csv")
    assert account.rows("quarantined") == 0
    assert float(account.input_amount) == pytest.approx(sum(mine.values()) + 2e6 * len(mine), abs=1e-6)
    assert mine


@pytest.mark.parametrize("text", ["5.00 CR", "5 Mio", "12,5", "5%", "1.2.3", "five", "(5", "12 50", "$", "-"])
def test_what_is_no_amount_is_not_taken_for_one(text: str, tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(f'{HEADER}a,2020-01-01,5\na,2020-01-02,"{text}"\n')
    account, history = brought(tmp_path, tmp_path / "log.csv", decimal=".")
    assert account.rows(reason="amount_unreadable") == 1
    assert told(history) == [("a", "2020-01-01", 5.0)]


def test_decimal_commas_are_read_when_told_and_refused_when_not(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(
        "customer_id;timestamp;amount\n"
        "a;2020-01-01;12,50\nb;2020-01-02;1.234,50 €\nc;2020-01-03;7\nd;2020-01-04;1.234\n"
    )
    with pytest.raises(IngestError, match=r"between thousands: 2, such as '1\.234,50 €'\. Set decimal = ','"):
        brought(tmp_path, tmp_path / "log.csv")
    _, history = brought(tmp_path, tmp_path / "log.csv", decimal=",")
    assert [amount for _, _, amount in told(history)] == [12.5, 1_234.5, 7.0, 1_234.0]
    with pytest.raises(IngestError, match=r"decimal = ';'; it must be '\.' or ','"):
        brought(tmp_path, tmp_path / "log.csv", decimal=";")


DATES = [
    ("2020-03-04", None),
    ("2020/03/04", None),
    ("20200304", None),
    ("20200304T101500", None),
    ("2020-03-04 23:59:59.999", None),
    ("2020-03-04T00:30:00+02:00", None),
    ("2020-03-04T23:30:00-0800", None),
    ("04/03/2020", "%d/%m/%Y"),
    ("04/03/2020 08:12", ("%d/%m/%Y", "%d/%m/%Y %H:%M")),
    ("3/4/20", "%m/%d/%y"),
    ("1583280000", "epoch_s"),
    ("1583280000000", "epoch_ms"),
    ("1583280000000000", "epoch_us"),
    ("43894.75", "excel_days"),
]


@pytest.mark.parametrize(("text", "form"), DATES)
def test_dates_are_read_as_written(text: str, form: Any, tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(f"{HEADER}a,{text},5\n")
    _, history = brought(tmp_path, tmp_path / "log.csv", timestamp_format=form)
    assert told(history) == [("a", "2020-03-04", 5.0)]
    if form is None:
        frame = pd.DataFrame({"customer_id": ["a"], "timestamp": [text], "amount": [5.0]})
        assert told(History.from_frame(frame)) == [("a", "2020-03-04", 5.0)]


def test_a_format_that_means_nothing_is_refused_with_one_that_does(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(f"{HEADER}a,13/02/2020,5\n")
    with pytest.raises(IngestError, match=r"'DD/MM/YYYY' has no fields. Give strptime formats, such as '%d/%m/%Y'"):
        brought(tmp_path, tmp_path / "log.csv", timestamp_format="DD/MM/YYYY")
    with pytest.raises(IngestError, match=r"'%d/%m/%Q' is none"):
        brought(tmp_path, tmp_path / "log.csv", timestamp_format="%d/%m/%Q")
    with pytest.raises(IngestError, match=r"1 timestamp_unreadable, such as '13/02/2020'.*set timestamp_format"):
        brought(tmp_path, tmp_path / "log.csv")


def test_ids_lose_blanks_and_words_for_nothing_but_no_zeros(tmp_path: Path) -> None:
    ids = ["00123", "123", " 123", "123 ", "\u00a0123", "NULL", "nan", "NA", "None", "#N/A", "  ", "N", "ab"]
    frame = pd.DataFrame({"customer_id": ids, "timestamp": "2020-01-01", "amount": 1.0})
    frame.to_csv(tmp_path / "log.csv", index=False)
    account, history = brought(tmp_path, tmp_path / "log.csv")
    assert history.customer_id.to_pylist() == ["00123", "123", "N", "ab"]
    assert account.rows(reason="customer_missing") == 6
    by_frame = History.from_frame(frame)
    assert by_frame.customer_id.to_pylist() == history.customer_id.to_pylist()
    assert by_frame.account is not None and by_frame.account.lines == account.lines


def test_files_are_joined_by_the_names_of_their_columns(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(HEADER + "a,2020-01-01,5\n")
    (tmp_path / "b.csv").write_text("amount;extra;customer_id;timestamp;product\n6;z;b;2020-01-02;soap\n")
    (tmp_path / "c.csv").write_text("")
    (tmp_path / "d.csv").write_text(HEADER)
    account, history = brought(tmp_path, tmp_path / "*.csv", columns={"product": "product"})
    assert told(history) == [("a", "2020-01-01", 5.0), ("b", "2020-01-02", 6.0)]
    assert account.input_rows == 2
    (tmp_path / "e.csv").write_text("c,2020-01-03,7\n")
    with pytest.raises(IngestError, match=r"e\.csv: customer_id = 'customer_id' is not among the columns \['c', '2020"):
        brought(tmp_path, tmp_path / "*.csv")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"log\.csv is empty"),
        ("\n\n\n", r"log\.csv is empty"),
        (HEADER, "there are no rows below the columns"),
        ("customer_id,timestamp,amount,amount\na,2020-01-01,5,6\n", r"log\.csv has 2 columns called 'amount'"),
        ("Customer_ID,Timestamp,Amount\na,2020-01-01,5\n", r"Did you mean 'Customer_ID'\?"),
        (HEADER + 'a,2020-01-01,"5\nb,2020-01-02,6\n', "1 line_malformed"),
    ],
)
def test_what_cannot_be_read_is_said(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(text)
    with pytest.raises(IngestError, match=said):
        brought(tmp_path, tmp_path / "log.csv")


def test_further_columns_may_share_a_name(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("customer_id,timestamp,Amount,amount,x,x,\na,2020-01-01,9,5,1,2,\n")
    _, history = brought(tmp_path, tmp_path / "log.csv")
    assert told(history) == [("a", "2020-01-01", 5.0)]


def test_a_folder_may_hold_other_files_and_our_own_results(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(HEADER + "a,2020-01-01,5\n")
    for name in ("README.md", "x.json", ".hidden.csv", "_SUCCESS", "~$a.xlsx"):
        (tmp_path / name).write_text("nothing of ours")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/scores.csv").write_text("customer_id,stage\na,new\n")
    pq.write_table(pa.table({"x": [1]}), tmp_path / "out/x.parquet")
    account, _ = brought(tmp_path, tmp_path, outside=tmp_path / "out")
    assert account.input_rows == 1
    again, _ = brought(tmp_path, tmp_path, outside=tmp_path / "out")
    assert again == account
