"""Credit models against real portfolios: probability of default on Taiwan's cards, late payment on IBM's invoices.

Run `python -P benchmarks/credit.py --bars`. Both are read from `../shared/data` (or `--data`). Logistic regression and
LightGBM without constraints run beside on the same folds, and optbinning 1.0 where it is installed. `--full` adds the
speed of a million customers with ten million invoices.
"""

import argparse
import importlib.util
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

# A script finds its own folder first, and a benchmark there is called like the package `features`.
sys.path = [path for path in sys.path if Path(path).resolve() != Path(__file__).resolve().parent]

import lightgbm  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.model_selection import StratifiedKFold  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402

from lifecycle.features.history import Payments  # noqa: E402
from lifecycle.features.invoice_state import invoice_state  # noqa: E402
from lifecycle.models.credit import BetaBinomial, BoostedProbability, Scorecard  # noqa: E402
from lifecycle.models.credit.known_at_invoice import SETTINGS, TRENDS, known_at_invoice, late_attributes  # noqa: E402
from lifecycle.models.evaluation.metrics import auc, calibration_error, log_loss  # noqa: E402

DATA = Path(__file__).parents[1].parent / "shared" / "data"
Bar = tuple[str, str, str, bool]
Predict = Callable[[pd.DataFrame, np.ndarray, pd.DataFrame], np.ndarray]
OUTCOME = "default.payment.next.month"


def measures(p: np.ndarray, y: np.ndarray) -> tuple[float, float, float]:
    w = np.ones(y.size)
    return auc(p, y)(w), log_loss(p, y)(w), calibration_error(p, y)(w)


