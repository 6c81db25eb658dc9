"""What a scores table says as a whole: value by stage, concentration of value, return rates, and who newly declines."""

from datetime import date, timedelta
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decisions.names import CHURNED, STAGES

NEWLY_DAYS: Final = 28
"""Whoever is in decline for less than so many days declines newly."""


def value_by_stage(scores: pd.DataFrame) -> pd.DataFrame:
    """Return customers, value and risk of each stage and of the whole base.

    Grain: one row a stage in canonical order, then "total". Columns: customers, share, residual_value, value_at_risk,
        expected_spend,
    churn_probability (the mean: a forecast), targeted, selected, expected_gain (of the targeted).

    Args:
        scores: columns of `decisions.scores`, one row a customer; `stage` as text or as categories.
    """
    gain = scores["expected_gain"].where(scores["targeted"])
    frame = scores.assign(gain=gain)
    groups = frame.groupby("stage", observed=True)
    table = pd.DataFrame(
        {
            "customers": groups.size(),
            "residual_value": groups["residual_value"].sum(),
            "value_at_risk": groups["value_at_risk"].sum(),
            "expected_spend": groups["expected_spend"].sum(),
            "churn_probability": groups["churn_probability"].mean(),
            "targeted": groups["targeted"].sum(),
            "selected": groups["selected"].sum(),
            "expected_gain": groups["gain"].sum(),
        }
    )
    table = table.set_axis(table.index.astype(str)).reindex(STAGES)
    sums = [name for name in table.columns if name != "churn_probability"]
    table[sums] = table[sums].fillna(0)
    table.loc["total"] = table[sums].sum()
    table.loc["total", "churn_probability"] = frame.loc[frame["stage"] != STAGES[CHURNED], "churn_probability"].mean()
    counts = ["customers", "targeted", "selected"]
    table[counts] = table[counts].astype(np.int64)
    table.insert(1, "share", table["customers"] / max(len(frame), 1))
    table.index.name = "stage"
    return table


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

    Args:
        stage: stage codes as of a date; −1 is left out.
        bought: who bought within a horizon after that date.

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
