"""Every value that is stated of a customer, held against what came of it, on all development logs and dates.

Run from the repository: `.venv/bin/python -P benchmarks/values.py [--bars] [--log NAME]`. On each date of a log the
combination is trained on what was known, the customers are estimated as scoring does, and the rest of the log is the
truth. Measured are the points that went wrong before: P(alive) in its lowest tenth and as a ranking, what returning
customers bring, the sum to win back, the date of the next purchase, who newly declines, the probability of decline, the
future value by stage as far as the log reaches, and the intervals of spend by randomised PIT and by containment.

`--bars` prints one line a bar and exits 0 only if all are met.
"""

import argparse
import datetime as dt
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path = [path for path in sys.path if Path(path).resolve() != HERE]

import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402
import pandas as pd  # noqa: E402

import lifecycle as lc  # noqa: E402
from lifecycle.decisions.stage_policy import StagePolicy  # noqa: E402
from lifecycle.decisions.vocabulary import CHURNED, DECLINE, STAGES  # noqa: E402
from lifecycle.features.asof import AsOf  # noqa: E402
from lifecycle.features.history import History  # noqa: E402
from lifecycle.features.window import Window  # noqa: E402
from lifecycle.models.btyd import MbgNbd  # noqa: E402
from lifecycle.models.evaluation import metrics as m  # noqa: E402
from lifecycle.models.forecasting import Snapshot, candidates, origins  # noqa: E402
from lifecycle.models.forecasting.snapshot import outcome_of  # noqa: E402
from lifecycle.scoring.champion import Bundle, features_digest  # noqa: E402
from lifecycle.scoring.estimates import estimate  # noqa: E402
from lifecycle.scoring.fitting import spend_model  # noqa: E402
from lifecycle.scoring.money_terms import MoneyTerms  # noqa: E402
from lifecycle.scoring.score_rows import known_columns  # noqa: E402
from lifecycle.scoring.whole_base import whole_base  # noqa: E402

DATA = HERE.parents[1] / "shared" / "data"
SEED = 1
ENOUGH = 200
"""Customers that a stage needs to be held to a factor."""
MONEY = MoneyTerms.yearly(1.0, 0.1, 180)
"""Margin 1, so that money is spend; values over half a year, which the logs reach at several dates."""
NEWLY = 28

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """One log, its horizon and dates in the middle of it."""

    log: str
    horizon: int
    dates: tuple[str, ...]


CASES = (
    Case("cdnow_sample", 90, ("1997-09-30", "1997-11-30", "1998-01-01")),
    Case("online_retail", 60, ("2011-04-10", "2011-06-12")),
    Case("apparel", 180, ("2008-01-01", "2009-01-01")),
    Case("grocery", 60, ("2006-12-31", "2007-05-31")),
)


def history(log: str) -> History:
    """A development log."""
    if log == "cdnow_sample":
        return History.from_frame(lc.datasets.cdnow_sample(), timestamp="date", quantity="quantity")
    frame = pd.read_parquet(DATA / log / "transactions.parquet")
    named = {name: name for name in ("order_id", "product", "quantity", "channel") if name in frame}
    amount = "amount" if "amount" in frame and frame["amount"].notna().any() else None
    return History.from_frame(frame, timestamp="ts", amount=amount, **named)


@dataclass(frozen=True, eq=False)
class Truth:
    """What came of each buyer after the date: days to the purchase days, and their discounted amounts, until an end.

    first: days to the next purchase, inf where none came; value: discounted amount within so many days of the date;
    returned_value: of the return itself and what followed within the value horizon, NaN where the log ends before that.
    """

    first: Floats
    bought: npt.NDArray[np.bool_]
    reach: int
    value: Floats
    returned_value: Floats


def truth(log: History, window: Window, ids: npt.NDArray[np.generic]) -> Truth:
    """Go through what came after the date."""
    end, day = AsOf.of(log, log.last_day), window.as_of_day
    place = {one: k for k, one in enumerate(end.history.customer_id.to_pylist())}
    reach = min(MONEY.value_horizon, log.last_day - day)
    first, value, back = np.full(ids.size, np.inf), np.zeros(ids.size), np.full(ids.size, np.nan)
    for row, one in enumerate(ids):
        k = place[one]
        days = end.day[end.offsets[k] : end.offsets[k + 1]].astype(np.int64) - day
        money = end.amount[end.offsets[k] : end.offsets[k + 1]] if end.amount.size else np.zeros(days.size)
        came = days > 0
        if not came.any():
            continue
        days, money = days[came], money[came]
        first[row] = days[0]
        worth = money * np.exp(-MONEY.discount_rate * days)
        value[row] = worth[days <= reach].sum()
        if days[0] + MONEY.value_horizon <= log.last_day - day:
            since = days - days[0]
            kept = since <= MONEY.value_horizon
            back[row] = (money[kept] * np.exp(-MONEY.discount_rate * since[kept])).sum()
    return Truth(first, first <= window.horizon, reach, value, back)


