"""Lines are counted apart from the engine, so that none vanish: in long lines, behind open quotes, however packed."""

import csv
import gzip
import io
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle.pipelines.ingest import IngestError, Tables, TableSpec, ingest, line_count
from lifecycle.pipelines.ingest.line_count import check_lines, count_lines

COLUMNS = {"customer_id": "customer_id", "timestamp": "timestamp", "amount": "amount"}
CELLS = st.text(st.sampled_from('ab,"\n\r ;é'), max_size=6)


@settings(deadline=None)
@given(
    st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=12), st.sampled_from(["\n", "\r\n"]), st.integers(1, 9)
)
def test_records_are_those_of_the_standard_reader_wherever_pieces_end(rows, end, piece):
    text = io.StringIO()
    csv.writer(text, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(rows)
    data = text.getvalue().encode()
    folder = Path(tempfile.mkdtemp())
    (folder / "a.csv").write_bytes(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(line_count, "PIECE", piece)
        found = count_lines(folder / "a.csv", delimiter=",", quote='"', skip=0)
    assert found.records == len(rows)


@pytest.mark.parametrize(
    ("text", "records", "ends"),
    [
        ("a,b\r\n1,2\r\n", 2, 1),
        ("a,b\r1,2\r\r3,4", 3, 1),
        ("a,b\n1,2\r\n3,4\r", 3, 3),
        ("\n\na,b\n\n1,2", 2, 1),
        ('a,b\n1,it"s\n2,"x"\n', 3, 1),
        ("", 0, 0),
    ],
)
def test_line_ends_and_blank_lines(text, records, ends, tmp_path):
    (tmp_path / "a.csv").write_bytes(text.encode())
    found = count_lines(tmp_path / "a.csv", delimiter=",", quote='"', skip=0)
    assert (found.records, found.ends) == (records, ends)


def log(n: int, note: str = "") -> str:
    return "customer_id,timestamp,amount,note\n" + "".join(f"C{i},2020-01-0{1 + i % 9},5,{note}\n" for i in range(n))


def taken(folder: Path, path: str = "log.csv", **options) -> int:
    spec = TableSpec(path=str(folder / path), columns=COLUMNS, **options)
    return ingest(Tables(spec), folder / "out").input_rows


@pytest.mark.parametrize("ending", ["", ".gz", ".zst"])
def test_what_an_open_quote_would_swallow_is_refused_with_the_line_where_it_opens(ending, tmp_path):
    data = (log(3) + 'C9,2020-01-01,5,"open\n' + "C1,2020-01-02,5,some note\n" * 1_400_000).encode()
    packed = {"": bytes, ".gz": lambda b: gzip.compress(b, 1), ".zst": lambda b: pa.compress(b, "zstd", asbytes=True)}
    (tmp_path / f"log.csv{ending}").write_bytes(packed[ending](data))
    with pytest.raises(IngestError, match=r"begins at line 5 is 36\.4 MB long; 33\.6 MB can be read.*quote"):
        taken(tmp_path, f"log.csv{ending}")


def test_a_line_longer_than_the_engine_holds_is_refused_and_one_it_holds_is_kept(tmp_path):
    (tmp_path / "log.csv").write_text(log(3) + f"C5,2020-01-01,5,{'Z' * 34_000_000}\n")
    with pytest.raises(IngestError, match=r"begins at line 5 is 34\.0 MB long"):
        taken(tmp_path)
    (tmp_path / "log.csv").write_text(log(3) + f"C5,2020-01-01,5,{'Z' * 3_000_000}\n")
    assert taken(tmp_path) == 4


def test_other_counts_of_the_engine_are_refused():
    check_lines("transactions", 10, 8, 2)
    check_lines("transactions", None, 8, 2)
    with pytest.raises(IngestError, match="hold 11 lines below their headers, but 8 rows and 2 lines"):
        check_lines("transactions", 11, 8, 2)


@pytest.mark.parametrize("name", ["sales[12]", "s*", "q?", "[a-z]", "a'b"])
def test_signs_in_a_files_name_are_no_patterns(name, tmp_path):
    for folder, write in (("text", None), ("parquet", pq.write_table)):
        place = tmp_path / folder / "deep[1]"
        place.mkdir(parents=True)
        for one, rows in ((name, 2), ("sales1", 5), ("sX", 5), ("q7", 5), ("b", 5)):
            if write is None:
                (place / f"{one}.csv").write_text(log(rows))
            else:
                columns = {"customer_id": ["a"] * rows, "timestamp": ["2020-01-01"] * rows, "amount": [5.0] * rows}
                write(pa.table(columns), place / f"{one}.parquet")
        spec = TableSpec(path=str(place / f"{name}.{'csv' if write is None else 'parquet'}"), columns=COLUMNS)
        assert ingest(Tables(spec), tmp_path / f"out-{folder}").input_rows == 2
