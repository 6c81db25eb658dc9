"""Causes of decline, each from a small log in which a reader can see it."""

import datetime as dt
from functools import reduce
from operator import add

import numpy as np
import pandas as pd
import pytest

from lifecycle.decisions.cause_sums import cause_sums
from lifecycle.decisions.causes import diagnose
from lifecycle.decisions.stage_policy import StagePolicy
from lifecycle.decisions.stages import replay
from lifecycle.decisions.strategies import NO_CAUSE, assign
from lifecycle.decisions.vocabulary import CAUSES, DECLINE, STRATEGIES
from lifecycle.features.history import History
from lifecycle.features.ragged import customers_between

AS_OF = dt.date(2024, 6, 30)
POLICY = StagePolicy.from_rates(1.0, 30.0, 90)


def stamp(ago: int) -> pd.Timestamp:
    return pd.Timestamp(AS_OF) - pd.Timedelta(days=ago)


def lines(customer: str, ages, category: str = "bread", amount: float = 10.0) -> list[dict]:
    return [{"customer_id": customer, "timestamp": stamp(ago), "amount": amount, "category": category} for ago in ages]


SILENT = list(range(400, 59, -14))  # every two weeks, then silent for two months
STEADY = list(range(400, 0, -14))


def base() -> list[dict]:
    """Forty steady customers of bread and twenty of wine, who only make the base."""
    rows = [row for k in range(40) for row in lines(f"z{k:02d}", STEADY, "bread")]
    return rows + [row for k in range(20) for row in lines(f"y{k:02d}", STEADY, "wine")]


def cause_of(rows, *, interactions=None, customer="a", categories=True):
    frame = pd.DataFrame(rows + base())
    events = None if interactions is None else pd.DataFrame(interactions)
    history = History.from_frame(frame, category="category" if categories else None, interactions=events)
    stages = replay(history, AS_OF, POLICY)
    found = diagnose(history, AS_OF, stages, cause_sums(history, AS_OF, 90), POLICY)
    place = history.customer_id.to_pylist().index(customer)
    assert stages.stage[place] == DECLINE
    assert (found[stages.stage != DECLINE] == NO_CAUSE).all()
    return CAUSES[found[place]]


def said(kind: str, ago: int, value=np.nan, customer="a") -> dict:
    return {"customer_id": customer, "timestamp": stamp(ago), "kind": kind, "value": value}


def test_silence_without_any_other_sign_is_silence():
    assert cause_of(lines("a", SILENT)) == "silence"


def test_fewer_purchases_of_somebody_who_still_buys_is_volume():
    slower = [*range(500, 130, -7), 100, 70, 40, 10]
    assert cause_of(lines("a", slower), categories=False) == "volume"


@pytest.mark.parametrize(
    ("events", "cause"),
    [
        ([said("complaint", 65)], "complaint"),
        ([said("Complaint", 20)], "complaint"),
        ([said("complaint", 300)], "silence"),  # long before the last but one purchase
        ([said("complaint", 65), said("resolved", 30)], "silence"),
        ([said("complaint", -5)], "silence"),  # not known yet
        ([said("survey", 50, 1.0), said("survey", 300, 5.0, "z00")], "satisfaction"),
        ([said("survey", 200, 5.0), said("survey", 50, 3.4), said("survey", 300, 1.0, "z00")], "satisfaction"),
        ([said("survey", 200, 3.5), said("survey", 50, 3.4), said("survey", 300, 1.0, "z00")], "silence"),
        ([said("survey", 50, 1.0), said("survey", 10, 5.0)], "silence"),  # the latest survey decides
    ],
)
def test_feedback_since_the_last_but_one_purchase_decides(events, cause):
    assert cause_of(lines("a", SILENT), interactions=events) == cause


def test_returns_far_above_the_base_are_our_own_fault():
    back = [{"customer_id": "a", "timestamp": stamp(55), "amount": -6.0, "category": "bread"}]
    assert cause_of(lines("a", SILENT) + back) == "returns"


def test_returns_that_everybody_makes_are_no_cause():
    everywhere = [
        {"customer_id": f"z{k:02d}", "timestamp": stamp(ago - 1), "amount": -6.0, "category": "bread"}
        for k in range(40)
        for ago in STEADY
    ]
    back = [{"customer_id": "a", "timestamp": stamp(55), "amount": -6.0, "category": "bread"}]
    assert cause_of(lines("a", SILENT) + back + everywhere) == "silence"


def test_a_category_that_stops_while_others_go_on_asks_for_a_response():
    bread = lines("a", range(500, 100, -7), "bread", 30.0)
    assert cause_of(bread + lines("a", [90, 60, 30, 4], "wine")) == "category_lost"


def test_a_main_category_that_falls_in_the_whole_base_asks_for_a_response():
    gone = [row for k in range(30) for row in lines(f"x{k:02d}", range(400, 95, -7), "cheese")]
    assert cause_of(lines("a", SILENT, "cheese") + gone) == "market"


def test_a_complaint_goes_before_all_else():
    bread = lines("a", range(500, 100, -7), "bread", 30.0)
    wine = lines("a", [90, 60, 30, 4], "wine")
    assert cause_of(bread + wine, interactions=[said("complaint", 3)]) == "complaint"


def test_the_sums_of_buckets_are_those_of_the_base():
    frame = pd.DataFrame(lines("a", SILENT, "cheese") + base())
    history = History.from_frame(frame, category="category", interactions=pd.DataFrame([said("survey", 9, 4.0)]))
    whole = cause_sums(history, AS_OF, 90)
    parts = [
        cause_sums(customers_between(history, lo, hi), AS_OF, 90)
        for lo, hi in ((0, 7), (7, 30), (30, history.n_customers))
    ]
    total = reduce(add, parts)
    assert total.recent == whole.recent
    assert total.before == whole.before
    assert (total.gross, total.survey_low) == (whole.gross, whole.survey_low)


def test_each_cause_has_its_strategy():
    codes = np.arange(len(CAUSES), dtype=np.int8)
    strategies = [STRATEGIES[code] for code in assign(np.full(codes.size, DECLINE, np.int8), codes)]
    assert dict(zip(CAUSES, strategies, strict=True)) == {
        "complaint": "improve",
        "satisfaction": "improve",
        "returns": "improve",
        "category_lost": "respond",
        "market": "respond",
        "silence": "rescue",
        "volume": "rescue",
    }
