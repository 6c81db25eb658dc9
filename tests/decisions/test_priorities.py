"""The plan: strategies in their order, limits kept exactly, the control group stable, gains as the rules say."""

from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import norm

from lifecycle.decisions.actions import EFFECTS, Action, RetentionPolicy, default_actions
from lifecycle.decisions.draw import drawn
from lifecycle.decisions.gains import Worth, gain
from lifecycle.decisions.plan_input import PlanInput
from lifecycle.decisions.plan_summary import detectable_effect, summarise_plan
from lifecycle.decisions.priorities import plan
from lifecycle.decisions.vocabulary import CAUSES, CHURNED, DECLINE, GROWTH, MATURE, NEW, PROSPECT, STRATEGIES


def worth(n: int, **changes) -> Worth:
    given = {
        "p_star": 0.5,
        "kappa": 0.8,
        "churn_probability": 0.6,
        "v_prevent": 100.0,
        "v_return": 50.0,
        "churned": 0.0,
        "expected_purchases": 1.0,
        "expected_spend": 40.0,
        "order_value": 40.0,
        "value_after_second": 80.0,
    } | changes
    numbers = {"margin", "first_purchase_probability", "new_customer_value", "first_order_value", "mean_return"}
    return Worth(**{name: v if name in numbers else np.broadcast_to(v, n).astype(float) for name, v in given.items()})


def customers(n: int, stage=DECLINE, cause="silence", **changes) -> PlanInput:
    stages = np.broadcast_to(np.asarray(stage, np.int8), n).copy()
    causes = np.where(stages == DECLINE, CAUSES.index(cause), -1).astype(np.int8)
    known = worth(n, **({"churned": stages == CHURNED} | changes))
    return PlanInput(pa.array([f"c{k:04d}" for k in range(n)]), stages, causes, known)


def offer(**changes) -> Action:
    given = {"contact_cost": 1.0, "save_rate": 0.1} | changes
    return Action("offer", ("growth", "mature", "decline", "churned"), "email", "prevent", **given)


@pytest.mark.parametrize(
    ("churned", "won", "saved"),
    [
        (0.0, 0.1 * 0.5 * 100, 0.1 * 0.5 * (1 - 0.8)),
        (1.0, 0.02 * (0.4 / 0.25) * 0.6 * 50, 0.02 * (0.4 / 0.25) * 0.6),  # in proportion to P(return), mean .25
    ],
)
def test_prevention_and_win_back_are_valued_as_the_rule_says(churned, won, saved):
    found = gain(offer(incentive=3.0, accept_if_staying=0.5), worth(1, churned=churned, mean_return=0.25))
    paid = 1.0 + 3.0 * (0.5 * (1 - 0.6) + saved)
    assert found.net[0] == pytest.approx(won - paid)
    assert found.cost[0] == pytest.approx(paid)


def test_activation_development_and_conversion_are_valued_as_the_rules_say():
    terms = worth(1, margin=0.4, first_purchase_probability=0.1, new_customer_value=30.0, first_order_value=25.0)
    activate = Action("a", ("new",), "email", "activate", contact_cost=0.5, incentive_share=0.1, lift=0.05)
    extra = 0.05 * 0.6
    assert gain(activate, terms).net[0] == pytest.approx(extra * (0.4 * 40 + 80) - 0.5 - 4.0 * (0.4 + extra))
    develop = Action("d", ("growth",), "email", "develop", contact_cost=0.5, lift=0.05)
    assert gain(develop, terms).net[0] == pytest.approx(0.05 * 0.4 * 40 - 0.5)
    convert = Action("c", ("prospect",), "email", "convert", contact_cost=0.5, incentive=2.0, lift=0.05)
    assert gain(convert, terms).net[0] == pytest.approx(0.05 * (0.4 * 25 + 30) - 0.5 - 2.0 * (0.1 + 0.05))


def test_at_the_break_even_rate_the_action_pays_for_itself():
    action = offer(incentive=3.0)
    rate = float(gain(action, worth(1)).break_even[0])
    at_rate = offer(incentive=3.0, save_rate=rate)
    assert gain(at_rate, worth(1)).net[0] == pytest.approx(0.0, abs=1e-12)
    assert np.isinf(gain(offer(incentive=1e6), worth(1)).break_even[0])


