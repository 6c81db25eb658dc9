"""Published figures for CDNOW beside this project's, out of time: who returns, what they spend, how many purchases.

Run from the repository: `.venv/bin/python -P benchmarks/published.py [--bars]`. Nothing but the default data set is
needed. Each case knows the log up to a date and is held against what came after it:

- returns: all 23,570 customers, known to 1997-12-31, who buys within 181 days (Pareto/NBD: AUC .7998, log loss .4208);
- spend: rows with an amount above 0, 52 weeks known, 26 ahead (Pareto/NBD and Gamma-Gamma: Gini .739, MAE 19.98);
- counts: the tenth that the papers use, 39 weeks known, 26 ahead, the whole distribution of the number of purchase
  days (CRPS .373, Kolmogorov-Smirnov distance of the randomised PIT .064; conformal .382, .034).

`--bars` prints one line a bar and exits 0 only if all are met.
"""

import argparse
import datetime as dt
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path = [path for path in sys.path if Path(path).resolve() != Path(__file__).resolve().parent]

import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402
from scipy import stats  # noqa: E402

import lifecycle as lc  # noqa: E402
from lifecycle.features.history import History  # noqa: E402
from lifecycle.features.window import Window  # noqa: E402
from lifecycle.models.evaluation import metrics as m  # noqa: E402
from lifecycle.models.forecasting import Forecast, Snapshot, candidates, origins  # noqa: E402
from lifecycle.models.forecasting.combination import Combined  # noqa: E402
from lifecycle.models.forecasting.purchase_models import Purchasing  # noqa: E402
from lifecycle.models.forecasting.snapshot import outcome_of  # noqa: E402

Floats = npt.NDArray[np.float64]
SEED = 1
MOST = 60
"""Purchase days up to which a distribution of counts is written out."""


@dataclass(frozen=True)
class Bar:
    """One bar: what was asked, what was measured."""

    name: str
    bar: str
    measured: str
    met: bool

    def line(self) -> str:
        """The bar in one line."""
        return f"{self.name}: bar {self.bar}, measured {self.measured}, {'met' if self.met else 'MISSED'}"


@dataclass(frozen=True, eq=False)
class Known:
    """A log known up to a date: the project's fit and forecast, the probability model's, and the truth."""

    log: History
    at: Snapshot
    project: Forecast
    theory: Forecast

    @classmethod
    def of(cls, log: History, as_of: dt.date, horizon: int) -> "Known":
        """Fit on what is known by the date; the test snapshot alone knows what came."""
        at = Snapshot.of(log, Window(as_of, horizon))
        known = at.without_outcome()
        days = origins(log.first_day, horizon, as_of).training
        learned = [Snapshot.of(log, Window(day, horizon)) for day in days]
        project = candidates(["combined"])["combined"].fit([*learned, known], seed=SEED).predict(known)
        theory = Purchasing("paretonbd").fit([known], seed=SEED).predict(known)
        return cls(log, at, project, theory)


def crps(cumulative: Floats, counts: npt.NDArray[np.int64]) -> float:
    """Mean continuous ranked probability score of counts: Σ_k (P(N ≤ k) − 1[n ≤ k])².

    cumulative: (n, K + 1), P(N ≤ k) for k = 0..K.
    """
    happened = counts[:, None] <= np.arange(cumulative.shape[1])[None, :]
    return float(((cumulative - happened) ** 2).sum(axis=1).mean())


def pit_distance(cumulative: Floats, counts: npt.NDArray[np.int64], *, draws: int = 20) -> float:
    """Kolmogorov-Smirnov distance of the randomised PIT from uniform, the mean over draws."""
    n = np.minimum(counts, cumulative.shape[1] - 1)
    rows = np.arange(n.size)
    high = cumulative[rows, n]
    low = np.where(n > 0, cumulative[rows, np.maximum(n - 1, 0)], 0.0)
    rng = np.random.default_rng(SEED)
    return float(np.mean([stats.kstest(low + rng.random(n.size) * (high - low), "uniform")[0] for _ in range(draws)]))


