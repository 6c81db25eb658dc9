"""One evaluation for every candidate: the same names, the same customers, each number with its noise."""

import dataclasses
import hashlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from lifecycle.models.evaluation import metrics as m
from lifecycle.models.evaluation.campaign_profit import Campaign, expected_maximum_profit, profit_at_budget
from lifecycle.models.forecasting.forecast import Forecast, Outcome

FloatArray = npt.NDArray[np.float64]

RESAMPLED = 25_000  # customers behind one bootstrap replicate; above, spread is scaled by the root of the base
MEANINGS: Mapping[str, str] = {
    "churn_log_loss": "mean −ln of the probability given to what happened; lower is better",
    "churn_auc": "chance that a churner is ranked above a buyer; higher is better",
    "churn_average_precision": "precision averaged over recall, churners positive; higher is better",
    "churn_brier": "mean squared error of the churn probability; lower is better",
    "churn_calibration_error": "mean distance of forecast and share in ten bins; lower is better",
    "churn_lift_top_decile": "churn rate in the riskiest tenth over the base's; higher is better",
    "churned_value_top_decile": "share of all churned value in the tenth with most value at risk; higher is better",
    "decline_log_loss": "log loss of the decline probability among eligible customers; lower is better",
    "decline_auc": "AUC of the decline probability among eligible customers; higher is better",
    "decline_average_precision": "average precision of decline among eligible customers; higher is better",
    "decline_brier": "Brier score of decline among eligible customers; lower is better",
    "decline_calibration_error": "calibration error of decline among eligible customers; lower is better",
    "purchases_mae": "mean absolute error of purchase days; lower is better",
    "purchases_rmse": "root mean squared error of purchase days; lower is better",
    "purchases_bias": "forecast over actual sum of purchase days, minus 1; nearer 0 is better",
    "purchases_spearman": "rank correlation of purchase days; higher is better",
    "spend_mae": "mean absolute error of spend; lower is better",
    "spend_deviance": "mean Tweedie deviance of spend, least at the true means; lower is better",
    "spend_rmse": "root mean squared error of spend; lower is better",
    "spend_bias": "forecast over actual sum of spend, minus 1; nearer 0 is better",
    "spend_spearman": "rank correlation of spend; higher is better",
    "spend_gini": "Gini of spend ranked by forecast over its Gini ranked by itself; higher is better",
    "spend_top_decile": "share of actual spend with the tenth forecast highest; higher is better",
    "spend_coverage": "share of customers whose spend lies within their stated interval; near its level is better",
    "profit_at_budget": "assumed profit of contacts within the budget, in currency; higher is better",
    "expected_maximum_profit": "assumed profit a customer at the best cut, over many save rates; higher is better",
}
LOWER_IS_BETTER = frozenset(name for name, meaning in MEANINGS.items() if meaning.endswith("lower is better"))
NEARER_ZERO = frozenset({"purchases_bias", "spend_bias"})


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """What one candidate's forecast was worth.

    metrics: a number for every name of MEANINGS, NaN where it is not defined (no amounts, no eligible customer, nobody
    or everybody bought). intervals: 90 % bootstrap bounds for each number that is. replicates: the bootstrap itself;
    with the same seed and customers two candidates share their draws, so differences can be paired. facts: sizes and
    sums behind the metrics. outcome_digest tells whether two evaluations judged the same customers.
    """

    metrics: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    replicates: dict[str, FloatArray]
    facts: dict[str, float]
    outcome_digest: str
    shrink: float

    def difference(self, other: "Evaluation", name: str, level: float = 0.9) -> tuple[float, float, float]:
        """Return own minus other's metric and the paired bootstrap bounds of that difference.

        Raises
        ------
        ValueError
            the two did not judge the same customers and outcomes.
        """
        if self.outcome_digest != other.outcome_digest:
            raise ValueError(
                "Two evaluations of different outcomes cannot be compared: "
                f"{self.outcome_digest[:12]} and {other.outcome_digest[:12]}. Evaluate both on the same window."
            )
        difference = self.metrics[name] - other.metrics[name]
        low, high = _interval(difference, self.replicates[name] - other.replicates[name], self.shrink, level)
        return difference, low, high


def _interval(value: float, replicates: FloatArray, shrink: float, level: float) -> tuple[float, float]:
    """Percentile bounds around the value, shrunk where replicates drew fewer customers than there are."""
    known = replicates[np.isfinite(replicates)]
    if not np.isfinite(value) or known.size == 0:
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(value + (low - value) * shrink), float(value + (high - value) * shrink)


