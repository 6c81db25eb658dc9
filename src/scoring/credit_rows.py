"""Credit of every customer with an invoice: from invoices, estimates and policy to the rows of the credit table."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lifecycle.decisions.credit.budget import BudgetedLimits, within_budget
from lifecycle.decisions.credit.limits import BOUNDS, DECISIONS, CreditState
from lifecycle.decisions.credit.policy import GRADES, CreditPolicy
from lifecycle.decisions.credit.triggers import MONTH, Watched, triggers
from lifecycle.decisions.vocabulary import STAGES
from lifecycle.features.history import History
from lifecycle.features.invoice_state import AGES, COLUMNS, InvoiceState, invoice_state
from lifecycle.models.credit.binning import Trend
from lifecycle.models.credit.expected_loss import impairment_stage, lifetime_loss
from lifecycle.models.credit.late import BetaBinomial, DaysLate
from lifecycle.models.credit.pd_choice import DefaultModel, choose_default_model
from lifecycle.models.credit.roll_rates import RollRates, bucket, roll_rates
from lifecycle.models.credit.scorecard import Scale

F64 = NDArray[np.float64]

EARLIER: Final = 30
"""Days before the date at which customers are looked at once more: for roll rates and severity."""

TRENDS: Final[Mapping[str, Trend]] = {
    "own_late_probability": "rising",
    "days_late_mean": "rising",
    "worst_days": "rising",
    "days_past_due": "rising",
    "overdue_share": "rising",
}
"""Signs known of what the behavioural model looks at."""

PRESENT_LIMIT: Final = "credit_limit"
"""Attribute of the customers table that holds the present limit."""


@dataclass(frozen=True, eq=False)
class CreditBase:
    """Invoices of the whole base at three dates, as frames of one row a customer with an invoice by the last one.

    now, earlier (30 days before) and then (one outcome window before); `attributes` are of the same customers.
    """

    now: pd.DataFrame
    earlier: pd.DataFrame
    then: pd.DataFrame
    attributes: pd.DataFrame

    @classmethod
    def of(cls, histories: Sequence[History], as_of: int, policy: CreditPolicy, outcome_days: int) -> "CreditBase":
        """Replay every history's invoices; customers without one by the date are left out."""
        parts: list[list[pd.DataFrame]] = [[], [], [], []]
        for history in histories:
            if history.payments is None:
                continue
            states = [_replay(history, as_of - back, policy) for back in (0, EARLIER, outcome_days)]
            known = states[0]["invoices"] > 0
            ids = pd.Index(history.customer_id.to_pylist(), name="customer_id")[known]
            for part, state in zip(parts, states, strict=False):
                part.append(pd.DataFrame(state.table.T[known], index=ids, columns=list(COLUMNS)))
            table = history.attributes
            frame = pd.DataFrame(index=range(known.size)) if table is None else table.to_pandas()
            parts[3].append(frame[known].set_axis(ids))
        return cls(*(pd.concat(part) if part else pd.DataFrame(columns=list(COLUMNS)) for part in parts))

    def renamed(self, ids: list[str]) -> "CreditBase":
        """Return the same under other ids, in the same order."""
        return CreditBase(*(f.set_axis(ids) for f in (self.now, self.earlier, self.then, self.attributes)))


@dataclass(frozen=True, eq=False)
class CreditRows:
    """Columns of the credit table, and what is said of the base.

    late_model, days_model, default_model : the models used. outcome_days : window of the probability. budget : limits
    with the multiplier of the loss budget. ageing : open money by days past due. rolls : moves within 30 days.
    days_sales_outstanding : open / invoiced in 365 days × 365; NaN without.
    """

    columns: Mapping[str, Any]
    late_model: BetaBinomial
    default_model: DefaultModel
    outcome_days: int
    budget: BudgetedLimits
    ageing: Mapping[str, float]
    rolls: RollRates
    days_sales_outstanding: float


def _replay(history: History, day: int, policy: CreditPolicy) -> InvoiceState:
    assert history.payments is not None
    return invoice_state(
        history.payments,
        day,
        terms_days=policy.terms_days_default,
        material_amount=policy.material_amount,
        material_share=policy.material_share,
        default_days=policy.default_days,
    )