def test_each_stage_has_its_strategy_and_nobody_hopeless_is_paid_for():
    stages = np.array([PROSPECT, NEW, GROWTH, MATURE, DECLINE, CHURNED], np.int8)
    rich = plan(customers(6, stages, v_return=200.0), RetentionPolicy((offer(),)))
    assert [STRATEGIES[code] for code in rich.strategy] == [
        "convert",
        "activate",
        "develop",
        "retain",
        "rescue",
        "win_back",
    ]
    poor = plan(customers(6, stages, v_prevent=1.0, v_return=1.0), RetentionPolicy((offer(),)))
    assert [STRATEGIES[code] for code in poor.strategy[4:]] == ["let_go", "let_go"]
    assert [CAUSES[code] if code >= 0 else None for code in poor.cause] == [None] * 4 + ["silence", None]
    assert not poor.targeted.any()


def test_where_no_value_is_known_nobody_is_let_go_and_nobody_is_targeted():
    blind = customers(2, v_prevent=np.nan, v_return=np.nan)
    found = plan(replace(blind, purchases_at_risk=np.array([1.0, 2.0])), RetentionPolicy((offer(),)))
    assert {STRATEGIES[code] for code in found.strategy} == {"rescue"}
    assert not found.targeted.any()
    assert found.priority.tolist() == [2, 1]


def test_an_action_for_a_cause_is_offered_for_that_cause_only():
    mend = Action("mend", ("decline",), "phone", "prevent", causes=("improve",), save_rate=0.3)
    policy = RetentionPolicy((offer(), mend))
    assert plan(customers(1, cause="complaint"), policy).action.tolist() == [1]
    assert plan(customers(1, cause="silence"), policy).action.tolist() == [0]


@pytest.mark.parametrize(("rate", "chosen"), [(0.4, 1), (0.25, 0)])
def test_a_person_calls_only_where_that_beats_the_automated_channel(rate, chosen):
    call = Action("call", ("decline",), "phone", "prevent", contact_cost=12.0, save_rate=rate, personal=True)
    assert plan(customers(1), RetentionPolicy((offer(), call))).action.tolist() == [chosen]
    full = RetentionPolicy((offer(capacity=0), call))
    assert plan(customers(1), full).targeted.tolist() == [bool(chosen)]


def test_consent_and_rest_between_contacts_are_respected():
    people = replace(
        customers(4),
        may_contact=np.array([True, False, True, True]),
        days_since_contact=np.array([np.inf, np.inf, 13.0, 14.0]),
    )
    found = plan(people, RetentionPolicy((offer(),), min_days_between_contacts=14))
    assert found.targeted.tolist() == [True, False, False, True]
    assert (found.action >= 0).tolist() == found.targeted.tolist()
    assert STRATEGIES[found.strategy[1]] == "rescue"


def test_the_least_return_is_a_limit():
    net = 4.0  # see the first test, without incentive: net gain for 1 of cost
    assert plan(customers(1), RetentionPolicy((offer(),), min_return=net)).targeted.all()
    assert not plan(customers(1), RetentionPolicy((offer(),), min_return=net + 0.01)).targeted.any()


def test_the_order_of_the_input_does_not_matter_and_ties_go_by_id():
    policy = RetentionPolicy((offer(),), budget=20.0)
    rng = np.random.default_rng(0)
    base = customers(60, v_prevent=np.repeat([100.0, 200.0, 300.0], 20))
    shuffled = rng.permutation(60)
    there = plan(base, policy)
    other = plan(
        PlanInput(
            base.customer_id.take(pa.array(shuffled)),
            base.stage[shuffled],
            base.cause[shuffled],
            worth(60, v_prevent=np.repeat([100.0, 200.0, 300.0], 20)[shuffled]),
        ),
        policy,
    )
    for name in ("targeted", "control", "priority", "action"):
        np.testing.assert_array_equal(getattr(there, name)[shuffled], getattr(other, name))
    tied = plan(customers(60), policy)
    assert np.flatnonzero(tied.targeted).tolist() == list(range(20))
    assert tied.priority.tolist() == list(range(1, 61))