@dataclass(frozen=True, eq=False)
class Found:
    """Estimates of the buyers as of a date, and what came."""

    case: Case
    window: Window
    bundle: Bundle
    at: Snapshot
    estimates: pd.DataFrame
    next_days: Floats
    came: Truth
    later: Floats
    last_day: int


def found(case: Case, log: History, date: str) -> Found:
    """Train on what was known on the date, estimate, and look at what came."""
    window = Window(dt.date.fromisoformat(date), case.horizon)
    at = Snapshot.of(log, window)
    known = at.without_outcome()
    dates = origins(log.first_day, case.horizon, window.as_of).training
    learned = [Snapshot.of(log, Window(day, case.horizon)) for day in dates]
    fitted = candidates(["combined"])["combined"].fit([*learned, known], seed=SEED)
    value = MbgNbd.fit(at.frequency, at.recency, at.T)
    bundle = Bundle(
        candidate="combined",
        as_of=window.as_of,
        horizon=case.horizon,
        has_money=at.has_money,
        features=features_digest(),
        forecaster=fitted,
        judged=fitted,
        value=value,
        spend=spend_model(known) if at.has_money else None,
        stages=StagePolicy.from_rates(value.r, value.alpha, case.horizon),
    )
    table = estimate(log, bundle, window, whole_base([log], bundle, window, MONEY, days=[log]), MONEY)
    buyers = table.filter(table["frequency"].to_numpy() >= 0)
    next_days = pd.to_datetime(pd.Series(known_columns(buyers, window)["expected_next_purchase"].to_pandas()))
    frame = buyers.to_pandas()
    came = truth(log, window, frame["customer_id"].to_numpy())
    ahead = (next_days - pd.Timestamp(window.as_of)).dt.days.to_numpy(np.float64)
    reach = value.expected_discounted_purchases(came.reach, MONEY.discount_rate, at.frequency, at.recency, at.T)
    within = value.expected_discounted_purchases(case.horizon, MONEY.discount_rate, at.frequency, at.recency, at.T)
    scale = np.divide(frame["p_star"], frame["p_alive"], out=np.zeros(len(frame)), where=frame["p_alive"] > 0)
    later = np.maximum(reach - within, 0.0) * scale * frame["order_value"].to_numpy()
    return Found(case, window, bundle, at, frame, ahead, came, np.asarray(later, dtype=np.float64), log.last_day)


@dataclass(frozen=True)
class Line:
    """One measured thing, and the bar it is held to where there is one."""

    point: str
    measured: str
    met: bool | None = None