def behaviour(state: pd.DataFrame, late: BetaBinomial, attributes: pd.DataFrame) -> pd.DataFrame:
    """Return what the behavioural model of default looks at: payment so far, and the customer's attributes."""
    judged = state["judged"].to_numpy(np.float64)
    frame = pd.DataFrame(
        {
            "own_late_probability": late.probability(state["late"].to_numpy(np.float64), judged),
            "days_late_mean": state["days_late_sum"] / state["timed"].where(state["timed"] > 0),
            "worst_days": state["worst_days"].where(state["judged"] > 0),
            "days_past_due": state["days_past_due"],
            "overdue_share": state["overdue_amount"] / state["open_amount"].where(state["open_amount"] > 0),
            "invoices": state["invoices"],
            "invoiced_365d": state["invoiced_365d"],
        },
        index=state.index,
    )
    extra = attributes.drop(columns=[PRESENT_LIMIT], errors="ignore").select_dtypes(exclude=["datetime", "bool"])
    return frame.join(extra[[c for c in extra if c not in frame]])


def credit_rows(
    base: CreditBase,
    scores: pd.DataFrame,
    as_of: dt.date,
    policy: CreditPolicy,
    *,
    outcome_days: int,
    margin: float,
    yearly_rate: float,
) -> CreditRows:
    """Decide on the credit of every customer with an invoice.

    Parameters
    ----------
    base : CreditBase
    scores : pandas.DataFrame
        index customer_id; stage, horizon_days, expected_spend and expected_spend_high of the scores table.
    as_of : datetime.date
    policy : CreditPolicy
    outcome_days : int
        window of the probability of default; shorter than the policy's where the log is short.
    margin, yearly_rate : float
        as in the config.
    """
    now, scored = base.now, scores.reindex(base.now.index)
    n = len(now)
    col = {name: now[name].to_numpy(np.float64) for name in COLUMNS}
    late = BetaBinomial.fit(col["late"], col["judged"])
    days_model = DaysLate.fit(col["days_late_sum"], col["days_late_squares"], col["timed"])
    usable = ((base.then["invoices"] > 0) & (base.then["days_past_due"] <= policy.default_days)).to_numpy(np.bool_)
    before = BetaBinomial.fit(*(base.then[name].to_numpy(np.float64) for name in ("late", "judged")))
    bad = np.asarray((now["defaults"] > base.then["defaults"]).to_numpy(), np.float64)
    model = choose_default_model(
        behaviour(base.then, before, base.attributes)[usable], bad[usable], assumed=policy.pd_prior, trends=TRENDS
    )
    looks = behaviour(now, late, base.attributes)
    in_default = col["days_past_due"] > policy.default_days
    pd_ = np.where(in_default, 1.0, model.probability(looks))
    horizon = scored["horizon_days"].to_numpy(np.float64, na_value=np.nan)
    high, mean = (
        np.nan_to_num(scored[c].to_numpy(np.float64, na_value=np.nan) / horizon)
        for c in ("expected_spend_high", "expected_spend")
    )
    order = col["invoiced"] / np.maximum(col["invoices"] - col["unpriced"], 1.0)
    nothing = np.full(n, np.nan)
    present = base.attributes[PRESENT_LIMIT] if PRESENT_LIMIT in base.attributes else pd.Series(nothing, now.index)
    limit_now = pd.to_numeric(present, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    stage = scored["stage"].map({name: code for code, name in enumerate(STAGES)}).fillna(0).to_numpy(np.int64)
    state = CreditState(
        stage=stage.astype(np.int64),
        pd=pd_,
        lgd=np.full(n, policy.lgd),
        spend_a_day=np.maximum(high, 0.0),
        spend_year=np.maximum(mean, 0.0) * outcome_days,
        margin=np.full(n, margin),
        order=np.maximum(order, 0.0),
        open_amount=col["open_amount"],
        limit_now=np.where(limit_now >= 0, limit_now, np.nan),
        days_past_due=col["days_past_due"],
        worst_days=col["worst_days"],
        judged=col["judged"],
        in_default=in_default,
        ever_default=in_default | (col["defaults"] > 0),
        equity=nothing,
    )
    decided = within_budget(state, policy)
    limits = decided.limits
    dpd_before = base.earlier["days_past_due"].to_numpy(np.float64)
    fired = triggers(
        Watched(
            col["late_recent"], col["judged_recent"], col["late"] - col["late_recent"],
            col["judged"] - col["judged_recent"], col["days_past_due"], dpd_before,
            np.maximum(col["worst_before"], dpd_before), nothing, nothing, nothing, col["open_amount"],
            np.where(np.isfinite(state.limit_now), state.limit_now, np.nan), pd_, nothing, nothing,
        ),
        late,
        policy,
    )  # fmt: skip
    grade = policy.grade(pd_)
    any_fired = np.logical_or.reduce(list(fired.values()))
    wait = np.round(np.array(policy.review_months)[grade] * MONTH).astype(np.int64)
    due = np.datetime64(as_of) + np.where(any_fired, 0, wait).astype("timedelta64[D]")
    dated = col["judged"].sum() > 0
    learned = pd_ < 1.0
    odds = np.log(1.0 - np.minimum(pd_, 1 - 1e-12)) - np.log(np.maximum(pd_, 1e-12))
    outside = model.extrapolated(looks)
    columns = {
        "customer_id": now.index.to_numpy(),
        "as_of": np.full(n, np.datetime64(as_of)),
        "stage": np.array(STAGES, object)[stage],
        "credit_score": np.where(learned, Scale().score(odds), np.nan),
        "grade": np.array(GRADES, object)[grade],
        "pd": pd_,
        "pd_basis": np.full(n, model.basis, object),
        "late_probability": late.probability(col["late"], col["judged"]) if dated else nothing,
        "expected_days_late": days_model.expected(col["days_late_sum"], col["timed"]) if dated else nothing,
        "lgd": state.lgd,
        "ead": limits.ead,
        "expected_loss": limits.expected_loss,
        "expected_loss_lifetime": lifetime_loss(
            pd_, state.lgd, limits.ead, outcome_days=outcome_days, life_days=policy.life_days, yearly_rate=yearly_rate
        ),
        "impairment_stage": impairment_stage(
            pd_, col["days_past_due"], in_default, nothing, late_days=policy.stage2_days, multiple=policy.pd_multiple
        ),
        "open_amount": col["open_amount"],
        "overdue_amount": col["overdue_amount"],
        "days_past_due": col["days_past_due"],
        "limit_now": state.limit_now,
        "limit": limits.limit,
        "limit_bound": np.array(BOUNDS, object)[limits.bound],
        "over_limit": limits.over_limit,
        "terms_days": limits.terms_days,
        "decision": np.array(DECISIONS, object)[limits.decision],
        "review_due": due,
        "triggers": _listed(fired),
        "reasons": _reasons(model, looks),
        "extrapolated": np.full(n, None) if outside is None else outside,
        "settled": np.abs(col["open_amount"]) < 0.005,
        "model_version": np.full(n, model.version, object),
        "policy_version": np.full(n, policy.digest, object),
    }
    year = float(col["invoiced_365d"].sum())
    return CreditRows(
        columns,
        late,
        model,
        outcome_days,
        decided,
        {name: float(col[name].sum()) for name in AGES},
        roll_rates(bucket(dpd_before), bucket(col["days_past_due"])),
        float(col["open_amount"].sum()) / year * 365.0 if year > 0 else float("nan"),
    )


def _listed(fired: Mapping[str, NDArray[np.bool_]]) -> NDArray[np.object_]:
    """Return the names of the triggers that fired, joined by commas."""
    names = [np.where(rows, name + ",", "").astype(object) for name, rows in fired.items()]
    joined = names[0]
    for more in names[1:]:
        joined = joined + more
    return np.array([text.rstrip(",").replace(",", ", ") for text in joined], object)


def _reasons(model: DefaultModel, looks: pd.DataFrame, most: int = 3) -> NDArray[np.object_]:
    """Return the attributes that raise the probability most, strongest first; empty where it is assumed."""
    if model.model is None or len(looks) == 0:
        return np.full(len(looks), "", object)
    card = model.card if model.card is not None and model.model is model.card else None
    weight = card.lost_points(looks) if card is not None else model.model.contributions(looks)  # type: ignore[union-attr]
    values, names = weight.to_numpy(np.float64), np.array(weight.columns, object)
    if names.size == 0:
        return np.full(len(looks), "", object)
    order = np.argsort(-values, axis=1, kind="stable")[:, :most]
    strong = np.take_along_axis(values, order, axis=1) > 0
    return np.array([", ".join(names[row[keep]]) for row, keep in zip(order, strong, strict=True)], object)