def returns(log: History) -> list[Bar]:
    """Who of all customers returns in 181 days."""
    case = Known.of(log, dt.date(1997, 12, 31), 181)
    bought = outcome_of(case.at).bought
    gone, one = (~bought).astype(np.float64), np.ones(bought.size)
    print(f"returns: {int(bought.sum()):,} of {bought.size:,} return (published: 5,374 of 23,570)")
    found = {}
    for name, forecast in (("project", case.project), ("Pareto/NBD", case.theory)):
        p = forecast.churn_probability
        found[name] = (m.auc(p, gone)(one), m.log_loss(p, gone)(one))
        print(f"returns, {name}: AUC {found[name][0]:.4f}, log loss {found[name][1]:.4f}")
    auc, loss = found["project"]
    return [
        Bar("CDNOW, returns in 181 days, AUC", "≥ .804", f"{auc:.4f}", auc >= 0.804),
        Bar("CDNOW, returns in 181 days, log loss", "≤ .413", f"{loss:.4f}", loss <= 0.413),
    ]


def spend(log: History) -> list[Bar]:
    """What customers spend in 26 weeks after 52."""
    first = log.first_day
    case = Known.of(log, dt.date(1970, 1, 1) + dt.timedelta(days=first + 52 * 7 - 1), 26 * 7)
    actual, one = outcome_of(case.at).spend, np.ones(case.at.n)
    print(f"spend: {case.at.n:,} customers as of {case.at.as_of} (published: 23,502)")
    found = {}
    for name, forecast in (("project", case.project), ("Pareto/NBD, Gamma-Gamma", case.theory)):
        s = forecast.expected_spend
        found[name] = (m.normalised_gini(s, actual)(one), float(np.abs(s - actual).mean()))
        print(
            f"spend, {name}: Gini {found[name][0]:.4f}, MAE {found[name][1]:.2f}, "
            f"Spearman {m.spearman(s, actual)(one):.4f}, bias {m.bias(s, actual)(one):+.1%}"
        )
    gini, mae = found["project"]
    return [
        Bar("CDNOW, 52 + 26 weeks, Gini of spend", "> .745", f"{gini:.4f}", gini > 0.745),
        Bar("CDNOW, 52 + 26 weeks, MAE of spend", "< 19.6", f"{mae:.2f}", mae < 19.6),
    ]


def counts(log: History) -> list[Bar]:
    """How many purchase days the customers of the published tenth have in 26 weeks after 39."""
    as_of, horizon = dt.date(1997, 9, 30), 26 * 7
    at = Snapshot.of(log, Window(as_of, horizon))
    known, actual = at.without_outcome(), outcome_of(at).purchases
    print(f"counts: {at.n:,} customers as of {as_of}, {int(actual.sum()):,} purchase days in {horizon} days")
    k = np.arange(MOST + 1)
    for name in ("bgnbd", "mbgnbd", "paretonbd"):
        model = Purchasing(name).fit([known], seed=SEED).model
        pmf = model.conditional_pmf(k, horizon, at.frequency, at.recency, at.T)
        cumulative = np.cumsum(pmf, axis=1)
        print(
            f"counts, {name}: CRPS {crps(cumulative, actual):.4f}, PIT distance {pit_distance(cumulative, actual):.4f}"
        )
    days = origins(log.first_day, horizon, as_of).training
    fitted = Combined().fit([*(Snapshot.of(log, Window(day, horizon)) for day in days), known], seed=SEED)
    found = fitted.predict(known)
    bought, expected = 1.0 - found.churn_probability[:, None], found.expected_purchases[:, None]
    cumulative = fitted.pool.counts.below(k[None, :], bought, expected)
    score, distance = crps(cumulative, actual), pit_distance(cumulative, actual)
    return [
        Bar("CDNOW sample, 39 + 26 weeks, CRPS of counts", "≤ .372", f"{score:.4f}", score <= 0.372),
        Bar("CDNOW sample, 39 + 26 weeks, PIT distance", "≤ .035", f"{distance:.4f}", distance <= 0.035),
    ]


def main() -> int:
    """Run all cases; the exit code says whether all bars are met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bars", action="store_true", help="print one line a bar; exit 0 only if all are met")
    asked = parser.parse_args()
    whole, tenth = lc.datasets.cdnow(), lc.datasets.cdnow_sample()
    base = History.from_frame(whole, timestamp="date", quantity="quantity")
    bars = returns(base)
    bars += spend(History.from_frame(whole[whole["amount"] > 0], timestamp="date", quantity="quantity"))
    bars += counts(History.from_frame(tenth, timestamp="date", quantity="quantity"))
    for bar in bars if asked.bars else ():
        print(bar.line())
    return int(asked.bars and not all(bar.met for bar in bars))


if __name__ == "__main__":
    sys.exit(main())