def _digest(outcome: Outcome) -> str:
    content = hashlib.sha256()
    for array in (outcome.purchases, np.round(outcome.spend, 6), outcome.declining):
        content.update(np.ascontiguousarray(array).tobytes())
    return content.hexdigest()


def _measures(forecast: Forecast, outcome: Outcome, value: FloatArray, campaign: Campaign) -> dict[str, m.Measure]:
    """Metrics over all customers; those that need money are absent without it."""
    churned = 1.0 - outcome.bought.astype(np.float64)
    churn = forecast.churn_probability
    purchases = outcome.purchases.astype(np.float64)
    found: dict[str, m.Measure] = {
        "churn_log_loss": m.log_loss(churn, churned),
        "churn_auc": m.auc(churn, churned),
        "churn_average_precision": m.average_precision(churn, churned),
        "churn_brier": m.brier(churn, churned),
        "churn_calibration_error": m.calibration_error(churn, churned),
        "churn_lift_top_decile": m.lift(churn, churned),
    }
    if np.isfinite(forecast.expected_purchases).all():
        expected = forecast.expected_purchases
        found |= {
            "purchases_mae": m.mean_of(np.abs(expected - purchases)),
            "purchases_rmse": m.rmse(expected, purchases),
            "purchases_bias": m.bias(expected, purchases),
            "purchases_spearman": m.spearman(expected, purchases),
        }
    if np.isfinite(value).all():
        stake = np.maximum(value, 0.0)
        found |= {
            "churned_value_top_decile": m.captured(churn * stake, churned * stake),
            "profit_at_budget": profit_at_budget(churn, churned, value, campaign),
            "expected_maximum_profit": expected_maximum_profit(churn, churned, value, campaign),
        }
    if outcome.has_money and np.isfinite(forecast.expected_spend).all():
        expected = forecast.expected_spend
        found |= {
            "spend_mae": m.mean_of(np.abs(expected - outcome.spend)),
            "spend_deviance": m.deviance(expected, outcome.spend),
            "spend_rmse": m.rmse(expected, outcome.spend),
            "spend_bias": m.bias(expected, outcome.spend),
            "spend_spearman": m.spearman(expected, outcome.spend),
            "spend_gini": m.normalised_gini(expected, outcome.spend),
            "spend_top_decile": m.captured(expected, np.maximum(outcome.spend, 0.0)),
        }
        if forecast.spend_low is not None and forecast.spend_high is not None:
            found["spend_coverage"] = m.inside(forecast.spend_low, forecast.spend_high, outcome.spend)
    return found


def _decline_measures(forecast: Forecast, outcome: Outcome, rows: npt.NDArray[np.int64]) -> dict[str, m.Measure]:
    """Metrics over customers for whom decline is defined and forecast."""
    p = forecast.decline_probability[rows]
    declined = outcome.declining[rows]
    parts = {
        "decline_log_loss": m.log_loss(p, declined),
        "decline_auc": m.auc(p, declined),
        "decline_average_precision": m.average_precision(p, declined),
        "decline_brier": m.brier(p, declined),
        "decline_calibration_error": m.calibration_error(p, declined),
    }
    return {name: _on_rows(measure, rows) for name, measure in parts.items()}


def _on_rows(measure: m.Measure, rows: npt.NDArray[np.int64]) -> m.Measure:
    def restricted(w: FloatArray) -> float:
        part = w[rows]
        return measure(part) if part.sum() > 0 else float("nan")

    return restricted


def _unfit(forecast: Forecast, outcome: Outcome, value: FloatArray) -> str | None:
    n = outcome.bought.size
    if n == 0:
        return "There is no customer to evaluate on."
    columns = {
        "churn_probability": forecast.churn_probability,
        "decline_probability": forecast.decline_probability,
        "expected_purchases": forecast.expected_purchases,
        "expected_spend": forecast.expected_spend,
        "value": value,
    }
    for name, column in columns.items():
        if column.size != n:
            return f"{name} has {column.size} entries, the outcome {n}: both must hold the same customers in one order."
    p = forecast.churn_probability
    bad = ~((p >= 0) & (p <= 1))
    if bad.any():
        return f"churn_probability must lie in [0, 1]; {int(bad.sum())} of {n} do not, the first is {p[bad][0]}."
    return None


