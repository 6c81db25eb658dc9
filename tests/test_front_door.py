"""What `import lifecycle as lc` offers: names found by completion, public data, dates written as people write them."""

import datetime as dt
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest

import lifecycle as lc


def test_importing_costs_no_library_and_completion_finds_every_name() -> None:
    program = (
        "import sys, lifecycle\n"
        "assert not {'numpy', 'pandas', 'numba', 'mlflow'} & set(sys.modules), 'heavy'\n"
        "assert set(dir(lifecycle)) == set(lifecycle.__all__)\n"
        "for name in lifecycle.__all__: assert getattr(lifecycle, name).__doc__, name\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    with pytest.raises(AttributeError, match="no attribute 'hystory'; it has History"):
        _ = lc.hystory


def test_cdnow_is_what_its_readme_counts() -> None:
    log = lc.datasets.cdnow()
    assert (len(log), log["customer_id"].nunique()) == (69_659, 23_570)
    assert round(float(log["amount"].sum()), 2) == 2_500_315.63
    assert (log["date"].min(), log["date"].max()) == (pd.Timestamp("1997-01-01"), pd.Timestamp("1998-06-30"))


def test_the_sample_gives_the_published_summary_from_any_frame_and_any_way_to_write_a_date() -> None:
    log = lc.datasets.cdnow_sample()
    found = []
    for frame in (log, pl.from_pandas(log)):
        history = lc.History.from_frame(frame, timestamp="date")
        days = ("1997-09-30", dt.date(1997, 9, 30), pd.Timestamp("1997-09-30"), dt.datetime(1997, 9, 30, 23, 59))
        found += [lc.summarise(history, as_of) for as_of in days]
    for one in found:
        pd.testing.assert_frame_equal(one, found[0])
        assert (len(one), one["frequency"].sum(), np.count_nonzero(one["frequency"])) == (2_357, 2_457, 946)
    for text in ("30.09.1997", "1997-09-31", ""):
        with pytest.raises(ValueError, match=r"written year-month-day, such as 1998-06-30; found"):
            lc.summarise(history, text)


def test_a_window_keeps_a_date_however_it_was_given() -> None:
    windows = [lc.Window(day, 90) for day in ("1998-03-31", dt.date(1998, 3, 31), pd.Timestamp("1998-03-31 12:00"))]
    assert set(windows) == {lc.Window(dt.date(1998, 3, 31), 90)}
    assert {type(window.as_of) for window in windows} == {dt.date}
    assert {window.end for window in windows} == {dt.date(1998, 6, 29)}
