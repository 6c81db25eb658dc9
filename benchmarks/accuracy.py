"""Accuracy out of time on four real logs: this project against lifetimes, a plain LightGBM on RFM, and their average.

Run from the repository: `.venv/bin/python benchmarks/accuracy.py`. Two origins a log, one run, the same customers and
windows for all. Writes benchmarks/results/accuracy.md and .csv. The opponents get what a careful user would give them:
lifetimes is fitted to all that is known at the origin and penalised where it does not converge; the plain LightGBM
learns from the same earlier as-of dates, with settings that were better on these logs than the library's defaults.

Any other log: `--path FILE.parquet` (or .csv), with `--customer-id`, `--timestamp`, `--amount`, `--order-id`,
`--product`, `--quantity` for its column names where they differ from these words (`--amount none`: without amounts),
`--horizon DAYS` (default 90) and `--origin DATE`, which may be repeated (default: the last two that the log allows).
All tables are printed then and nothing is written. Needed is half a horizon (28 days at least) to look back on, one
horizon to train and one to test.
"""

import argparse
import contextlib
import datetime as dt
import importlib.util
import io
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# A script finds its own folder first, and a benchmark there is called like the package `features`.
sys.path = [path for path in sys.path if Path(path).resolve() != Path(__file__).resolve().parent]

import lightgbm  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

from lifecycle.features.history import History  # noqa: E402
from lifecycle.features.window import Window  # noqa: E402
from lifecycle.models.evaluation import Evaluation, evaluate  # noqa: E402
from lifecycle.models.forecasting import (  # noqa: E402
    Forecast,
    Snapshot,
    candidates,
    origins,
    rolling,
)
from lifecycle.models.forecasting.snapshot import outcome_of  # noqa: E402

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
SEED = 1
OPPONENTS = ("lifetimes BG/NBD", "plain LightGBM", "plain average")
PROJECT = "this project"
COMPARED = {
    "churn_auc": 1,
    "churn_average_precision": 1,
    "churn_log_loss": -1,
    "spend_gini": 1,
    "spend_spearman": 1,
}
SHOWN = (
    *COMPARED,
    "churn_brier",
    "churn_calibration_error",
    "spend_mae",
    "spend_bias",
    "spend_rmse",
    "spend_top_decile",
)
PLAIN = {
    "learning_rate": 0.05,
    "num_leaves": 15,
    "min_data_in_leaf": 50,
    "seed": SEED,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 2,
    "verbosity": -1,
}


@dataclass(frozen=True)
class Case:
    """One log at its origins."""

    log: str
    horizon: int
    origins: tuple[str, ...]
    history: History | None = None


CASES = (
    Case("cdnow", 90, ("1998-01-31", "1998-04-01")),
    Case("online_retail", 90, ("2011-06-30", "2011-09-10")),
    Case("apparel", 180, ("2009-12-25", "2010-06-23")),
    Case("grocery", 90, ("2007-07-03", "2007-10-01")),
)


def history(log: str) -> History:
    if log == "cdnow":
        spec = importlib.util.find_spec("lifetimes")
        assert spec is not None and spec.origin is not None
        path = Path(spec.origin).parent / "datasets" / "CDNOW_master.txt"
        names = ["customer_id", "timestamp", "quantity", "amount"]
        frame = pd.read_csv(path, sep=r"\s+", names=names, skiprows=1, dtype={"customer_id": str})
        frame["timestamp"] = pd.to_datetime(frame["timestamp"].astype(str))
        return History.from_frame(frame, quantity="quantity")
    frame = pd.read_parquet(DATA / log / "transactions.parquet")
    named = {name: name for name in ("order_id", "product", "quantity", "channel") if name in frame}
    amount = "amount" if "amount" in frame and frame["amount"].notna().any() else None
    return History.from_frame(frame, timestamp="ts", amount=amount, **named)


PENALTIES = (0.0, 0.001, 0.01, 0.1)


def converged(kind: Any, *data: Any, **settings: Any) -> Any:
    """A model of lifetimes with the smallest penalty that converges; None where none does."""
    for penalty in PENALTIES:
        model = kind(penalizer_coef=penalty)
        try:
            with contextlib.redirect_stdout(io.StringIO()):  # it prints where it does not converge
                model.fit(*data, **settings)
        except Exception:  # it raises errors of several kinds where it does not converge
            continue
        return model
    return None


