"""The stated gain of the list against the truth, on simulated bases of which it is known who is still there."""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pytest

from lifecycle.decisions.actions import Action, RetentionPolicy
from lifecycle.decisions.gains import Worth, gain
from lifecycle.decisions.plan_input import PlanInput
from lifecycle.decisions.priorities import plan
from lifecycle.decisions.vocabulary import MATURE
from lifecycle.models.btyd import BgNbd, GammaGamma, MbgNbd
from lifecycle.models.btyd.retention_values import retention_terms
from lifecycle.models.btyd.simulate import arrivals

H, Y, DELTA = 13.0, 52.0, 0.002  # weeks
N = 40_000
SPEND = GammaGamma(6.25, 3.74, 15.44)


@dataclass(frozen=True)
class Base:
    """Simulated customers: their hidden rate, dropout, mean basket and state, and their visible history."""

    rate: np.ndarray
    stop: np.ndarray
    basket: np.ndarray
    alive: np.ndarray
    frequency: np.ndarray
    recency: np.ndarray
    T: np.ndarray
    mean: np.ndarray


def simulated(model, seed: int) -> Base:
    rng = np.random.default_rng(seed)
    rate = rng.gamma(model.r, 1 / model.alpha, N)
    stop = rng.beta(model.a, model.b, N)
    nu = rng.gamma(SPEND.q, 1 / SPEND.v, N)
    T = rng.uniform(26, 78, N)
    stops_at_once = rng.random(N) < stop if isinstance(model, MbgNbd) else np.zeros(N, bool)
    seen = arrivals(rate, stop, np.where(stops_at_once, 0.0, np.inf), T, 0.0, rng)
    x = seen.frequency
    mean = np.where(x > 0, rng.gamma(SPEND.p * np.maximum(x, 1), 1 / nu) / np.maximum(x, 1), np.nan)
    return Base(rate, stop, SPEND.p / nu, seen.alive & ~stops_at_once, x, seen.recency, T, mean)


def worth_by(model, spend: GammaGamma, base: Base) -> Worth:
    history = {"frequency": base.frequency, "recency": base.recency, "T": base.T}
    terms = retention_terms(model, horizon=H, value_horizon=Y, discount_rate=DELTA, **history)
    churn = model.probability_no_purchase(H, *history.values())
    basket = spend.expected_monetary_value(base.frequency, base.mean)
    bought = model.expected_purchases(H, *history.values())
    return Worth(
        np.clip((1 - churn) / (1 - terms.q0), 0, 1),
        terms.kappa,
        churn,
        basket * terms.w_prevent,
        basket * (1 + model.expected_discounted_purchases(Y, DELTA, base.frequency + 1, base.T, base.T)),
        np.zeros(N),
        bought,
        bought * basket,
        basket,
        np.zeros(N),
    )


def truth_of(base: Base) -> Worth:
    """What each customer's hidden parameters say: nothing about them is uncertain."""
    leaving = base.rate * base.stop
    bought = base.rate * -np.expm1(-(DELTA + leaving) * Y) / (DELTA + leaving)
    stays = np.exp(-leaving * H)
    churn = np.where(base.alive, np.exp(-base.rate * H), 1.0)
    alive = base.alive.astype(float)
    return Worth(
        alive,
        stays,
        churn,
        base.basket * (1 - stays) * bought,
        base.basket * (1 + (1 - base.stop) * bought),
        np.zeros(N),
        alive * base.rate,
        alive * base.rate * base.basket,
        base.basket,
        np.zeros(N),
    )


ACTIONS = {
    "cheap contact": (Action("offer", ("mature",), "email", "prevent", contact_cost=0.5, save_rate=0.1),),
    "with incentive": (
        Action("offer", ("mature",), "email", "prevent", contact_cost=0.2, incentive=4.0, save_rate=0.15),
        Action("call", ("mature",), "phone", "prevent", contact_cost=6.0, save_rate=0.3, capacity=400),
    ),
}
MODELS = {
    "BG/NBD": BgNbd(0.2426, 4.4136, 0.7929, 2.4259),
    "MBG/NBD": MbgNbd(0.52484, 6.18309, 0.89136, 1.614),
    "MBG/NBD, lasting": MbgNbd(0.8, 5.0, 0.5, 4.0),
}


