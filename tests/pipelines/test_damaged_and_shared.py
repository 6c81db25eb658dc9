"""Damaged files, strange names of folders, and two at once: an answer in words or the right result, nothing between."""

import datetime as dt
import threading
import time
import zipfile
from pathlib import Path
from types import SimpleNamespace

import mlflow
import pytest
import xlsxwriter

from lifecycle.pipelines.atomic_files import alone
from lifecycle.pipelines.ingest import HistoryStore, IngestError, Tables, TableSpec, ingest
from lifecycle.pipelines.tracking import model_registry
from lifecycle.pipelines.tracking.mlflow_store import TrackingError, open_tracker
from lifecycle.pipelines.tracking.model_registry import CHAMPION, TamperedError
from lifecycle.pipelines.train.training import known_until
from lifecycle.scoring.fitting import TrainingError

COLUMNS = {"customer_id": "id", "timestamp": "day", "amount": "total"}
GOOD = "id,day,total\n" + "".join(f"c{i % 5},2024-01-{1 + i:02d},{i + 1}\n" for i in range(20))


def brought(folder: Path, name: str, **options):
    return ingest(Tables(TableSpec(path=str(folder / name), columns=COLUMNS, **options)), folder / "out")


def workbook(path: Path, far: str | None = None) -> Path:
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for row, line in enumerate(GOOD.splitlines()):
            sheet.write_row(row, 0, line.split(","))
        if far is not None:
            sheet.write(far, 1)
    return path


@pytest.mark.parametrize(("far", "refused"), [("XFD1048576", True), ("A3000", False), ("AA40", False), (None, False)])
def test_a_cell_far_from_the_table_is_refused_before_room_is_made(far, refused, tmp_path):
    workbook(tmp_path / "log.xlsx", far)
    if refused:
        with pytest.raises(IngestError, match="1,048,576 rows and 16,384 columns, most of them empty"):
            brought(tmp_path, "log.xlsx")
    else:
        assert brought(tmp_path, "log.xlsx").rows("used") == 20


@pytest.mark.parametrize("kept", [0.0, 0.5])
def test_a_workbook_whose_sheet_is_missing_or_cut_is_refused_in_words(kept, tmp_path):
    whole = workbook(tmp_path / "whole.xlsx")
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(tmp_path / "log.xlsx", "w") as target:
        for one in source.namelist():
            data = source.read(one)
            if one.startswith("xl/worksheets/"):
                if not kept:
                    continue
                data = data[: int(len(data) * kept)]
            target.writestr(one, data)
    with pytest.raises(IngestError, match="cannot be read as a workbook"):
        brought(tmp_path, "log.xlsx")


@pytest.mark.parametrize("encoding", ["hex", "zip", "rot13", "klingon"])
def test_what_is_no_encoding_of_text_is_refused(encoding, tmp_path):
    (tmp_path / "log.csv").write_text(GOOD)
    with pytest.raises(IngestError, match=f"encoding = '{encoding}' is not known"):
        brought(tmp_path, "log.csv", encoding=encoding)


def test_words_are_no_values_and_a_damaged_manifest_is_built_anew(tmp_path):
    (tmp_path / "log.csv").write_text(GOOD + "a,epoch,5\nb,2024-01-02,--5\nc,infinity,5\nd,2024-01-02,(-5)\n")
    account = brought(tmp_path, "log.csv")
    assert account.rows(reason="timestamp_unreadable") == 2 and account.rows(reason="amount_unreadable") == 2
    manifest = tmp_path / "out/manifest.json"
    for damaged in (manifest.read_bytes()[:200], b"[]", b"{}", b"\xff\xfe"):
        manifest.write_bytes(damaged)
        with pytest.raises(IngestError, match="Run `lifecycle ingest`: it builds the store anew"):
            HistoryStore.open(tmp_path / "out")
        assert brought(tmp_path, "log.csv") == account


