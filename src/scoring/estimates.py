"""Some customers in, all that is estimated of them out: stages, forecasts, values, in one Arrow table.

A pure function of their events up to `as_of`, the trained bundle, the whole base's sums and the money settings;
customers may be computed in any order, again, or on another machine, and give the same rows.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from lifecycle.decisions import scores
from lifecycle.decisions.causes import diagnose
from lifecycle.decisions.gains import value_at_risk, winback_value
from lifecycle.decisions.stages import replay
from lifecycle.decisions.vocabulary import CHURNED
from lifecycle.features.contacts import days_since_contact
from lifecycle.features.history import History
from lifecycle.features.window import Window
from lifecycle.models.btyd import central, next_purchase_in, retention_terms
from lifecycle.models.forecasting import Forecast, Snapshot
from lifecycle.models.forecasting.level_outlook import unknown_reach
from lifecycle.models.forecasting.loss_probability import loss_probability, still_there
from lifecycle.models.residual_value import residual_value
from lifecycle.scoring.champion import Bundle
from lifecycle.scoring.money_terms import MoneyTerms
from lifecycle.scoring.whole_base import WholeBase

Floats = npt.NDArray[np.float64]

LEVEL = 0.9
NEXT_WITHIN = 2.0
"""Horizons within which a next purchase must come to count: the tail of rare buyers says nothing of a date."""


def estimate(history: History, bundle: Bundle, window: Window, base: WholeBase, money: MoneyTerms) -> pa.Table:
    """Estimates of every customer known at `as_of`.

    Grain: one row a customer who has bought, or is known without a purchase, by `as_of`, in the history's order.
    Columns: as below and in `OfBuyers`; what rests on purchases is null for prospects, money is null without amounts.
    """
    stages = replay(history, window.as_of_day, bundle.stages, season=base.season)
    known = np.flatnonzero(stages.stage >= 0)
    buyers = np.flatnonzero(stages.frequency[known] >= 0)
    columns: dict[str, npt.NDArray[np.generic]] = {
        "stage": stages.stage[known],
        "previous_stage": stages.previous_stage[known],
        "stage_since": stages.stage_since[known],
        "returned": stages.returned_after_churn[known],
        "overdue": stages.second_purchase_overdue[known],
        "usual_gap": stages.usual_gap_days[known],
        "frequency": stages.frequency[known],
        "last_day": stages.last_day[known],
        "closed": _closed(history, window)[known],
        "may_contact": _may_contact(history)[known],
        "days_since_contact": _days_since_contact(history, window)[known],
        "first_purchase": np.full(known.size, base.first_purchase),
        "cause": diagnose(history, window.as_of_day, stages, base.causes, bundle.stages)[known],
    }
    spread = _Spread(known.size, buyers)
    gone = stages.stage[known][buyers] == CHURNED
    found = _of_buyers(history, bundle, window, base, money, gone) if buyers.size else OfBuyers.nobody()
    columns |= {name: spread(values) for name, values in found._asdict().items()}
    ids = history.customer_id.take(pa.array(known))
    return pa.table({"customer_id": ids, **{name: pa.array(values) for name, values in columns.items()}})


class OfBuyers(NamedTuple):
    """The estimates that rest on purchases, one entry a customer with a purchase day; money is NaN without amounts.

    This is the one list of them. Those that are columns of the scores are taken over there as they are
    (:func:`copied`); the others are what the plan is made from.
    """

    expected_purchases: Floats
    expected_purchases_low: Floats
    expected_purchases_high: Floats
    expected_spend: Floats
    expected_spend_low: Floats
    expected_spend_high: Floats
    residual_value: Floats
    residual_value_low: Floats
    residual_value_high: Floats
    p_alive: Floats
    clv: Floats
    churn_probability: Floats
    decline_probability: Floats
    loss_probability: Floats
    value_at_risk: Floats
    winback_value: Floats
    p_star: Floats
    kappa: Floats
    v_prevent: Floats
    v_return: Floats
    churned: Floats
    purchases_at_risk: Floats
    next_purchase: Floats
    next_purchase_low: Floats
    next_purchase_high: Floats
    order_value: Floats
    value_after_second: Floats
    least_share: Floats

    @classmethod
    def nobody(cls) -> "OfBuyers":
        """The estimates of no customer."""
        return cls(*(np.empty(0) for _ in cls._fields))


def copied() -> tuple[str, ...]:
    """Columns that the scores take from the estimates as they are, NaN becoming null."""
    return tuple(column.name for column in scores.COLUMNS if column.name in OfBuyers._fields)


@dataclass(frozen=True)
class _Spread:
    """Puts the buyers' values on their rows among all known customers; NaN elsewhere."""

    n: int
    rows: npt.NDArray[np.int64]

    def __call__(self, values: npt.ArrayLike) -> Floats:
        whole = np.full(self.n, np.nan)
        whole[self.rows] = values
        return whole


