"""The rows of the scores table, made from estimates and plan."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lifecycle.decisions import scores
from lifecycle.decisions.actions import RetentionPolicy
from lifecycle.decisions.experiments.rates import BASES
from lifecycle.decisions.priorities import Plan
from lifecycle.decisions.stages import stage_labels
from lifecycle.decisions.strategies import LET_GO, cause_labels, strategy_labels
from lifecycle.decisions.vocabulary import CHURNED, STAGES, Language, Scheme, stage_name
from lifecycle.features.window import NEVER, Window
from lifecycle.scoring.champion import Bundle
from lifecycle.scoring.estimates import copied
from lifecycle.scoring.model_reasons import ModelReasons
from lifecycle.scoring.pseudonyms import Pseudonyms
from lifecycle.words import reasons

Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Stamp:
    """What is the same in every row, and the words of the output."""

    window: Window
    bundle: Bundle
    policy: RetentionPolicy
    model_version: str
    policy_version: str
    currency: str
    language: Language
    scheme: Scheme
    pseudonyms: Pseudonyms | None = None


def rows(
    estimates: pa.Table, plan: Plan, at: slice | Places, stamp: Stamp, model_reasons: ModelReasons | None = None
) -> pa.Table:
    """The scores of some of the customers, in the order of their estimates.

    Parameters
    ----------
    estimates : pa.Table
        their rows as `scoring.estimates.estimate` made them.
    plan : Plan
        the plan over all customers.
    at : slice | Places
        where these stand in the plan.
    stamp : Stamp
        what is the same in every row.
    model_reasons : ModelReasons | None
        what the model says of some of them; the others, or all, get their reasons from rules.
    """
    n, stage = estimates.num_rows, estimates["stage"].to_numpy()
    action = plan.action[at]
    known = known_columns(estimates, stamp.window)
    facts = reasons.Facts(
        stage=stage,
        cause=plan.cause[at],
        silence=known["days_since_last_purchase"],
        usual_gap=known["usual_gap_days"],
        purchases=known["frequency"] + 1.0,
        overdue=known["second_purchase_overdue"],
        returned=known["returned_after_churn"],
        closed=estimates["closed"].to_numpy(zero_copy_only=False),
        churn_probability=estimates["churn_probability"].to_numpy(),
        value_at_risk=estimates["value_at_risk"].to_numpy(),
        winback_value=estimates["winback_value"].to_numpy(),
        worth_acting=action >= 0,
        let_go=plan.strategy[at] == LET_GO,
        horizon=stamp.window.horizon,
        overdue_after=stamp.bundle.stages.overdue_limit,
        currency=stamp.currency,
    )
    drivers = (model_reasons or ModelReasons.none()).at(np.r_[at])
    ids = estimates["customer_id"].combine_chunks()
    columns = {
        "customer_id": ids if stamp.pseudonyms is None else stamp.pseudonyms.of_all(ids),
        **known,
        "priority": plan.priority[at],
        "stage_name": _named(stage, stamp),
        "strategy": strategy_labels(plan.strategy[at]),
        "action": _of_catalogue([one.name for one in stamp.policy.actions], action),
        "channel": _of_catalogue([one.channel for one in stamp.policy.actions], action),
        "expected_gain": plan.expected_gain[at],
        "expected_gain_low": plan.gain_low[at],
        "expected_gain_high": plan.gain_high[at],
        "gain_basis": _of_catalogue(BASES, plan.basis[at].astype(np.int16)),
        "break_even_save_rate": plan.break_even_save_rate[at],
        "targeted": plan.targeted[at],
        "control": plan.control[at],
        "selected": plan.selected[at],
        "reasons": reasons.reasons(facts, language=stamp.language, drivers=drivers),
        "reasons_from": pa.array(np.where(drivers.told, "model", "rules")),
        "model_version": pa.array([stamp.model_version] * n),
        "policy_version": pa.array([stamp.policy_version] * n),
    }
    return scores.from_columns(columns)


def known_columns(estimates: pa.Table, window: Window) -> dict[str, Any]:
    """The columns of the scores that rest on estimates alone, whatever is planned; NaN stands for null."""
    n, stage = estimates.num_rows, estimates["stage"].to_numpy()
    bought = estimates["frequency"].to_numpy() >= 0
    last = estimates["last_day"].to_numpy()
    there = bought & (stage != CHURNED)
    return {
        "as_of": pa.array([window.as_of] * n, pa.date32()),
        "horizon_days": np.full(n, window.horizon, np.int32),
        "stage": stage_labels(stage),
        "previous_stage": stage_labels(estimates["previous_stage"].to_numpy()),
        "stage_since": _dates(estimates["stage_since"].to_numpy()),
        "returned_after_churn": estimates["returned"].to_numpy(zero_copy_only=False),
        "second_purchase_overdue": estimates["overdue"].to_numpy(zero_copy_only=False),
        "days_since_last_purchase": np.where(bought, window.as_of_day - last.astype(np.float64), np.nan),
        "frequency": np.where(bought, estimates["frequency"].to_numpy().astype(np.float64), np.nan),
        "usual_gap_days": estimates["usual_gap"].to_numpy(),
        **{
            f"expected_next_purchase{end}": _dates(_day(estimates[f"next_purchase{end}"].to_numpy(), there, window))
            for end in ("", "_low", "_high")
        },
        "cause": cause_labels(estimates["cause"].to_numpy()),
        **{name: estimates[name].to_numpy() for name in copied()},
    }


def _day(days: npt.NDArray[np.float64], there: npt.NDArray[np.bool_], window: Window) -> npt.NDArray[np.float64]:
    """The first whole day by which so many have passed since as_of; NEVER for whom nothing is expected."""
    return np.where(there & np.isfinite(days), window.as_of_day + np.maximum(np.ceil(np.nan_to_num(days)), 1.0), NEVER)


def _named(stage: npt.NDArray[np.int8], stamp: Stamp) -> pa.Array:
    names = [stage_name(one, language=stamp.language, scheme=stamp.scheme) for one in STAGES]
    return pa.array(names).take(pa.array(stage.astype(np.int32)))


def _dates(days: npt.NDArray[np.generic]) -> pa.Array:
    """Days since 1970-01-01 as dates; NEVER is null."""
    whole = days.astype(np.int64)
    return pa.array(whole.astype(np.int32), pa.int32(), mask=whole == NEVER).cast(pa.date32())


def _of_catalogue(names: Sequence[str], action: npt.NDArray[np.int16]) -> pa.Array:
    return pa.array([*names], pa.string()).take(pa.array(action.astype(np.int32), pa.int32(), mask=action < 0))