@pytest.mark.parametrize("name", ["o'brien", "a%20b", "a?b#c", "[x]*", "客户 1"])
def test_a_folders_name_is_only_a_name(name, tmp_path):
    folder = tmp_path / name
    folder.mkdir()
    (folder / "log.csv").write_text(GOOD + "x,never,5\n")
    brought(folder, "log.csv")
    (folder / "log2.csv").write_text(GOOD.replace("c", "d"))
    spec = TableSpec(path=str(folder), columns=COLUMNS, outside=folder / "out")
    more = ingest(Tables(spec), folder / "out")
    assert (more.rows("used"), more.rows("quarantined")) == (40, 1)
    assert sorted(one.name for one in tmp_path.iterdir()) == [name]


def test_readers_keep_what_they_have_opened_and_it_goes_when_they_do(tmp_path):
    (tmp_path / "log.csv").write_text(GOOD)
    brought(tmp_path, "log.csv")
    reader = HistoryStore.open(tmp_path / "out")
    (tmp_path / "log.csv").write_text(GOOD.replace(",1\n", ",9\n"))
    brought(tmp_path, "log.csv")
    assert reader.read_all().amount.sum() == 210
    assert HistoryStore.open(tmp_path / "out").read_all().amount.sum() == 218
    assert len(list((tmp_path / "out").glob("segment-*"))) == 2
    del reader
    (tmp_path / "log.csv").write_text(GOOD)
    brought(tmp_path, "log.csv")
    assert len(list((tmp_path / "out").glob("segment-*"))) == 1


def test_who_comes_second_waits_and_is_told_for_whom(tmp_path):
    heard, order = [], []

    def second():
        with alone(tmp_path / "lock", "the scoring", heard.append):
            order.append("second")

    with alone(tmp_path / "lock", "the scoring", heard.append):
        waiting = threading.Thread(target=second)
        waiting.start()
        while not heard:
            time.sleep(0.005)
        order.append("first")
    waiting.join()
    assert order == ["first", "second"]
    assert heard[0].startswith("waiting for process ") and heard[0].endswith("which is at work on the scoring")


def test_nobody_is_scored_as_of_a_day_to_come():
    today = dt.date.today()
    store = SimpleNamespace(first_day=dt.date(2020, 1, 1), last_day=dt.date(2199, 5, 5))
    with pytest.raises(TrainingError, match="the last day of the log, 2199-05-05, is still to come"):
        known_until(SimpleNamespace(time=SimpleNamespace(as_of=None)), store)
    with pytest.raises(TrainingError, match=r"time\.as_of, 9999-12-31, is still to come"):
        known_until(SimpleNamespace(time=SimpleNamespace(as_of=dt.date(9999, 12, 31))), store)
    assert known_until(SimpleNamespace(time=SimpleNamespace(as_of=today)), store) == today


def test_a_model_whose_files_were_changed_is_refused(done):
    tracker = open_tracker(done.config)
    found = model_registry.registered(tracker, CHAMPION)
    [stages] = Path(done.config.tracking_uri.removeprefix("sqlite:///")).parent.rglob("bundle/stages.json")
    whole = stages.read_bytes()
    try:
        stages.write_bytes(whole.replace(b'"churn_multiple": 4.0', b'"churn_multiple": 400.0'))
        assert stages.read_bytes() != whole
        with pytest.raises(TamperedError, match=f"the files of version {found.number} .* somebody changed them"):
            model_registry.registered(tracker, CHAMPION)
    finally:
        stages.write_bytes(whole)
    assert model_registry.registered(tracker, CHAMPION) == found


@pytest.mark.parametrize("uri", ["nonsense://x", "sqlite:////proc/none/x.db"])
def test_a_store_that_cannot_be_opened_is_said_in_words(uri):
    former = mlflow.get_tracking_uri()
    try:
        with pytest.raises((TrackingError, OSError)):
            open_tracker(SimpleNamespace(experiment="shop", tracking_uri=uri))
    finally:
        mlflow.set_tracking_uri(former)