class Pieces:
    """Customers in pieces of uneven size, one of them empty."""

    cautious = 0.7

    def __init__(self, whole: PlanInput, cuts: list[int]) -> None:
        self.whole, self.cuts = whole, cuts

    def pieces(self):
        for start, stop in pairwise(self.cuts):
            rows = np.arange(start, stop)
            yield replace(
                self.whole,
                customer_id=self.whole.customer_id.take(pa.array(rows)),
                stage=self.whole.stage[rows],
                cause=self.whole.cause[rows],
                worth=self.whole.worth.at(rows),
                may_contact=self.whole.may_contact[rows],
                purchases_at_risk=self.whole.purchases_at_risk[rows],
            )


@pytest.mark.parametrize("cuts", [[0, 1000], [0, 1, 1, 500, 999, 1000]])
def test_the_pieces_in_which_customers_come_change_nothing(cuts):
    rng = np.random.default_rng(3)
    n = 1000
    whole = replace(
        customers(n, stage=rng.integers(1, 6, n), v_prevent=np.round(rng.lognormal(3, 1, n))),
        customer_id=pa.array(rng.permutation(n)),
        may_contact=rng.random(n) < 0.9,
        purchases_at_risk=rng.random(n),
        cautious=0.7,
    )
    policy = RetentionPolicy((offer(), *default_actions(incentive=1.0)), budget=200.0, control_share=0.3)
    there, other = plan(whole, policy), plan(Pieces(whole, cuts), policy)
    assert 0 < there.control.sum() < there.targeted.sum() < (there.action >= 0).sum() < n
    for one in fields(there):
        np.testing.assert_allclose(getattr(other, one.name), getattr(there, one.name), rtol=1e-12, err_msg=one.name)
    one, two = summarise_plan(there, whole, policy), summarise_plan(other, Pieces(whole, cuts), policy)
    assert one.detectable.assumed_rate == pytest.approx(two.detectable.assumed_rate, rel=1e-12)
    assert one.prevented == pytest.approx(two.prevented, rel=1e-12)


def test_priority_is_a_total_order_with_the_list_first():
    rng = np.random.default_rng(1)
    found = plan(customers(200, v_prevent=rng.lognormal(3, 1, 200)), RetentionPolicy((offer(),), budget=50.0))
    assert sorted(found.priority) == list(range(1, 201))
    ranked = np.argsort(found.priority)
    assert found.targeted[ranked].tolist() == [True] * 50 + [False] * 150
    assert (np.diff(found.expected_gain[ranked][:50]) <= 0).all()


def test_the_control_group_is_drawn_within_the_list_and_stays_the_same():
    base = customers(4000)
    found = plan(base, RetentionPolicy((offer(),), budget=3000.0, control_share=0.1))
    assert found.targeted.sum() == 3000
    assert not (found.control & ~found.targeted).any()
    assert (found.selected == (found.targeted & ~found.control)).all()
    assert found.spent == pytest.approx(3000.0)  # what the control group leaves is not spent again
    assert abs(found.control.sum() - 300) < 4 * np.sqrt(3000 * 0.09)
    smaller = plan(base, RetentionPolicy((offer(),), budget=1000.0, control_share=0.1))
    both = smaller.targeted & found.targeted
    np.testing.assert_array_equal(smaller.control[both], found.control[both])


def test_control_depends_on_id_and_salt_alone():
    ids = pa.array([str(k) for k in range(2000)])
    held = drawn(ids, share=0.3, salt="a")
    np.testing.assert_array_equal(held, drawn(pa.array(range(2000)), share=0.3, salt="a"))
    wider = drawn(ids, share=0.5, salt="a")
    assert (wider | ~held).all()  # a larger share keeps who was in
    other = drawn(ids, share=0.3, salt="b")
    assert abs((held & other).mean() - 0.09) < 0.03
    assert not drawn(ids, share=0.0, salt="a").any()


def test_sensitivity_and_the_cautious_gain_are_those_of_the_same_list():
    base = customers(50, v_prevent=np.linspace(10, 400, 50))
    found = plan(replace(base, cautious=0.5), RetentionPolicy((offer(),), budget=20.0))
    by_rate = dict(found.by_rate)
    assert by_rate[1.0] == pytest.approx(found.value)
    assert by_rate[2.0] == pytest.approx(2 * (found.value + 20) - 20)
    assert found.conservative == pytest.approx((found.value + 20) / 2 - 20)
    assert np.isnan(plan(base, RetentionPolicy((offer(),), budget=20.0)).conservative)