def judge(one: Found) -> list[Line]:
    """All points of one log and date."""
    frame, came, lines = one.estimates, one.came, list[Line]()
    stage = frame["stage"].to_numpy()
    churned, unit = stage == CHURNED, np.ones(len(frame))
    later = np.isfinite(came.first).astype(np.float64)
    alive, churn = frame["p_alive"].to_numpy(), frame["churn_probability"].to_numpy()
    lowest = np.argsort(alive, kind="stable")[: max(1, len(frame) // 10)]
    ranks = m.auc(alive, later)(unit), m.auc(1.0 - churn, later)(unit)
    told = f"lowest tenth {alive[lowest].mean():.3f}, {later[lowest].mean():.3f} bought later"
    lines.append(Line("p_alive", f"{told}; AUC {ranks[0]:.3f}, of 1 − churn {ranks[1]:.3f}"))
    lines += _next(one) + _warning(one) + _decline(one)
    if one.at.has_money:
        lines += _returns(one, churned) + _by_stage(one, stage) + _intervals(one)
    return lines


def _factor(stated: float, actual: float) -> float:
    return stated / actual if actual > 0 else float("nan")


def _returns(one: Found, churned: npt.NDArray[np.bool_]) -> list[Line]:
    """What the churned bring who return, and the sum to win back."""
    frame, came = one.estimates, one.came
    back = churned & came.bought & np.isfinite(came.returned_value) & (came.returned_value > 0)
    lines = []
    if back.sum() >= 30:
        ratio = _factor(float(frame["v_return"].to_numpy()[back].sum()), float(came.returned_value[back].sum()))
        lines.append(
            Line("v_return of the churned who return", f"{ratio:.2f} of what came, {int(back.sum())} customers")
        )
    if one.window.as_of_day + one.window.horizon + MONEY.value_horizon <= one.last_day:
        actual = float(np.nansum(np.where(churned & came.bought, came.returned_value, 0.0)))
        ratio = _factor(float(frame["winback_value"].sum()), actual)
        enough = int(churned.sum()) >= ENOUGH
        lines.append(Line("winback_value, sum", f"{ratio:.2f} of what came", 0.8 <= ratio <= 1.25 if enough else None))
    return lines


def _next(one: Found) -> list[Line]:
    """Median error of the date of the next purchase, among those who bought again, and the best constant's."""
    bought = np.isfinite(one.came.first) & np.isfinite(one.next_days)
    if bought.sum() < 30:
        return []
    actual, ahead = one.came.first[bought], one.next_days[bought]
    error = float(np.median(np.abs(ahead - actual)))
    constant = min(float(np.median(np.abs(c - actual))) for c in range(1, int(actual.max()) + 1))
    low = one.estimates["next_purchase_low"].to_numpy()[bought]
    high = one.estimates["next_purchase_high"].to_numpy()[bought]
    covered = float(((actual >= low) & (actual <= np.ceil(high))).mean())
    told = f"median error {error:.0f} days, best constant {constant:.0f}; 90 % interval holds {covered:.0%}"
    past = int((ahead < 1).sum())
    return [Line("expected_next_purchase", told), Line("  dates that are past", f"{past}", past == 0)]


def _warning(one: Found) -> list[Line]:
    """Lapse of those newly in decline, and of as many others still there by churn_probability."""
    frame = one.estimates
    since = frame["stage_since"].to_numpy() > one.window.as_of_day - NEWLY
    newly = (frame["stage"].to_numpy() == DECLINE) & since
    there = frame["stage"].to_numpy() != CHURNED
    if newly.sum() < 20:
        return []
    churn = np.where(there, frame["churn_probability"].to_numpy(), -np.inf)
    riskiest = np.argsort(-churn, kind="stable")[: int(newly.sum())]
    lapse = 1.0 - one.came.bought[newly].mean()
    by_churn, base = (1.0 - one.came.bought[rows].mean() for rows in (riskiest, there))
    told = f"{lapse:.2f} lapse of {int(newly.sum())}; as many by churn_probability {by_churn:.2f}"
    return [Line("newly in decline", f"{told}; all still there {base:.2f}")]


def _decline(one: Found) -> list[Line]:
    """Skill of decline_probability among the eligible."""
    outcome = outcome_of(one.at)
    stated = one.estimates["decline_probability"].to_numpy()
    rows = np.isfinite(outcome.declining) & np.isfinite(stated)
    if rows.sum() < 50 or not 0 < outcome.declining[rows].sum() < rows.sum():
        return []
    auc = m.auc(stated[rows], outcome.declining[rows])(np.ones(int(rows.sum())))
    return [Line("decline_probability", f"AUC {auc:.3f}, {int(rows.sum())} eligible")]


def _by_stage(one: Found, stage: npt.NDArray[np.int8]) -> list[Line]:
    """Future value as far as the log reaches, by stage: the forecast of the horizon and the model's tail."""
    stated = one.estimates["expected_spend"].to_numpy() + one.later
    ratio = _factor(float(stated.sum()), float(one.came.value.sum()))
    lines = [Line(f"future value of {one.came.reach} days, sum", f"{ratio:.2f} of what came", 0.9 <= ratio <= 1.1)]
    for code, name in enumerate(STAGES):
        rows = stage == code
        if rows.sum() >= ENOUGH:
            ratio = _factor(float(stated[rows].sum()), float(one.came.value[rows].sum()))
            lines.append(Line(f"  {name}, {int(rows.sum()):,}", f"{ratio:.2f} of what came", 0.8 <= ratio <= 1.25))
    return lines


def _intervals(one: Found) -> list[Line]:
    """Share of customers whose spend lies within the stated interval, and whose forecast does."""
    low, high = (one.estimates[f"expected_spend_{end}"].to_numpy() for end in ("low", "high"))
    spend, actual = one.estimates["expected_spend"].to_numpy(), outcome_of(one.at).spend
    inside = (spend >= low) & (spend <= high)
    buyers = one.came.bought
    held = (actual >= low) & (actual <= high)
    return [
        Line("interval of spend holds what came", f"{held.mean():.1%}, of buyers {held[buyers].mean():.1%}"),
        Line("  holds the forecast itself", f"{inside.mean():.1%}", bool(inside.all())),
    ]


def main() -> int:
    """Judge all cases; the exit code says whether all bars are met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bars", action="store_true", help="exit 0 only if all bars are met")
    parser.add_argument("--log", action="append", help="only this log (may be repeated)")
    asked = parser.parse_args()
    missed = 0
    for case in CASES:
        if asked.log and case.log not in asked.log:
            continue
        if case.log != "cdnow_sample" and not (DATA / case.log).is_dir():
            print(f"{case.log} is left out: its folder is not beside the project (shared/data)")
            continue
        log = history(case.log)
        for date in case.dates:
            for line in judge(found(case, log, date)):
                verdict = {None: "", True: ", met", False: ", MISSED"}[line.met]
                missed += line.met is False
                print(f"{case.log} {date}, {case.horizon} days: {line.point}: {line.measured}{verdict}", flush=True)
    return int(asked.bars and missed > 0)


if __name__ == "__main__":
    sys.exit(main())