def _of_buyers(
    history: History, bundle: Bundle, window: Window, base: WholeBase, money: MoneyTerms, gone: npt.NDArray[np.bool_]
) -> OfBuyers:
    snapshot = Snapshot.of(history, window, with_outcome=False, reference=base.reference, base=base.level)
    x, t_x, age = snapshot.frequency, snapshot.recency, snapshot.T
    forecast = bundle.forecaster.predict(snapshot)
    model = bundle.value
    baskets = np.maximum(np.nan_to_num(snapshot.monetary_value), 0.0)
    order = np.full(x.size, np.nan) if bundle.spend is None else bundle.spend.expected_monetary_value(x, baskets)
    terms = retention_terms(
        model,
        horizon=window.horizon,
        value_horizon=money.value_horizon,
        discount_rate=money.discount_rate,
        frequency=x,
        recency=t_x,
        T=age,
    )
    p_alive = model.p_alive(x, t_x, age)
    p_star = still_there(forecast.churn_probability, terms.q0)
    within = model.expected_purchases(window.horizon, x, t_x, age)
    discounted = model.expected_discounted_purchases(window.horizon, money.discount_rate, x, t_x, age)
    residual = residual_value(
        margin=money.margin,
        expected_spend=forecast.expected_spend,
        order_value=order,
        within=within,
        within_discounted=discounted,
        dert=model.dert(money.discount_rate, x, t_x, age),
        p_star=p_star,
        p_alive=p_alive,
    )
    past = money.margin * snapshot.spend
    one = np.ones(x.size)
    soon = np.maximum(age, 1.0)  # as if the second purchase came today, or tomorrow where the first came today
    second = model.expected_discounted_purchases(money.value_horizon, money.discount_rate, one, soon, soon)
    ahead = central(base.tables.at(x, t_x, age, None if bundle.spend is None else baskets), margin=money.margin)
    # As if buying today: held against those who did return, the old rate of whoever left was wrong by factors.
    w_return = 1.0 + model.expected_discounted_purchases(money.value_horizon, money.discount_rate, x + 1.0, soon, soon)

    def coming(share: float) -> Floats:
        return next_purchase_in(model, within=NEXT_WITHIN * window.horizon, share=share, frequency=x, T=age)

    def around(point: Floats, low: Floats | None, high: Floats | None, default: tuple[Floats, Floats]) -> list[Floats]:
        """The champion's own interval, else the purchase model's, wide enough to hold what the champion expects."""
        found = default if low is None or high is None else (low, high)
        return [np.fmin(found[0], point), np.fmax(found[1], point)]

    purchases = around(
        forecast.expected_purchases,
        forecast.purchases_low,
        forecast.purchases_high,
        (ahead.purchases_low, ahead.purchases_high),
    )
    spend = around(
        forecast.expected_spend, forecast.spend_low, forecast.spend_high, (ahead.spend_low, ahead.spend_high)
    )
    lasting = around(residual, None, None, (ahead.residual_low, ahead.residual_high))
    v_prevent, v_return = (money.margin * order * one for one in (terms.w_prevent, w_return))
    churn = forecast.churn_probability
    in_purchases = np.where(gone, winback_value(churn, w_return), value_at_risk(p_star, terms.w_prevent))
    return OfBuyers(
        expected_purchases=forecast.expected_purchases,
        expected_purchases_low=purchases[0],
        expected_purchases_high=purchases[1],
        expected_spend=forecast.expected_spend,
        expected_spend_low=spend[0],
        expected_spend_high=spend[1],
        residual_value=residual,
        residual_value_low=lasting[0],
        residual_value_high=lasting[1],
        p_alive=p_alive,
        clv=past + residual,
        churn_probability=forecast.churn_probability,
        decline_probability=forecast.decline_probability,
        loss_probability=loss_probability(forecast.churn_probability, terms.q0, terms.kappa),
        value_at_risk=np.where(gone, np.nan, value_at_risk(p_star, v_prevent)),
        winback_value=np.where(gone, winback_value(churn, v_return), np.nan),
        p_star=p_star,
        kappa=terms.kappa,
        v_prevent=v_prevent,
        v_return=v_return,
        churned=gone.astype(np.float64),
        purchases_at_risk=in_purchases,
        next_purchase=coming(0.5),
        next_purchase_low=coming((1.0 - LEVEL) / 2.0),
        next_purchase_high=coming((1.0 + LEVEL) / 2.0),
        order_value=order,
        value_after_second=money.margin * order * second,
        least_share=np.full(x.size, _least_share(forecast)),
    )


def _least_share(forecast: Forecast) -> float:
    """What share of the forecast spend is left at the lower end of the interval of its sum; NaN without amounts.

    The chance of single customers averages out over a list; what is too high for all alike does not, and that is what
    the interval of the sum is about. A champion that states none is taken to be as far off as sums commonly are where
    no past tells how far.
    """
    expected = float(forecast.expected_spend.sum())
    if not expected > 0:
        return np.nan
    if np.isfinite(forecast.spend_sum_low):
        return forecast.spend_sum_low / expected
    return float(np.exp(-unknown_reach(forecast.level)))


CONSENT = "consent"
YES = ("true", "yes", "y", "t", "1")
"""Texts that give consent; a missing value does not."""


def _may_contact(history: History) -> npt.NDArray[np.bool_]:
    """Who may be contacted: everybody where the customers table has no column of consent."""
    n = history.offsets.size - 1
    if history.attributes is None or CONSENT not in history.attributes.column_names:
        return np.ones(n, np.bool_)
    given = history.attributes[CONSENT].combine_chunks()
    if pa.types.is_dictionary(given.type):
        given = given.dictionary_decode()
    if pa.types.is_string(given.type) or pa.types.is_large_string(given.type):
        answer = pc.is_in(pc.utf8_lower(pc.utf8_trim_whitespace(given)), value_set=pa.array(YES, given.type))
    else:
        answer = pc.fill_null(pc.cast(given, pa.bool_()), False)
    return np.asarray(answer.to_numpy(zero_copy_only=False), dtype=np.bool_)


def _days_since_contact(history: History, window: Window) -> Floats:
    """Days since a campaign last contacted the customer; inf for whom none did, and without a table of campaigns."""
    found = days_since_contact(history, window.as_of)
    return np.full(history.n_customers, np.inf) if found is None else found


def _closed(history: History, window: Window) -> npt.NDArray[np.bool_]:
    n = history.offsets.size - 1
    return np.zeros(n, np.bool_) if history.closed_day is None else history.closed_day <= window.as_of_day
