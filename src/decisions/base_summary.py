"""What a scores table says as a whole: value by stage, concentration of value, return rates, and who newly declines."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lifecycle.decisions.vocabulary import CHURNED, STAGES

NEWLY_DAYS: Final = 28
"""Whoever is in decline for less than so many days declines newly."""


def value_by_stage(scores: pd.DataFrame | Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Return customers, value and risk of each stage and of the whole base.

    Grain: one row a stage in canonical order, then "total". Columns: customers, share, residual_value, value_at_risk,
        winback_value, expected_spend,
    churn_probability (the mean: a forecast), targeted, selected, expected_gain (of the targeted).

    Parameters
    ----------
    scores : pd.DataFrame | Iterable[pd.DataFrame]
        columns of `decisions.scores`, one row a customer; `stage` as text or as categories. A table in parts is never
        whole in memory.
    """
    parts = (scores,) if isinstance(scores, pd.DataFrame) else scores
    sums = pd.DataFrame(0.0, index=pd.Index(STAGES, name="stage"), columns=[*_SUMMED, "forecasts"])
    for part in parts:
        sums += _stage_sums(part)
    sums.loc["total"] = sums.sum()
    table = sums[list(_SUMMED)]
    everybody = max(float(sums["customers"].to_numpy()[-1]), 1.0)
    table.insert(1, "share", sums["customers"] / everybody)
    active = sums.drop(index=[STAGES[CHURNED], "total"])
    chances, counted = sums["churn_probability"].to_numpy().copy(), sums["forecasts"].to_numpy().copy()
    chances[-1], counted[-1] = active["churn_probability"].sum(), active["forecasts"].sum()
    table["churn_probability"] = np.divide(chances, counted, out=np.full(counted.size, np.nan), where=counted > 0)
    counts = ["customers", "targeted", "selected"]
    table[counts] = table[counts].astype(np.int64)
    return table


_SUMMED: Final = (
    "customers",
    "residual_value",
    "value_at_risk",
    "winback_value",
    "expected_spend",
    "churn_probability",
    "targeted",
    "selected",
    "expected_gain",
)


def _stage_sums(part: pd.DataFrame) -> pd.DataFrame:
    """Sums by stage, in canonical order; forecasts counts whom a churn probability is known of."""
    frame = part[[name for name in _SUMMED if name != "customers"]].assign(
        customers=1,
        expected_gain=part["expected_gain"].where(part["targeted"]),
        forecasts=part["churn_probability"].notna(),
    )
    sums = frame.groupby(part["stage"].astype(str)).sum()
    return sums.reindex(STAGES, fill_value=0).astype(np.float64)


def top_decile_share(value: NDArray[np.float64]) -> float:
    """Return the share of all positive value that the most valuable tenth of the customers holds; NaN without any.

    >>> top_decile_share(np.array([91.0, *[1.0] * 9]))
    0.91
    """
    known = np.sort(np.maximum(value[~np.isnan(value)], 0.0))[::-1]
    if known.sum() <= 0:
        return float("nan")
    return float(known[: max(1, round(known.size / 10))].sum() / known.sum())


def return_rates(stage: NDArray[np.int8], bought: NDArray[np.bool_]) -> pd.DataFrame:
    """Return by stage how many customers there were and what share bought afterwards, so that the stages prove
    themselves.

    Parameters
    ----------
    stage : NDArray[np.int8]
        stage codes as of a date; −1 is left out.
    bought : NDArray[np.bool_]
        who bought within a horizon after that date.

    >>> return_rates(np.array([2, 2, 5], np.int8), np.array([True, False, False])).loc["growth", "returned"]
    np.float64(0.5)
    """
    known = stage >= 0
    n = np.bincount(stage[known], minlength=len(STAGES))
    came = np.bincount(stage[known], weights=bought[known], minlength=len(STAGES))
    share = np.divide(came, n, out=np.full(len(STAGES), np.nan), where=n > 0)
    return pd.DataFrame({"customers": n, "returned": share}, index=pd.Index(STAGES, name="stage"))


def early_warning(scores: pd.DataFrame, *, days: int = NEWLY_DAYS) -> pd.DataFrame:
    """Return who crossed into decline within the last `days` days, the highest value at risk first (then P(lost), then
    id).

    Grain: one row a customer in decline since less than `days` days before as_of.
    """
    columns = [
        "customer_id",
        "stage_since",
        "previous_stage",
        "value_at_risk",
        "residual_value",
        "loss_probability",
        "cause",
        "strategy",
        "action",
        "reasons",
    ]
    if scores.empty:
        return scores[columns]
    as_of: date = scores["as_of"].iloc[0]
    newly = (scores["stage"] == "decline") & (scores["stage_since"] > as_of - timedelta(days=days))
    found = scores.loc[newly, columns]
    order = ["value_at_risk", "loss_probability", "customer_id"]
    return found.sort_values(order, ascending=[False, False, True], na_position="last").reset_index(drop=True)
