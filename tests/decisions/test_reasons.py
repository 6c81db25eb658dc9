"""Reasons say what the events say, in both languages, for every stage."""

import numpy as np
import pyarrow as pa

from lifecycle.decisions.vocabulary import CAUSES, CHURNED, DECLINE, GROWTH, MATURE, NEW, PROSPECT
from lifecycle.features.registry import features
from lifecycle.words.feature_names import feature_words
from lifecycle.words.reasons import FAVOUR, Drivers, Facts, reasons
from lifecycle.words.sentences import joined, percent, thousands

NO = np.zeros(6, bool)


def facts(**changes) -> Facts:
    """One customer a stage, in the order of the stages."""
    given = {
        "stage": np.array([PROSPECT, NEW, GROWTH, MATURE, DECLINE, CHURNED], np.int8),
        "cause": np.array([-1, -1, -1, -1, CAUSES.index("complaint"), -1], np.int8),
        "silence": np.array([np.nan, 130.0, 0.0, 1.0, 64.0, 400.0]),
        "usual_gap": np.array([np.nan, 80.0, 30.0, 0.4, 21.0, 50.0]),
        "purchases": np.array([np.nan, 1.0, 3.0, 40.0, 9.0, 2.0]),
        "overdue": np.array([False, True, False, False, False, False]),
        "returned": NO,
        "closed": NO,
        "churn_probability": np.array([np.nan, 0.9, 0.3, 0.01, 0.62, 0.99]),
        "value_at_risk": np.array([np.nan, 50.0, 10.0, 5.0, 12345.6, np.nan]),
        "winback_value": np.array([*[np.nan] * 5, 70.0]),
        "worth_acting": np.array([False, False, False, False, True, False]),
        "let_go": np.array([False, False, False, False, False, True]),
        "horizon": 90,
        "overdue_after": 120.0,
        "currency": "GBP",
    }
    return Facts(**(given | changes))


def test_every_stage_has_its_own_reason():
    assert reasons(facts()).to_pylist() == [
        "no purchase yet",
        "second purchase overdue: 130 days since the first, late after 120; "
        "90 % probability of no purchase in the next 90 days",
        "bought on 3 days, last today, usually every 30 days",
        "bought on 40 days, last yesterday, usually every day",
        "an open complaint; silent for 64 days, usually buys every 21 days; "
        "62 % probability of no purchase in the next 90 days; 12,346 GBP at risk",
        "no purchase for 400 days after 2 purchase days; no action pays for itself",
    ]


def test_the_churned_are_to_be_won_back_and_nothing_of_theirs_is_at_risk():
    said = reasons(facts(worth_acting=~NO, let_go=NO))
    assert said[5].as_py().endswith("; 70 GBP to win back, unasked returns included")
    assert [("at risk" in one, "win back" in one) for one in said.to_pylist()[4:]] == [(True, False), (False, True)]


def test_chinese_reasons_hold_no_english_word():
    text = "".join(reasons(facts(), language="zh").to_pylist()).replace("GBP", "")
    assert not any("a" <= letter.lower() <= "z" for letter in text)
    assert "有未解决的投诉；已沉默 64 天" in text


def test_one_purchase_is_told_in_the_singular():
    said = reasons(facts(purchases=np.array([np.nan, 1.0, 3.0, 40.0, 9.0, 1.0])))[5].as_py()
    assert said.startswith("no purchase for 400 days after the only purchase day")


def test_closing_and_coming_back_are_said():
    said = reasons(facts(closed=np.arange(6) == 5, returned=np.arange(6) == 2)).to_pylist()
    assert said[5] == "account closed; no action pays for itself"
    assert "came back after having churned" in said[2]


def test_the_models_drivers_stand_in_the_place_of_the_rules():
    against = pa.array([None, None, None, None, "3 purchases in the last 90 days, 7 in the 90 before", None])
    favour = pa.array([None, None, None, "bought 40 times", "complaint-free", None])
    drivers = Drivers(against, favour)
    assert drivers.told.tolist() == [False, False, False, True, True, False]
    said, before = reasons(facts(), drivers=drivers).to_pylist(), reasons(facts()).to_pylist()
    assert said[:3] == before[:3]
    assert said[5] == before[5]
    assert said[3] == "for staying: bought 40 times"
    assert said[4].endswith(FAVOUR["en"] + "complaint-free")
    assert said[4] == (
        "an open complaint; 3 purchases in the last 90 days, 7 in the 90 before; "
        "62 % probability of no purchase in the next 90 days; 12,346 GBP at risk; for staying: complaint-free"
    )
    assert reasons(facts(), language="zh", drivers=drivers)[4].as_py().endswith("；有利因素：complaint-free")


def test_every_registered_feature_has_chinese_words():
    for feature in features():
        words = feature_words(feature.name, language="zh")
        assert any("一" <= letter <= "鿿" for letter in words), feature.name


def test_nobody_is_lost_where_no_phrase_applies():
    empty = pa.array([None, None], pa.string())
    assert joined([empty, pa.array([None, "b"]), empty], "en").to_pylist() == ["", "b"]


def test_numbers_of_any_size_read_well():
    values = np.array([0.0, 999.0, 1000.0, 1234567.0, 1e12])
    assert thousands(values).to_pylist() == [f"{one:,.0f}" for one in values]
    assert percent(np.array([0.0, np.nan])).to_pylist() == ["0 %", None]
