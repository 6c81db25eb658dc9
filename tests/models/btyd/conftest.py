"""Histories by a few plain lines of pandas, so that the models are tested apart from the project's own features."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

DAY = pd.Timedelta(days=1)


@dataclass(frozen=True, eq=False)
class Base:
    """Customers at the end of a calibration period and what they bought in the holdout."""

    frequency: np.ndarray
    recency: np.ndarray
    T: np.ndarray
    monetary_value: np.ndarray
    holdout: np.ndarray
    holdout_spend: np.ndarray
    offsets: np.ndarray
    day: np.ndarray

    @property
    def history(self):
        return self.frequency, self.recency, self.T


def summarise(purchases: pd.DataFrame, end: str, holdout_end: str, unit: float) -> Base:
    """Purchase days (columns customer, date, amount) into histories, times in days over ``unit``."""
    days = purchases.groupby(["customer", "date"], as_index=False)["amount"].sum()
    known = days[days["date"] <= end]
    dates = known.groupby("customer")["date"]
    first, last = dates.min(), dates.max()
    repeat = known[known["date"] > known["customer"].map(first)]
    later = days[(days["date"] > end) & (days["date"] <= holdout_end)].groupby("customer")["amount"]
    count = dates.size()
    return Base(
        frequency=count.to_numpy(float) - 1.0,
        recency=((last - first) / DAY / unit).to_numpy(float),
        T=((pd.Timestamp(end) - first) / DAY / unit).to_numpy(float),
        monetary_value=repeat.groupby("customer")["amount"].mean().reindex(first.index).to_numpy(float),
        holdout=later.size().reindex(first.index).fillna(0.0).to_numpy(float),
        holdout_spend=later.sum().reindex(first.index).fillna(0.0).to_numpy(float),
        offsets=np.concatenate(([0], np.cumsum(count.to_numpy()))),
        day=((known["date"] - pd.Timestamp("1970-01-01")) / DAY).to_numpy(float),
    )


def read_cdnow(name: str, columns: list[str], skip: int) -> pd.DataFrame:
    spec = find_spec("lifetimes")
    assert spec is not None and spec.origin is not None
    path = Path(spec.origin).parent / "datasets" / name
    table = pd.read_csv(
        path, sep=r"\s+", skiprows=skip, header=None, names=columns, dtype={"customer": str, "date": str}
    )
    return table.assign(date=pd.to_datetime(table["date"], format="%Y%m%d"))


@pytest.fixture(scope="session")
def cdnow() -> Base:
    """The tenth of CDNOW that the papers use; weeks, calibration to 1997-09-30, 39 weeks of holdout."""
    table = read_cdnow("CDNOW_sample.txt", ["master", "customer", "date", "count", "amount"], 0)
    return summarise(table, "1997-09-30", "1998-06-30", 7.0)


@pytest.fixture(scope="session")
def cdnow_full() -> Base:
    table = read_cdnow("CDNOW_master.txt", ["customer", "date", "count", "amount"], 1)
    return summarise(table, "1997-09-30", "1998-06-30", 7.0)


def read_shared(folder: Path, name: str) -> pd.DataFrame:
    table = pd.read_parquet(folder / name / "transactions.parquet")
    table = table.rename(columns={"customer_id": "customer"}).dropna(subset=["customer"])
    table["date"] = pd.to_datetime(table["ts"]).dt.normalize()
    if "amount" not in table:
        table["amount"] = 1.0
    return table[table["amount"] >= 0.0]


@pytest.fixture(scope="session")
def grocery(shared_data: Path) -> Base:
    return summarise(read_shared(shared_data, "grocery"), "2006-12-31", "2007-12-30", 7.0)


@pytest.fixture(scope="session")
def apparel(shared_data: Path) -> Base:
    return summarise(read_shared(shared_data, "apparel"), "2006-12-31", "2010-12-20", 7.0)


@pytest.fixture(scope="session")
def online_retail(shared_data: Path) -> dict[str, Base]:
    """Days; at several dates."""
    table = read_shared(shared_data, "online_retail")
    ends = ["2011-03-31", "2011-06-30", "2011-09-30"]
    return {end: summarise(table, end, "2011-12-09", 1.0) for end in ends}
