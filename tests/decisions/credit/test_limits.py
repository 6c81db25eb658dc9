"""Limits never rise with risk, never fall with spend, and keep the budget; triggers, win-back and loss factors."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle.decisions.credit import (
    DECISIONS,
    CreditPolicy,
    CreditState,
    Watched,
    limits,
    loss_factors,
    net_winback,
    terms,
    triggers,
    within_budget,
)
from lifecycle.decisions.credit.limits import BOUNDS, step_down, step_up
from lifecycle.decisions.vocabulary import CHURNED, DECLINE, GROWTH, MATURE, PROSPECT, STAGES
from lifecycle.models.credit.late import BetaBinomial


def base(n: int = 400, seed: int = 3) -> CreditState:
    rng = np.random.default_rng(seed)
    dpd = np.where(rng.random(n) < 0.8, 0.0, rng.integers(1, 150, n))
    default = dpd > 90
    return CreditState(
        stage=rng.integers(0, len(STAGES), n),
        pd=np.where(default, 1.0, rng.beta(0.6, 12, n)),
        lgd=rng.uniform(0.2, 0.9, n),
        spend_a_day=rng.lognormal(2, 1, n),
        spend_year=rng.lognormal(7, 1, n),
        margin=rng.uniform(0.05, 0.5, n),
        order=rng.lognormal(4, 1, n),
        open_amount=np.where(rng.random(n) < 0.5, 0.0, rng.lognormal(5, 1, n)),
        limit_now=np.where(rng.random(n) < 0.4, np.nan, np.round(rng.lognormal(6, 1, n))),
        days_past_due=dpd,
        worst_days=np.maximum(dpd, rng.integers(0, 15, n)),
        judged=rng.integers(0, 40, n).astype(float),
        in_default=default,
        ever_default=default | (rng.random(n) < 0.1),
        equity=np.where(rng.random(n) < 0.5, np.nan, rng.lognormal(9, 1, n)),
    )


POLICY = CreditPolicy()


@pytest.mark.parametrize(
    ("name", "way"),
    [("pd", -1), ("lgd", -1), ("days_past_due", -1), ("spend_a_day", 1), ("spend_year", 1), ("margin", 1)],
)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), factor=st.floats(1.0, 20.0))
def test_limits_go_one_way(name, way, seed, factor):
    state = base(seed=seed)
    more = getattr(state, name) * factor
    more = np.minimum(more, 1.0) if name in ("pd", "lgd", "margin") else more
    changed = dataclasses.replace(state, **{name: more})
    if name == "days_past_due":
        changed = dataclasses.replace(changed, in_default=state.in_default | (more > POLICY.default_days))
    before, after = limits(state, POLICY), limits(changed, POLICY)
    assert (way * (after.limit - before.limit) >= 0).all()
    if way < 0:
        assert (after.terms_days <= before.terms_days).all()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_rules_of_stages_hold(seed):
    state = base(seed=seed)
    found = limits(state, POLICY)
    assert (found.limit[state.in_default | (state.stage == CHURNED)] == 0).all()
    first = state.stage == PROSPECT
    assert (found.limit[first] <= POLICY.first_orders * state.order[first]).all()
    has = np.isfinite(state.limit_now)
    shrinking = has & (state.stage == DECLINE)
    assert (found.limit[shrinking] <= state.limit_now[shrinking]).all()
    most = np.maximum(1.5 * state.limit_now, step_up(np.nan_to_num(state.limit_now)))
    assert (found.limit[has] <= most[has]).all()
    assert found.over_limit == pytest.approx(np.maximum(state.open_amount - found.limit, 0))
    unclean = dataclasses.replace(state, stage=np.full(state.pd.size, MATURE), ever_default=np.ones(400, bool))
    plain = dataclasses.replace(unclean, stage=np.full(state.pd.size, GROWTH))
    assert np.array_equal(limits(unclean, POLICY).limit, limits(plain, POLICY).limit)
    assert np.array_equal(terms(unclean, POLICY), terms(plain, POLICY))
    word = np.array(DECISIONS)[found.decision]
    assert (found.limit[word == "raise"] > state.limit_now[word == "raise"]).all()
    assert (found.limit[word == "cut"] < state.limit_now[word == "cut"]).all()
    assert (
        found.limit[(word == "keep") | (word == "freeze")] == state.limit_now[(word == "keep") | (word == "freeze")]
    ).all()
    assert set(word[state.in_default]) <= {"collect", "refuse"}


def test_one_customer_by_hand():
    one = {f.name: np.array([0.0]) for f in dataclasses.fields(CreditState)}
    one |= {"stage": np.array([GROWTH]), "pd": np.array([0.01]), "lgd": np.array([0.45])}
    one |= {"spend_a_day": np.array([10.0]), "spend_year": np.array([3000.0]), "margin": np.array([0.3])}
    one |= {"order": np.array([100.0]), "limit_now": np.array([np.nan]), "equity": np.array([np.nan])}
    one |= {"in_default": np.array([False]), "ever_default": np.array([False])}
    found = limits(CreditState(**one), POLICY)
    # need = 1.2·10·(30 + 7) + 100 = 544; loss = .25·.3·3000/(.01·.45) = 50,000
    assert (found.limit[0], BOUNDS[found.bound[0]], found.terms_days[0]) == (500.0, "need", 30)
    assert found.expected_loss[0] == pytest.approx(0.01 * 0.45 * 250.0)
    tight = limits(CreditState(**one), POLICY, multiplier=199.0)  # loss 50,000/200 = 250
    assert (tight.limit[0], BOUNDS[tight.bound[0]]) == (200.0, "loss")


@given(st.floats(0, 1e9))
def test_steps_are_1_2_5_and_neighbours(amount):
    down = step_down(np.array([amount]))[0]
    assert down <= amount
    if down:
        assert f"{down:.0f}".rstrip("0") in ("1", "2", "5")
        assert step_up(np.array([amount]))[0] > amount


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), share=st.floats(0.05, 1.5))
def test_the_budget_is_kept_where_it_can_be(seed, share):
    state = base(seed=seed)
    free = limits(state, POLICY)
    budget = share * float(free.expected_loss.sum())
    found = within_budget(state, dataclasses.replace(POLICY, loss_budget=budget))
    least = float((state.pd * state.lgd * state.open_amount).sum())
    if share >= 1:
        assert found.multiplier == 0.0
        assert np.array_equal(found.limits.limit, free.limit)
    if least <= budget:
        assert found.feasible
        assert found.limits.expected_loss.sum() <= budget + 1e-6
        assert (found.limits.limit <= free.limit).all()
    else:
        assert found.excess == pytest.approx(least - budget)
        assert not (found.limits.limit > np.nan_to_num(state.limit_now)).any()


def test_the_riskiest_lose_most_under_a_budget():
    state = base(4000)
    free = limits(state, POLICY)
    open_now = float((state.pd * state.lgd * state.open_amount).sum())
    budget = open_now + 0.5 * (float(free.expected_loss.sum()) - open_now)
    tight = within_budget(state, dataclasses.replace(POLICY, loss_budget=budget)).limits
    order = np.argsort(state.pd * state.lgd)
    kept = [
        tight.limit[part].sum() / max(free.limit[part].sum(), 1)
        for part in np.array_split(order[free.limit[order] > 0], 3)
    ]
    assert kept[0] > kept[1] > kept[2]


def test_a_policy_that_gives_the_worse_more_is_refused():
    with pytest.raises(ValueError, match="never rise from A to E"):
        CreditPolicy(terms_days=(10, 20, 30, 40, 50))
    with pytest.raises(ValueError, match=r"between 0 and 0\.5"):
        CreditPolicy(mature_bonus=0.7)


def watched(**changes: float) -> Watched:
    calm = {f.name: np.array([np.nan]) for f in dataclasses.fields(Watched)}
    calm |= {name: np.zeros(1) for name in ("late_recent", "judged_recent", "late_before", "judged_before")}
    calm |= {
        "days_past_due": np.zeros(1),
        "days_before": np.zeros(1),
        "worst_before": np.zeros(1),
        "pd": np.full(1, 0.01),
    }
    calm |= {"open_amount": np.zeros(1)}
    return Watched(**(calm | {name: np.array([value]) for name, value in changes.items()}))


@pytest.mark.parametrize(
    ("changes", "fires"),
    [
        ({}, set()),
        ({"late_recent": 8.0, "judged_recent": 10.0, "judged_before": 40.0}, {"payment"}),
        ({"days_past_due": 31.0, "days_before": 29.0, "worst_before": 60.0}, {"severity"}),
        ({"days_past_due": 10.0, "worst_before": 2.0}, {"severity"}),
        ({"spend": 500.0, "spend_low": 10.0, "spend_high": 400.0}, {"volume"}),
        ({"open_amount": 95.0, "limit": 100.0}, {"utilisation"}),
        ({"open_amount": 1.0, "limit": 0.0}, {"utilisation"}),
        ({"pd_at_decision": 0.005}, {"risk"}),
        ({"days_since_decision": 366.0}, {"calendar"}),
        ({"days_since_decision": 365.0}, set()),
    ],
)
def test_each_trigger_fires_alone(changes, fires):
    found = triggers(watched(**changes), BetaBinomial(0.5, 2.0), POLICY)
    assert {name for name, fired in found.items() if fired[0]} == fires


def test_shuffled_invoices_raise_at_most_alpha_alarms(shared_data):
    frame = pd.read_parquet(shared_data / "ibm_late_invoices" / "transactions.parquet")
    frame["late"] = (frame["paid_date"] > frame["due_date"]).astype(float)
    frame["recent"] = frame["ts"] > frame["ts"].max() - pd.Timedelta(days=180)
    code = frame["customer_id"].astype("category").cat.codes.to_numpy()
    recent = frame["recent"].to_numpy()
    total, recent_n = np.bincount(code).astype(float), np.bincount(code, weights=recent)
    late = frame["late"].to_numpy()
    k = np.bincount(code, weights=late)
    model = BetaBinomial.fit(k, total)
    rng = np.random.default_rng(7)
    fired, hits = [], []
    order = np.argsort(code, kind="stable")
    for _ in range(200):
        drawn = late[order][np.lexsort((rng.random(code.size), code[order]))]
        k_recent = np.bincount(code[order], weights=drawn * recent[order])
        fired.append((model.tail(k_recent, recent_n, k - k_recent, total - recent_n) < POLICY.alpha).mean())
        pick = rng.choice(100, 20, replace=False)
        made = np.where(np.isin(code, pick) & recent & (rng.random(code.size) < 0.6), 1.0, late)
        k_made = np.bincount(code, weights=made * recent)
        k_old = np.bincount(code, weights=late * ~recent)
        hits.append((model.tail(k_made, recent_n, k_old, total - recent_n) < POLICY.alpha)[pick].mean())
    assert np.mean(fired) <= POLICY.alpha
    assert np.mean(hits) >= 0.40


def test_win_back_pays_for_the_risk_and_a_prepaid_one_carries_none():
    value, p_back = np.array([100.0, 100.0]), np.array([0.5, 0.5])
    found = net_winback(
        value, p_back, np.full(2, 10.0), np.full(2, 0.1), np.full(2, 0.5), np.array([1, 4]), np.full(2, 5.0), POLICY
    )
    assert found.tolist() == pytest.approx([100 - 0.5 * 0.1 * 0.5 * 10 * 37 - 5, 95.0])


def test_a_factor_without_a_part_in_the_loss_shows_none_and_a_real_one_shows_its_ratio():
    rng = np.random.default_rng(2)
    n = 60_000
    strata = rng.integers(0, 5, n)
    base_rate = 0.05 + 0.05 * strata
    has = rng.random(n) < 0.1 + 0.15 * strata
    lost = rng.random(n) < base_rate * np.where(has, 1.5, 1.0)
    idle = rng.random(n) < 0.1 + 0.15 * strata
    table = loss_factors({"late": has, "idle": idle, "never": np.zeros(n, bool)}, lost, strata).set_index("factor")
    assert table.loc["late", "p_holm"] < 1e-6
    assert table.loc["idle", "low"] < 1 < table.loc["idle", "high"]
    assert np.isnan(table.loc["never", "risk_ratio"])
    assert set(table["basis"]) == {"association"}