def test_with_less_money_each_effect_wins_less_and_the_contact_costs_the_same():
    terms = worth(1, margin=0.4, new_customer_value=30.0, first_order_value=25.0)
    for effect in EFFECTS:
        action = Action("a", ("growth",), "email", effect, contact_cost=0.5, lift=0.05)
        full, half = gain(action, terms), gain(action, terms.times(0.5))
        assert half.won[0] == pytest.approx(full.won[0] / 2)
        assert half.cost[0] == full.cost[0]


def test_the_detectable_effect_has_the_stated_power():
    buys, treated, control = 0.3, 9000, 1000
    effect = detectable_effect(buys, treated, control)
    rng = np.random.default_rng(0)
    error = np.sqrt(buys * (1 - buys) * (1 / treated + 1 / control))
    difference = rng.binomial(treated, buys + effect, 4000) / treated - rng.binomial(control, buys, 4000) / control
    assert abs((difference / error > norm.ppf(0.975)).mean() - 0.8) < 0.03
    assert np.isnan(detectable_effect(0.3, 10, 0))


def test_the_summary_says_what_the_list_is():
    base = customers(6000, v_prevent=np.linspace(30, 400, 6000))
    policy = RetentionPolicy(default_actions(), budget=5000.0, control_share=0.2)
    found = plan(base, policy)
    summary = summarise_plan(found, base, policy)
    assert (summary.targeted, summary.selected + summary.control) == (5000, 5000)
    assert summary.gain == found.value
    assert summary.selected_gain == pytest.approx(found.expected_gain[found.selected].sum())
    assert summary.selected_spent == summary.selected < summary.spent
    assert summary.gap == 0.0
    assert summary.worth_acting == 6000
    saved = 0.5 * 0.2  # P(saved) at a save rate of 1
    assert summary.detectable.save_rate == pytest.approx(summary.detectable.purchase_share / saved)
    assert summary.detectable.assumed_rate == pytest.approx(0.1)
    assert summary.detectable.assumed_share == pytest.approx(0.1 * saved)


def test_the_parts_of_the_gain_less_what_is_spent_are_the_gain():
    values = {"v_prevent": np.linspace(20, 400, 3000), "v_return": 500.0}
    base = customers(3000, stage=[NEW, MATURE, CHURNED] * 1000, **values)
    policy = RetentionPolicy(default_actions(incentive=2.0, save_rate=0.2), budget=9000.0)
    found = plan(base, policy)
    summary = summarise_plan(found, base, policy)
    parts = summary.prevented + summary.won_back + summary.grown
    assert min(summary.prevented, summary.won_back, summary.grown) > 0
    assert parts - summary.spent == pytest.approx(summary.gain)
    only = replace(base, worth=replace(base.worth, p_star=np.zeros(3000)))
    assert summarise_plan(plan(only, policy), only, policy).prevented == 0


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: offer(save_rate=1.5), "save_rate must lie in"),
        (lambda: Action("x", ("gone",), "email", "prevent"), "stages must be among"),
        (lambda: Action("x", ("new",), "email", "charm"), "effect must be among"),
        (lambda: offer(contact_cost=-1.0), "contact_cost must be at least 0"),
        (lambda: RetentionPolicy((offer(), offer())), "names of actions must be unique"),
        (lambda: RetentionPolicy((offer(),), budget=-1.0), "budget must be at least 0"),
        (lambda: RetentionPolicy((offer(),), control_share=1.0), "control_share must lie in"),
        (lambda: worth(2, margin=1.5), "margin must lie in"),
        (lambda: plan(customers(1, stage=-1), RetentionPolicy((offer(),))), "Leave out customers"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_name(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_policies_have_versions_of_their_content():
    assert RetentionPolicy((offer(),)).digest == RetentionPolicy((offer(),)).digest
    assert RetentionPolicy((offer(),)).digest != RetentionPolicy((offer(),), budget=1.0).digest
