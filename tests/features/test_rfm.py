import datetime as dt
import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd

from lifecycle.features.history import History
from lifecycle.features.rfm import summarise


def test_cdnow_sample_as_published() -> None:
    spec = importlib.util.find_spec("lifetimes")
    assert spec is not None and spec.origin is not None
    names = ["master_id", "customer_id", "date", "number", "value"]
    log = pd.read_csv(Path(spec.origin).parent / "datasets/CDNOW_sample.txt", sep=r"\s+", names=names, dtype=str)
    log = log.assign(date=pd.to_datetime(log["date"], format="%Y%m%d"), value=log["value"].astype(float))
    history = History.from_frame(log, timestamp="date", amount="value")
    summary = summarise(history, dt.date(1997, 9, 30))
    assert len(summary) == 2_357
    assert summary["frequency"].sum() == 2_457
    assert (summary["frequency"] > 0).sum() == 946
    later = summarise(history, dt.date(1998, 6, 30))
    assert later["frequency"].sum() - summary["frequency"].sum() == 1_882


def test_equals_the_plain_summary_of_a_frame() -> None:
    rng = np.random.default_rng(3)
    n = 4_000
    log = pd.DataFrame(
        {
            "customer_id": rng.integers(0, 700, n),
            "timestamp": pd.Timestamp("2021-01-01") + pd.to_timedelta(rng.integers(0, 500 * 24, n), unit="h"),
            "amount": rng.integers(0, 5_000, n) / 100,
        }
    )
    as_of = dt.date(2021, 12, 31)
    mine = summarise(History.from_frame(log), as_of)
    days = log.assign(day=log["timestamp"].dt.normalize()).query("day <= @as_of")
    days = days.groupby(["customer_id", "day"], as_index=False)["amount"].sum()
    by = days.groupby("customer_id")
    first, last = by["day"].min(), by["day"].max()
    assert mine.index.tolist() == first.index.tolist()
    np.testing.assert_array_equal(mine["frequency"], by.size() - 1)
    np.testing.assert_array_equal(mine["recency"], (last - first).dt.days)
    np.testing.assert_array_equal(mine["T"], (pd.Timestamp(as_of) - first).dt.days)
    repeats = days[days["day"] > days["customer_id"].map(first)]
    mean = repeats.groupby("customer_id")["amount"].mean().reindex(first.index)
    np.testing.assert_allclose(mine["monetary_value"], mean, rtol=1e-12, equal_nan=True)
    np.testing.assert_allclose(mine["spend"], by["amount"].sum(), rtol=1e-12)