def taiwan(data: Path) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Raw attributes; the same with the repayment code in two (months late, and how the bill was used); the outcome."""
    frame = pd.read_parquet(data / "taiwan_default" / "customers.parquet")
    raw = frame.drop(columns=["ID", OUTCOME])
    split = raw.copy()
    for name in [c for c in raw if c.startswith("PAY_") and not c.startswith("PAY_AMT")]:
        split[name] = raw[name].clip(lower=0)
        split[f"use_{name}"] = raw[name].clip(upper=0)
    return raw, split, frame[OUTCOME].to_numpy(np.float64)


def logistic(x: pd.DataFrame, y: np.ndarray, new: pd.DataFrame) -> np.ndarray:
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    return model.fit(x, y).predict_proba(new)[:, 1]


def plain_trees(x: pd.DataFrame, y: np.ndarray, new: pd.DataFrame) -> np.ndarray:
    parameters = {"objective": "binary", "learning_rate": 0.05, "num_leaves": 15, "seed": 7, "num_threads": 2}
    return lightgbm.train(parameters | {"verbosity": -1}, lightgbm.Dataset(x, y), 120).predict(new)


def optbinning(x: pd.DataFrame, y: np.ndarray, new: pd.DataFrame) -> np.ndarray:
    from optbinning import BinningProcess

    process = BinningProcess(list(x.columns), selection_criteria={"iv": {"min": 0.02}})
    woe = process.fit_transform(x, y.astype(int), metric="woe")
    return LogisticRegression(max_iter=500).fit(woe, y).predict_proba(process.transform(new, metric="woe"))[:, 1]


def card(x: pd.DataFrame, y: np.ndarray, new: pd.DataFrame) -> np.ndarray:
    return Scorecard.fit(x, y).probability(new)


def trees(x: pd.DataFrame, y: np.ndarray, new: pd.DataFrame) -> np.ndarray:
    late = [c for c in x if c.startswith("PAY_") and not c.startswith("PAY_AMT")]
    trends = dict.fromkeys(late, "rising") | {"LIMIT_BAL": "falling"}
    return BoostedProbability.fit(x, y, trends=trends).probability(new)


def folded(x: pd.DataFrame, y: np.ndarray, predict: Predict) -> np.ndarray:
    out = np.empty(y.size)
    for fit, judge in StratifiedKFold(5, shuffle=True, random_state=7).split(x, y):
        out[judge] = predict(x.iloc[fit], y[fit], x.iloc[judge])
    return out


def default_bars(data: Path) -> list[Bar]:
    raw, split, y = taiwan(data)
    models = {"logistic": (raw, logistic), "lightgbm plain": (raw, plain_trees), "scorecard": (raw, card)}
    models |= {"boosted": (split, trees)}
    if importlib.util.find_spec("optbinning") is not None:
        models["optbinning"] = (raw, optbinning)
    found = {}
    for name, (x, predict) in models.items():
        found[name] = folded(x, y, predict)
        print(
            f"  {name:15} AUC {{:.4f}}  log loss {{:.4f}}  ECE {{:.4f}}".format(*measures(found[name], y)), flush=True
        )
    p = found["boosted"]
    (area, loss, ece), (card_area, _, _) = measures(p, y), measures(found["scorecard"], y)
    peer = measures(found["optbinning"], y)[0] if "optbinning" in found else 0.7667
    beside = "optbinning, same run" if "optbinning" in found else "optbinning, recorded"
    balance = np.maximum(raw["BILL_AMT1"].to_numpy(), 0.0)
    ratio = (p * balance).sum() / (y * balance).sum()
    parts = np.array_split(np.argsort(p, kind="stable"), 10)
    by_decile = [(p * balance)[part].sum() / (y * balance)[part].sum() for part in parts]
    return [
        ("Taiwan, boosted AUC", ">= .783", f"{area:.4f}", area >= 0.783),
        ("Taiwan, boosted log loss", "<= .428", f"{loss:.4f}", loss <= 0.428),
        ("Taiwan, boosted ECE", "<= .010", f"{ece:.4f}", ece <= 0.010),
        ("Taiwan, scorecard AUC", ">= .764", f"{card_area:.4f}", card_area >= 0.764),
        (f"Taiwan, scorecard − {beside}", ">= -.003", f"{card_area - peer:+.4f}", card_area >= peer - 0.003),
        ("Taiwan, expected / actual loss", ".97 to 1.03", f"{ratio:.4f}", 0.97 <= ratio <= 1.03),
        (
            "Taiwan, the same by decile",
            ".75 to 1.30",
            f"{min(by_decile):.2f} to {max(by_decile):.2f}",
            min(by_decile) >= 0.75 and max(by_decile) <= 1.30,
        ),
    ]


def late_bars(data: Path) -> list[Bar]:
    frame = pd.read_parquet(data / "ibm_late_invoices" / "transactions.parquet")
    invoiced, due, paid = (
        frame[name].to_numpy("datetime64[D]").astype(np.int64) for name in ("ts", "due_date", "paid_date")
    )
    code = frame["customer_id"].astype("category").cat.codes.to_numpy(np.int64)
    known = known_at_invoice(code, invoiced, due, paid, frame["amount"].to_numpy())
    y = (paid > due).astype(np.float64)
    fit = invoiced <= np.datetime64("2013-05-01").astype(np.int64)
    judge = invoiced > np.datetime64("2013-05-31").astype(np.int64)
    prior = BetaBinomial.fit(np.bincount(code[fit], weights=y[fit]), np.bincount(code[fit]).astype(np.float64))
    x = late_attributes(known, prior)
    own = x["own_late_probability"].to_numpy()[judge]
    p = BoostedProbability.fit(x[fit], y[fit], trends=TRENDS, groups=code[fit], settings=SETTINGS).probability(x[judge])
    for name, found in (("Beta-binomial", own), ("boosted", p)):
        print(f"  {name:15} AUC {{:.4f}}  log loss {{:.4f}}  ECE {{:.4f}}".format(*measures(found, y[judge])))
    area, loss, _ = measures(p, y[judge])
    return [
        ("IBM, late AUC", ">= .862", f"{area:.4f}", area >= 0.862),
        ("IBM, late log loss", "<= .42", f"{loss:.4f}", loss <= 0.42),
    ]


def speed_bar() -> Bar:
    rng = np.random.default_rng(7)
    customers, each = 1_000_000, 10
    invoiced = np.sort(rng.integers(0, 1000, (customers, each)).astype(np.int32), axis=1).ravel()
    due = invoiced + np.int32(30)
    paid = invoiced + rng.integers(1, 60, invoiced.size).astype(np.int32)
    offsets = np.arange(customers + 1, dtype=np.int64) * each
    bills = Payments(offsets, invoiced, due, paid, rng.lognormal(4, 1, invoiced.size))
    invoice_state(Payments(offsets[:2], invoiced[:each], due[:each], paid[:each], bills.amount[:each]), 1000)
    start = time.perf_counter()
    state = invoice_state(bills, 1000)
    BetaBinomial.fit(state["late"], state["judged"])
    seconds = time.perf_counter() - start
    return "1M customers, 10M invoices: pass and prior", "<= 15 s", f"{seconds:.1f} s", seconds <= 15


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bars", action="store_true", help="exit 1 where a bar is missed")
    parser.add_argument("--full", action="store_true", help="add the speed of a million customers")
    parser.add_argument("--data", type=Path, default=DATA)
    options = parser.parse_args()
    warnings.filterwarnings("ignore", module="optbinning|sklearn|ortools")
    bars = late_bars(options.data) + default_bars(options.data)
    bars += [speed_bar()] if options.full else []
    for name, bar, measured, met in bars:
        print(f"{name:48} {bar:12} {measured:14} {'met' if met else 'missed'}")
    return int(options.bars and not all(met for *_, met in bars))


if __name__ == "__main__":
    sys.exit(main())
