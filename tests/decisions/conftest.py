"""Real logs as histories, each built once a session."""

import datetime as dt
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest

from lifecycle.decisions.stage_policy import StagePolicy
from lifecycle.features.history import History
from lifecycle.features.rfm import summarise
from lifecycle.models.btyd import MbgNbd


@dataclass(frozen=True)
class Trial:
    """A log, the last of twelve weekly scorings, and the policy fixed before the first of them."""

    history: History
    last: dt.date
    policy: StagePolicy


def _trial(history: History, last: str, horizon: int) -> Trial:
    end = dt.date.fromisoformat(last)
    summary = summarise(history, end - dt.timedelta(weeks=12))
    model = MbgNbd.fit(summary["frequency"], summary["recency"], summary["T"])
    return Trial(history, end, StagePolicy.from_rates(model.r, model.alpha, horizon))


@pytest.fixture(scope="session")
def cdnow() -> Trial:
    origin = find_spec("lifetimes").origin
    frame = pd.read_csv(
        Path(origin).parent / "datasets" / "CDNOW_master.txt",
        sep=r"\s+",
        skiprows=1,
        header=None,
        names=["customer_id", "date", "number", "amount"],
        dtype={"customer_id": str, "date": str},
    )
    frame["timestamp"] = pd.to_datetime(frame.pop("date"), format="%Y%m%d")
    return _trial(History.from_frame(frame), "1998-04-01", 90)


@pytest.fixture(scope="session")
def online_retail(shared_data) -> Trial:
    frame = pd.read_parquet(shared_data / "online_retail" / "transactions.parquet")
    history = History.from_frame(
        frame.rename(columns={"ts": "timestamp"}), order_id="order_id", product="product_id", quantity="quantity"
    )
    return _trial(history, "2011-09-09", 90)


@pytest.fixture(scope="session")
def grocery(shared_data) -> Trial:
    frame = pd.read_parquet(shared_data / "grocery" / "transactions.parquet")
    return _trial(History.from_frame(frame.rename(columns={"ts": "timestamp"}), amount=None), "2007-09-30", 90)


@pytest.fixture(scope="session", params=["cdnow", "online_retail", "grocery"])
def trial(request) -> Trial:
    return request.getfixturevalue(request.param)
