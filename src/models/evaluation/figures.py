"""Every figure that one candidate's forecast of one snapshot supports, by name."""

import numpy as np
from matplotlib.figure import Figure

from lifecycle.models.evaluation import churn_figures, value_figures
from lifecycle.models.evaluation.campaign_profit import Campaign
from lifecycle.models.forecasting.candidate import Fitted
from lifecycle.models.forecasting.combination import FittedCombined
from lifecycle.models.forecasting.forecast import FloatArray, Forecast
from lifecycle.models.forecasting.lightgbm_candidate import FittedBoosted
from lifecycle.models.forecasting.purchase_models import FittedPurchasing
from lifecycle.models.forecasting.snapshot import Snapshot, outcome_of


def figures(
    name: str,
    forecast: Forecast,
    snapshot: Snapshot,
    *,
    campaign: Campaign | None = None,
    fitted: Fitted | None = None,
) -> dict[str, Figure]:
    """Draw what the forecast was worth on a snapshot with outcome; with `fitted` also what is inside the candidate.

    Names: calibration, gains, deciles (spend, or purchases without money), frequency, and with `fitted` alive and
    importance where it has probability models or trees.
    """
    outcome = outcome_of(snapshot)
    churned = 1.0 - outcome.bought.astype(np.float64)
    money = outcome.has_money and bool(np.isfinite(forecast.expected_spend).all())
    amount = forecast.expected_spend if money else forecast.expected_purchases
    actual = outcome.spend if money else outcome.purchases.astype(np.float64)
    found = {
        "calibration": churn_figures.calibration(name, forecast.churn_probability, churned),
        "gains": churn_figures.gains(name, forecast.churn_probability, churned, snapshot.value, campaign or Campaign()),
        "deciles": value_figures.deciles(name, amount, actual, unit="spend" if money else "purchases"),
        "frequency": value_figures.by_frequency(
            name, snapshot.frequency, forecast.expected_purchases, outcome.purchases
        ),
    }
    if fitted is not None:
        found |= _inside(name, fitted, snapshot)
    return found


def _inside(name: str, fitted: Fitted, snapshot: Snapshot) -> dict[str, Figure]:
    found: dict[str, Figure] = {}
    if isinstance(fitted, FittedCombined):
        found |= _inside(name, fitted.member("lightgbm"), snapshot)
        found |= _inside(name, fitted.member("mbgnbd"), snapshot)
    if isinstance(fitted, FittedPurchasing):
        found["alive"] = _alive(name, fitted, snapshot)
    if isinstance(fitted, FittedBoosted) and fitted.buys is not None:
        gain = np.asarray(fitted.buys.booster.feature_importance("gain"), dtype=np.float64)
        found["importance"] = value_figures.importance(name, fitted.layout.names, gain)
    return found


def _alive(name: str, fitted: FittedPurchasing, snapshot: Snapshot) -> Figure:
    """P(alive) of customers as old as the median, over the frequencies and silences that occur."""
    age = max(float(np.median(snapshot.T)), 2.0)
    frequency = np.arange(0.0, max(float(np.quantile(snapshot.frequency, 0.99)), 5.0) + 1.0)
    since: FloatArray = np.linspace(0.0, age * 0.99, 60)
    x, s = np.meshgrid(frequency, since, indexing="ij")
    recency = np.where(x > 0, age - s, 0.0)
    alive = fitted.model.p_alive(x.ravel(), recency.ravel(), np.where(x > 0, age, s).ravel())
    return value_figures.alive_matrix(name, frequency, since, alive.reshape(x.shape))


def tracking(
    name: str, fitted: Fitted, snapshot: Snapshot, forecast: Forecast, days: FloatArray, actual: FloatArray
) -> Figure | None:
    """Draw cumulative purchases of the snapshot's customers against the forecast; None without a probability model.

    days: days after as_of, rising, the last the horizon; actual: purchases of the snapshot's customers by then. The
    path of a combination is that of its MBG/NBD member, brought to the combination's own sum.
    """
    if isinstance(fitted, FittedBoosted):
        fitted = fitted.btyd
    inner = fitted.member("mbgnbd") if isinstance(fitted, FittedCombined) else fitted
    if not isinstance(inner, FittedPurchasing):
        return None
    path = np.array(
        [
            float(inner.model.expected_purchases(float(h), snapshot.frequency, snapshot.recency, snapshot.T).sum())
            for h in days
        ]
    )
    path *= float(forecast.expected_purchases.sum()) / max(float(path[-1]), 1e-12)
    return value_figures.cumulative(name, [int(d) for d in days], path, actual)