def planned(worth: Worth, policy: RetentionPolicy):
    ids = pa.array([f"{k:06d}" for k in range(N)])
    stage = np.full(N, MATURE, np.int8)
    return plan(PlanInput(ids, stage, np.full(N, -1, np.int8), worth), policy)


def gain_of(listed, worth: Worth, policy: RetentionPolicy) -> float:
    """Net gain of a list if customers were worth what `worth` says."""
    total = 0.0
    for position, action in enumerate(policy.actions):
        rows = listed.targeted & (listed.action == position)
        won = action.save_rate * worth.p_star * worth.v_prevent
        saved = action.save_rate * worth.p_star * (1 - worth.kappa)
        paid = action.contact_cost + action.incentive * (1 - worth.churn_probability + saved)
        total += float((won - paid)[rows].sum())
    return total


@pytest.mark.parametrize("actions", ACTIONS)
@pytest.mark.parametrize("name", MODELS)
def test_the_stated_gain_is_true_and_the_list_the_best(name, actions):
    model = MODELS[name]
    base = simulated(model, seed=11)
    fitted = type(model).fit(base.frequency, base.recency, base.T)
    spend = GammaGamma.fit(base.frequency, base.mean)
    policy = RetentionPolicy(ACTIONS[actions], budget=2_000.0, control_share=0.0)
    listed = planned(worth_by(fitted, spend, base), policy)
    best = planned(worth_by(model, SPEND, base), policy)
    truth = truth_of(base)
    true_gain = gain_of(listed, truth, policy)
    assert listed.targeted.sum() > 100
    each = np.where(truth.p_star > 0, truth.v_prevent, 0.0)[listed.targeted]
    noise = policy.actions[-1].save_rate * np.sqrt(np.square(each - each.mean()).sum())
    assert listed.value == pytest.approx(true_gain, abs=3 * noise)
    assert true_gain >= 0.95 * gain_of(best, truth, policy)


def test_what_the_test_takes_for_the_gain_is_what_the_plan_states():
    base = simulated(MODELS["BG/NBD"], seed=3)
    worth = worth_by(MODELS["BG/NBD"], SPEND, base)
    policy = RetentionPolicy(ACTIONS["with incentive"], budget=500.0)
    listed = planned(worth, policy)
    assert gain_of(listed, worth, policy) == pytest.approx(listed.value, rel=1e-12)


@pytest.mark.parametrize("name", MODELS)
def test_whoever_buys_today_after_silence_is_worth_what_the_value_of_a_return_says(name):
    model = MODELS[name]
    base = simulated(model, seed=11)
    fitted = type(model).fit(base.frequency, base.recency, base.T)
    worth = worth_by(fitted, GammaGamma.fit(base.frequency, base.mean), base)
    silent = (base.T - base.recency > H) & (base.frequency > 0)
    today = fitted.p_alive(base.frequency, base.recency, base.T) * (fitted.r + base.frequency) / (fitted.alpha + base.T)
    truth = np.where(base.alive, base.rate, 0.0) * truth_of(base).v_return
    noise = np.sqrt(np.square(truth[silent] - truth[silent].mean()).sum())
    assert noise < 0.04 * truth[silent].sum()
    assert (today * worth.v_return)[silent].sum() == pytest.approx(truth[silent].sum(), abs=3 * noise)
    gone = replace(worth, churned=silent.astype(float))
    assert not (gone.winback_value[~silent].any() or gone.value_at_risk[silent].any())


def test_who_hardly_ever_returns_is_hardly_ever_won_back():
    """Of two churned customers of the same value, the list prefers the one who may return, whatever the cost."""
    base = simulated(MODELS["BG/NBD"], seed=3)
    worth = worth_by(MODELS["BG/NBD"], SPEND, base).at(np.arange(3))
    pair = replace(worth, churned=np.ones(3), v_return=np.full(3, 2_000.0), mean_return=0.1)
    pair = replace(pair, churn_probability=np.array([0.999, 0.9, 0.8]))
    action = Action("offer", ("churned",), "email", "prevent", contact_cost=0.5, save_rate=0.1)
    net = gain(action, pair).net
    assert net[0] < 0 < net[1] < net[2]
    assert net[1] == pytest.approx(action.winback_rate * 0.9 * 2_000.0 - 0.5)  # the mean customer: the rate as assumed
