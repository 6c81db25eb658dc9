"""Run the whole job once on a small invented log, so that the compiled passes lie in the cache before a user waits.

Part of the set-up: `python -m lifecycle.pipelines.warm_up`. Nothing of it is kept but the compiled code.
"""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from lifecycle.pipelines.config import parse
from lifecycle.pipelines.steps import run_all
from lifecycle.pipelines.terminal import console

CUSTOMERS = 300
DAYS = 540


def invented_log(rng: np.random.Generator) -> pd.DataFrame:
    """Lines of customers who buy at rates of their own, drop out after a while, and return a line now and then."""
    frames = []
    for customer in range(CUSTOMERS):
        begin, stay = rng.integers(0, DAYS // 3), rng.exponential(DAYS / 2) + 1
        gaps = rng.exponential(rng.gamma(2.0, 15.0) + 3.0, 60)
        days = begin + np.concatenate([[0], np.cumsum(gaps[np.cumsum(gaps) < stay])])
        days = days[days < DAYS].astype(int)
        frames.append(pd.DataFrame({"customer_id": f"c{customer:04d}", "day": days}))
    log = pd.concat(frames, ignore_index=True)
    n = len(log)
    log["timestamp"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(log.pop("day"), unit="D")
    log["order_id"] = [f"o{i:06d}" for i in range(n)]
    log["product"] = [f"p{i}" for i in rng.integers(0, 30, n)]
    log["category"] = [f"k{i}" for i in rng.integers(0, 5, n)]
    log["channel"] = [f"h{i}" for i in rng.integers(0, 2, n)]
    log["quantity"] = rng.integers(1, 5, n)
    log["amount"] = (rng.gamma(3.0, 10.0, n) + 1.0).round(2)
    back = log.iloc[:: max(1, n // 40)].copy()
    back["timestamp"] += pd.Timedelta(days=5)
    back["order_id"] += "r"
    back["amount"], back["quantity"] = -back["amount"], -back["quantity"]
    return pd.concat([log, back], ignore_index=True)


def main() -> None:
    """Run the job in a folder that is thrown away, without a word."""
    optional = ("order_id", "product", "category", "channel", "quantity")
    with tempfile.TemporaryDirectory() as folder:
        invented_log(np.random.default_rng(1)).to_csv(Path(folder) / "log.csv", index=False)
        document = {
            "tables": {"transactions": {"path": "log.csv", **{name: name for name in optional}}},
            "time": {"horizon_days": 60},
            "retention": {"budget": 50},
            "learning": {"bootstrap": 20},
        }
        console.quiet = True
        run_all(parse(document, base=Path(folder), name="warm-up"))


if __name__ == "__main__":
    main()