def by_lifetimes(snapshot: Snapshot) -> Forecast:
    """BG/NBD and Gamma-Gamma as the package fits them, each with its smallest penalty that converges.

    Where no Gamma-Gamma converges, the mean purchase of all stands in, as a careful user would have it. Raises
    RuntimeError where no BG/NBD converges.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from lifetimes import BetaGeoFitter, GammaGammaFitter

        x, t_x, T = snapshot.frequency, snapshot.recency, snapshot.T
        rows, weights = np.unique(np.column_stack([x, t_x, T]), axis=0, return_counts=True)
        model = converged(BetaGeoFitter, rows[:, 0], rows[:, 1], rows[:, 2], weights=weights)
        if model is None:
            raise RuntimeError(f"lifetimes' BG/NBD converges with none of the penalties {PENALTIES}.")
        horizon = snapshot.horizon
        alive = np.asarray(model.conditional_probability_alive(x, t_x, T), dtype=np.float64)
        r, alpha = float(model.params_["r"]), float(model.params_["alpha"])
        bought = alive * (1.0 - ((alpha + T) / (alpha + T + horizon)) ** (r + x))
        count = model.conditional_expected_number_of_purchases_up_to_time(horizon, x, t_x, T)
        count = np.nan_to_num(np.asarray(count, dtype=np.float64), nan=float(np.nanmean(count)))
        spend = np.full(snapshot.n, np.nan)
        if snapshot.has_money:
            value = np.where(x > 0, np.maximum(snapshot.monetary_value, 0.0), 0.0)
            used = (x > 0) & (value > 0)
            money = converged(GammaGammaFitter, x[used], value[used])
            if money is None:
                spend = count * snapshot.spend.sum() / (x + 1.0).sum()
            else:
                spend = count * np.asarray(money.conditional_expected_average_profit(x, value), dtype=np.float64)
    missing = np.full(snapshot.n, np.nan)
    return Forecast(1.0 - bought, missing, alive, count, spend)


def rfm(snapshot: Snapshot) -> np.ndarray[Any, np.dtype[np.float64]]:
    since = snapshot.T - snapshot.recency
    columns = (snapshot.frequency, snapshot.recency, snapshot.T, snapshot.monetary_value, since, snapshot.spend)
    return np.column_stack(columns)


def by_plain_lightgbm(learned: list[Snapshot], snapshot: Snapshot) -> Forecast:
    """Two-part LightGBM on RFM: does the customer buy, and how much if so."""
    matrix = np.concatenate([rfm(s) for s in learned])
    bought = np.concatenate([outcome_of(s).bought for s in learned]).astype(np.float64)
    amount = np.concatenate([outcome_of(s).spend for s in learned])
    buys = lightgbm.train(PLAIN | {"objective": "binary"}, lightgbm.Dataset(matrix, bought), 150)
    likely = np.asarray(buys.predict(rfm(snapshot)), dtype=np.float64)
    spend = np.full(snapshot.n, np.nan)
    if snapshot.has_money:
        rows = (bought > 0) & (amount > 0)
        much = lightgbm.train(PLAIN | {"objective": "gamma"}, lightgbm.Dataset(matrix[rows], amount[rows]), 150)
        spend = likely * np.asarray(much.predict(rfm(snapshot)), dtype=np.float64)
    missing = np.full(snapshot.n, np.nan)
    return Forecast(1.0 - likely, missing, missing, missing, spend)


def average(a: Forecast, b: Forecast) -> Forecast:
    missing = np.full(a.churn_probability.size, np.nan)
    churn = (a.churn_probability + b.churn_probability) / 2.0
    return Forecast(churn, missing, missing, missing, (a.expected_spend + b.expected_spend) / 2.0)


def run(case: Case) -> list[tuple[str, dict[str, Evaluation], dict[str, float]]]:
    """Evaluate all four at each origin of a log."""
    log = case.history or history(case.log)
    found = []
    for origin in case.origins:
        chosen = origins(log.first_day, case.horizon, dt.date.fromisoformat(origin))
        learned = [Snapshot.of(log, Window(day, case.horizon)) for day in chosen.training]
        test = Snapshot.of(log, Window(chosen.test_as_of, case.horizon))
        known = test.without_outcome()
        begun = time.perf_counter()
        forecasts = {PROJECT: candidates(["combined"])["combined"].fit([*learned, known], seed=SEED).predict(known)}
        seconds = time.perf_counter() - begun
        forecasts["lifetimes BG/NBD"] = by_lifetimes(known)
        forecasts["plain LightGBM"] = by_plain_lightgbm(learned, known)
        forecasts["plain average"] = average(forecasts["lifetimes BG/NBD"], forecasts["plain LightGBM"])
        outcome = outcome_of(test)
        judged = {name: evaluate(f, outcome, value=test.value, seed=SEED) for name, f in forecasts.items()}
        facts = {"customers": float(test.n), "dates": float(len(learned)), "seconds": seconds}
        found.append((origin, judged, facts | judged[PROJECT].facts))
        print(f"{case.log} {origin}: {test.n:,} customers, {len(learned)} training dates, fitted in {seconds:.1f} s")
    return found


def judge(log: str, origin: str, judged: dict[str, Evaluation], facts: dict[str, float]) -> list[dict[str, Any]]:
    """Hold the project to the bars of one origin."""
    mine = judged[PROJECT]
    lines: list[dict[str, Any]] = []

    def line(bar: str, met: bool, told: str) -> None:
        lines.append({"log": log, "origin": origin, "bar": bar, "met": met, "told": told})

    for metric, sign in COMPARED.items():
        known = {n: judged[n].metrics[metric] for n in OPPONENTS if np.isfinite(judged[n].metrics[metric])}
        if not known:
            continue
        best = max(known, key=lambda name: sign * known[name])
        gain, low, high = (sign * v for v in mine.difference(judged[best], metric))
        low, high = min(low, high), max(low, high)
        told = f"{mine.metrics[metric]:.4f} against {known[best]:.4f} ({best}), {gain:+.4f} [{low:+.4f}, {high:+.4f}]"
        line(f"{metric}: not worse beyond noise", high >= 0, told)
    error, limit = mine.metrics["churn_calibration_error"], 0.02 if log == "cdnow" else 0.04
    line(f"calibration error ≤ {limit}", error <= limit, f"{error:.4f}")
    if np.isfinite(mine.metrics["spend_mae"]):
        best_error = min(judged[n].metrics["spend_mae"] for n in OPPONENTS)
        ratio = mine.metrics["spend_mae"] / best_error - 1.0
        line("MAE of spend within 2 % of the best", ratio <= 0.02, f"{ratio:+.1%}")
        bias = mine.metrics["spend_bias"]
        others = [abs(judged[n].metrics["spend_bias"]) for n in OPPONENTS[:2]]
        if log == "cdnow":
            line("bias of the sum within ±10 %", abs(bias) <= 0.1, f"{bias:+.1%}")
        if log == "online_retail":
            told = f"{bias:+.1%} against " + " and ".join(
                f"{judged[n].metrics['spend_bias']:+.1%}" for n in OPPONENTS[:2]
            )
            line("bias smaller than both alternatives'", abs(bias) < min(others), told)
        low, high, actual = facts["spend_sum_low"], facts["spend_sum_high"], facts["spend_actual"]
        line(
            "interval of the sum covers the truth", low <= actual <= high, f"{actual:,.0f} in [{low:,.0f}, {high:,.0f}]"
        )
    return lines


def markdown(table: pd.DataFrame, bars: pd.DataFrame, seconds: float) -> str:
    parts = [
        "# Accuracy out of time\n",
        f"Measured {dt.date.today()} by `benchmarks/accuracy.py` in {seconds:.0f} s on two cores. Differences carry "
        "paired 90 % bootstrap bounds over customers, against the best of the three opponents, metric by metric.\n",
        "## Bars\n",
        "| log | origin | bar | met | measured |",
        "|---|---|---|---|---|",
    ]
    parts += [
        f"| {b.log} | {b.origin} | {b.bar} | {'yes' if b.met else '**no**'} | {b.told} |" for b in bars.itertuples()
    ]
    means = table[table.metric.isin(COMPARED)].pivot_table(
        index="metric", columns="candidate", values="value", sort=False
    )
    parts += [
        "\n## Means over all origins\n",
        "| metric | " + " | ".join(means.columns) + " | project better than all |",
    ]
    parts += ["|---" * (len(means.columns) + 2) + "|"]
    for metric, row in means.iterrows():
        sign = COMPARED[str(metric)]
        first = all(sign * row[PROJECT] > sign * row[name] for name in OPPONENTS)
        parts.append(f"| {metric} | " + " | ".join(f"{v:.4f}" for v in row) + f" | {'yes' if first else '**no**'} |")
    parts.append("\n## All metrics\n")
    for (log, origin), part in table.groupby(["log", "origin"], sort=False):
        wide = part.pivot_table(index="metric", columns="candidate", values="value", sort=False)
        parts += [f"### {log}, {origin}\n", "| metric | " + " | ".join(wide.columns) + " |"]
        parts += ["|---" * (len(wide.columns) + 1) + "|"]
        parts += [f"| {metric} | " + " | ".join(f"{v:.4f}" for v in row) + " |" for metric, row in wide.iterrows()]
        parts.append("")
    return "\n".join(parts) + "\n"


def given(asked: argparse.Namespace) -> Case:
    """The case of a log given by its path."""
    path: Path = asked.path
    text = {asked.customer_id: str}
    frame = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, dtype=text)
    needed = [asked.customer_id, asked.timestamp, *([] if asked.amount == "none" else [asked.amount])]
    if lacking := [name for name in needed if name not in frame]:
        raise SystemExit(f"{path.name} has no column {lacking}; it has {list(frame.columns)}. Name them (see --help).")
    frame[asked.timestamp] = pd.to_datetime(frame[asked.timestamp])
    more = {"order_id": asked.order_id, "product": asked.product, "quantity": asked.quantity}
    log = History.from_frame(
        frame,
        customer_id=asked.customer_id,
        timestamp=asked.timestamp,
        amount=None if asked.amount == "none" else asked.amount,
        **{name: column for name, column in more.items() if column in frame},
    )
    last = [str(o.test_as_of) for o in rolling(log.first_day, log.last_day, asked.horizon, count=2)]
    return Case(path.stem, asked.horizon, tuple(asked.origin or last), log)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--log", action="append", help="only this log (may be repeated); nothing is written then")
    parser.add_argument("--path", type=Path, help="another log, .parquet or .csv; nothing is written then")
    for column in ("customer_id", "timestamp", "amount", "order_id", "product", "quantity"):
        parser.add_argument(f"--{column.replace('_', '-')}", default=column, help="its column, with --path")
    parser.add_argument("--horizon", type=int, default=90, help="days ahead, with --path (default 90)")
    parser.add_argument("--origin", action="append", help="as-of date, with --path (may be repeated)")
    asked = parser.parse_args()
    chosen = asked.log
    begun = time.perf_counter()
    rows, bars = [], []
    for case in [given(asked)] if asked.path else CASES:
        if chosen and case.log not in chosen:
            continue
        if case.history is None and case.log != "cdnow" and not (DATA / case.log).is_dir():
            print(f"{case.log} is left out: its folder is not beside the project (shared/data)")
            continue
        for origin, judged, facts in run(case):
            bars += judge(case.log, origin, judged, facts)
            for name, evaluation in judged.items():
                rows += [
                    {"log": case.log, "origin": origin, "candidate": name, "metric": m, "value": evaluation.metrics[m]}
                    for m in SHOWN
                    if np.isfinite(evaluation.metrics[m])
                ]
    table, held = pd.DataFrame(rows), pd.DataFrame(bars)
    text = markdown(table, held, time.perf_counter() - begun)
    if not chosen and not asked.path:
        folder = ROOT / "benchmarks" / "results"
        folder.mkdir(exist_ok=True)
        (folder / "accuracy.md").write_text(text, encoding="utf-8")
        table.to_csv(folder / "accuracy.csv", index=False, float_format="%.6g")
    print(text if asked.path else text.split("## All metrics")[0])


if __name__ == "__main__":
    main()