def evaluate(
    forecast: Forecast,
    outcome: Outcome,
    *,
    value: FloatArray,
    campaign: Campaign | None = None,
    seed: int = 0,
    bootstrap: int = 200,
    level: float = 0.9,
) -> Evaluation:
    """Judge a forecast against what happened, every metric with a bootstrap interval over customers.

    value: each customer's stake in the profit metrics, for example Snapshot.value; NaN without money. Above 25,000
    customers replicates are drawn from a random part of 25,000 and their spread is shrunk by sqrt(25,000 / n), so that
    time hardly grows with the base (after Bickel, Götze, van Zwet 1997). All metrics of one replicate share their draw.

    Raises
    ------
    ValueError
        lengths differ, nobody is there, or a probability lies outside [0, 1].

    >>> nobody = Outcome(np.array([False, True]), np.array([0, 2]), np.array([0.0, 9.0]), np.array([False, False]),
    ...                  np.array([np.nan, np.nan]))
    >>> guess = Forecast(np.array([0.8, 0.2]), np.full(2, np.nan), np.full(2, np.nan), np.array([0.3, 1.5]),
    ...                  np.array([1.0, 10.0]))
    >>> judged = evaluate(guess, nobody, value=np.array([5.0, 8.0]), bootstrap=20)
    >>> judged.metrics["churn_auc"], round(judged.metrics["spend_bias"], 3)
    (1.0, 0.222)
    """
    problem = _unfit(forecast, outcome, value)
    if problem:
        raise ValueError(problem)
    campaign = campaign or Campaign()
    n = outcome.bought.size
    measures = _all_measures(forecast, outcome, value, campaign)
    metrics = _values(measures, np.ones(n))
    defined = [name for name in MEANINGS if np.isfinite(metrics[name])]
    rng = np.random.default_rng(seed)
    drawn, centre = n, metrics
    if n > RESAMPLED:
        drawn = RESAMPLED
        part = np.sort(rng.choice(n, drawn, replace=False)).astype(np.int64)
        measures = _all_measures(forecast.take(part), outcome.take(part), value[part], campaign)
        centre = _values(measures, np.full(drawn, n / drawn))
    replicates = {name: np.full(bootstrap, np.nan) for name in MEANINGS}
    for b in range(bootstrap):
        # Weights sum to n also where fewer are drawn, so that budgets in money keep their meaning.
        w = np.bincount(rng.integers(0, drawn, drawn), minlength=drawn).astype(np.float64) * (n / drawn)
        for name in defined:
            if name in measures:
                replicates[name][b] = measures[name](w) - centre[name] + metrics[name]
    shrink = float(np.sqrt(drawn / n))
    intervals = {name: _interval(metrics[name], replicates[name], shrink, level) for name in defined}
    return Evaluation(metrics, intervals, replicates, _facts(forecast, outcome), _digest(outcome), shrink)


def _judged_for_decline(forecast: Forecast, outcome: Outcome) -> npt.NDArray[np.int64]:
    known = np.isfinite(outcome.declining) & np.isfinite(forecast.decline_probability)
    return np.flatnonzero(known).astype(np.int64)


def _all_measures(forecast: Forecast, outcome: Outcome, value: FloatArray, campaign: Campaign) -> dict[str, m.Measure]:
    measures = _measures(forecast, outcome, value, campaign)
    rows = _judged_for_decline(forecast, outcome)
    return measures | (_decline_measures(forecast, outcome, rows) if rows.size else {})


def _values(measures: dict[str, m.Measure], weight: FloatArray) -> dict[str, float]:
    return {name: measures[name](weight) if name in measures else float("nan") for name in MEANINGS}


def _facts(forecast: Forecast, outcome: Outcome) -> dict[str, float]:
    """Sizes and sums a reader needs beside the metrics."""
    eligible = _judged_for_decline(forecast, outcome)
    declined = outcome.declining[eligible]
    return {
        "customers": float(outcome.bought.size),
        "churned": float((~outcome.bought).sum()),
        "eligible": float(eligible.size),
        "declined": float(declined.sum()),
        "purchases_actual": float(outcome.purchases.sum()),
        "purchases_forecast": float(forecast.expected_purchases.sum()),
        "spend_actual": float(outcome.spend.sum()),
        "spend_forecast": float(forecast.expected_spend.sum()),
        "spend_sum_low": forecast.spend_sum_low,
        "spend_sum_high": forecast.spend_sum_high,
    }
