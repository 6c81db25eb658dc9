"""Every feature of every customer becomes a sentence with right numbers, in English and in Chinese."""

import datetime as dt
import re

import numpy as np
import pandas as pd
import pytest

from lifecycle.decisions.vocabulary import LANGUAGES
from lifecycle.features import table
from lifecycle.features.history import History
from lifecycle.features.registry import FEATURES, Feature, family, forget
from lifecycle.features.window import Window
from lifecycle.models.btyd import MbgNbd
from lifecycle.models.forecasting import Snapshot, candidates, drivers
from lifecycle.models.forecasting.design_matrix import BTYD
from lifecycle.words.drivers import Own, Terms, families, medians_of, own_numbers, sayers_of, sentence, spoken

AS_OF = dt.date(2021, 6, 30)
START = pd.Timestamp("2019-01-01")
TERMS = Terms(AS_OF, 90, 1.0, 31.0, "GBP")
NONSENSE = re.compile(r"nan|none[^ ]|None|inf|[{}\[\]]|\d\.\d{3,}|\d{7,}|e-\d|^[,;:()]|  |\( | \)|,,")
CHINESE = re.compile("[一-鿿]")


@pytest.fixture(scope="module")
def history() -> History:
    """200 customers with everything a log may hold, some with next to nothing."""
    rng = np.random.default_rng(11)
    ids = [f"c{i:03d}" for i in range(200)]
    n = 1500

    def days(size: int) -> pd.Series:
        return pd.Series(START + pd.to_timedelta(rng.integers(0, 930, size), unit="D"))

    log = pd.DataFrame({"customer_id": np.concatenate([ids, rng.choice(ids[:120], n)]), "timestamp": days(n + 200)})
    log["amount"] = rng.choice([-20.0, 0.0, 3.333, 45.5, 1999.99], n + 200, p=[0.1, 0.1, 0.3, 0.4, 0.1])
    for name, many in (("product", 30), ("category", 5), ("channel", 3)):
        log[name] = rng.choice([f"{name[0].upper()}{k}" for k in range(many)], n + 200)
    log["quantity"] = rng.integers(1, 9, n + 200) * np.sign(log["amount"])
    log["cost"] = log["amount"] / 3
    events = pd.DataFrame({"customer_id": rng.choice(ids[:90], 500), "timestamp": days(500)})
    events["kind"] = rng.choice(["visit", "service", "complaint", "survey"], 500)
    events["value"] = np.where(events["kind"] == "survey", rng.integers(1, 6, 500), np.nan)
    bills = pd.DataFrame({"customer_id": rng.choice(ids[:90], 300), "invoiced_at": days(300)})
    bills["due_at"] = bills["invoiced_at"] + pd.to_timedelta(30, unit="D")
    late = pd.to_timedelta(rng.integers(0, 90, 300), unit="D")
    bills["paid_at"] = (bills["invoiced_at"] + late).where(rng.random(300) > 0.1)
    bills["amount"] = rng.integers(1, 9_000, 300) / 7
    people = pd.DataFrame(
        {"customer_id": ids[:150], "registered_at": START, "consent": rng.random(150) > 0.2, "acquisition_cost": 7.5}
    )
    people["channel"] = rng.choice(["shop", "web"], 150)
    people["shoe_size"], people["city"] = rng.integers(36, 46, 150), rng.choice(["Leeds", "York"], 150)
    people["closed_at"] = pd.Timestamp("2021-05-01").to_datetime64()
    return History.from_frame(
        log,
        product="product",
        category="category",
        channel="channel",
        quantity="quantity",
        cost="cost",
        customers=people,
        interactions=events,
        payments=bills,
    )


@pytest.fixture(scope="module")
def customers(history) -> list[Own]:
    features = table.frame(history, AS_OF)
    return own_numbers(history, features, Terms(AS_OF, 90, 1.0, 31.0, "GBP", medians_of(features)))


def words(text: str) -> str:
    """What is left of a Chinese sentence without the user's own names and codes."""
    return re.sub(r"GBP|[PC]\d+|shop|web|Leeds|York|shoe size|city", "", text)


def check(name: str, own: Own) -> None:
    en, zh = (sentence(name, own, language=language) for language in LANGUAGES)
    for text in (en, zh):
        assert text, name
        assert not NONSENSE.search(text), f"{name}: {text}"
    assert not CHINESE.search(en), en
    assert not re.search("[A-Za-z]", words(zh)), f"{name}: {zh}"


def test_every_feature_of_every_customer_has_a_sentence_in_both_languages(history, customers):
    names = [feature.name for feature in table.columns_of(history)]
    assert set(FEATURES) < set(names)
    for own in customers:
        for name in names:
            check(name, own)


def test_every_feature_that_ships_has_words_of_its_own():
    for name in (*FEATURES, *BTYD):
        assert len(sayers_of(name)) == 1, name


def test_missing_numbers_are_told_as_such_and_never_as_numbers():
    bare = Own({"frequency": 0.0, "recency": 0.0, "T": 3.0}, TERMS)
    empty = Own({}, TERMS)
    for name in (*FEATURES, *BTYD, "attribute_city"):
        check(name, bare)
        check(name, empty)
    assert sentence("gap_mean", bare) == "bought once only, 3 days ago"
    assert sentence("attribute_city", bare) == "city: not known"
    assert sentence("days_since_complaint", bare, language="zh") == "没有投诉记录"


def test_sentences_hold_the_customers_own_numbers():
    own = Own(
        {
            "frequency": 9.0,
            "recency": 279.0,
            "T": 373.0,
            "purchases_90d": 3.0,
            "purchases_before_90d": 7.0,
            "spend_90d": 120.0,
            "spend_before_90d": 260.0,
            "days_since_complaint": 12.0,
            "invoices_judged": 5.0,
            "invoices_late": 2.0,
            "days_late_most": 17.0,
            "btyd_p_alive": 0.231,
        },
        TERMS,
    )
    said = {
        "days_since_last_purchase": (
            "last bought 94 days ago, usual gap 31 days",
            "最近一次购买在 94 天前，平常间隔 31 天",
        ),
        "purchases_ratio_90d": (
            "3 purchases in the last 90 days, 7 in the 90 before",
            "近 90 天购买 3 次，之前 90 天 7 次",
        ),
        "spend_90d": (
            "spent 120 GBP in the last 90 days, 260 GBP in the 90 before",
            "近 90 天消费 120 GBP，之前 90 天 260 GBP",
        ),
        "days_since_complaint": ("last complaint 12 days ago", "最近一次投诉在 12 天前"),
        "late_share": ("2 of 5 invoices late, by 17 days at most", "5 张账单中有 2 张逾期，最长 17 天"),
        "btyd_p_alive": (
            "purchase model alone: 23 % probability of being still active",
            "单凭购买模型，仍活跃的概率为 23 %",
        ),
    }
    for name, pair in said.items():
        assert tuple(sentence(name, own, language=language) for language in LANGUAGES) == pair


def test_numbers_that_are_no_features_are_counted_plainly(history, customers):
    known = history.purchases(AS_OF)
    rows = np.flatnonzero(np.diff(known.offsets))
    day = (AS_OF - dt.date(1970, 1, 1)).days
    assert len(customers) == rows.size
    for own, row in zip(customers, rows, strict=True):
        age = day - known.day[known.offsets[row] : known.offsets[row + 1]]
        spent = known.amount[known.offsets[row] : known.offsets[row + 1]]
        before = (age >= 90) & (age < 180)
        assert own["purchases_before_90d"] == before.sum()
        assert own["spend_before_90d"] == pytest.approx(spent[before].sum(), abs=1e-5)
        assert own["purchases_90d"] == (age < 90).sum()
        half = age.size // 2
        if half:
            assert own["amount_earlier"] == pytest.approx(spent[:half].mean())
            assert own["amount_later"] == pytest.approx(spent[-half:].mean())
        if age.size > 2:
            gaps = -np.diff(age)
            assert own["gap_earlier"] == gaps[: gaps.size // 2].mean()
            assert own["gap_later"] == gaps[-(gaps.size // 2) :].mean()
        late = own.get("late_share")
        if not np.isnan(late):
            assert own["invoices_late"] / own["invoices_judged"] == pytest.approx(late)


def test_a_users_own_feature_and_attribute_are_told_by_name_and_value():
    @family("weekend", Feature("weekend_share", "share", "share of purchase days on Saturday or Sunday"))
    def weekend(view):
        return [np.full(view.n, 0.2)]

    try:
        own = Own({"weekend_share": 1 / 3, "attribute_spend": 40.0, "attribute_city": "York"}, TERMS)
        assert sentence("weekend_share", own) == "share of purchase days on Saturday or Sunday: 33 %"
        assert sentence("weekend_share", own, language="zh") == "weekend share：33 %"
        assert sentence("attribute_spend", own) == "spend: 40"
        assert sentence("attribute_city", own, language="zh") == "city：York"
    finally:
        forget("weekend")


@pytest.fixture(scope="module")
def told(history):
    """Drivers of all customers by trees fitted to the history, with names and the numbers that sentences need."""
    past = [Snapshot.of(history, Window(AS_OF - dt.timedelta(days=90 * k), 90)) for k in (4, 3, 2)]
    known = Snapshot.of(history, Window(AS_OF, 90), with_outcome=False)
    fitted = candidates(["lightgbm"])["lightgbm"].fit([*past, known], seed=1)
    found = drivers(fitted, known, np.arange(known.n), families(), top=5)
    own = own_numbers(history, known.features, TERMS)
    model = fitted.btyd.predict(known)
    from lifecycle.models.forecasting.design_matrix import btyd_columns

    columns = btyd_columns(model)
    own = [Own({**one.facts, **dict(zip(BTYD, columns[i], strict=True))}, TERMS) for i, one in enumerate(own)]
    return fitted.layout.names, found, own


def test_every_column_of_a_fitted_model_has_a_sentence(told):
    names, _, own = told
    for name in names:
        for one in own:
            check(name, one)


@pytest.mark.parametrize("language", LANGUAGES)
def test_three_drivers_at_most_each_said_once(told, language):
    names, found, own = told
    said = spoken(names, found.feature, found.contribution, found.value, own, language=language)
    separator = "; " if language == "en" else "；"
    assert any(one is not None and one.against for one in said)
    for one in said:
        if one is not None:
            phrases = [text for text in (one.against + separator + one.favour).split(separator) if text]
            assert 1 <= len(phrases) <= 3
            assert len(set(phrases)) == len(phrases)


def test_what_raises_the_risk_stands_apart_from_what_lowers_it():
    own = Own({"frequency": 3.0, "recency": 94.0, "T": 188.0, "returns": 2.0}, TERMS)
    seen = np.array([[0.4, 3.0, 2.0]])
    names = ("returns", "frequency", "btyd_p_alive", "days_since_last_purchase")
    said = spoken(names, np.array([[2, 1, 0]]), np.array([[0.9, -0.5, 0.3]]), seen, [own])[0]
    silent = "last bought 94 days ago, usual gap 31 days"
    alive = f"{silent} (purchase model alone: 40 % probability of being still active)"
    assert said.against == f"{alive}; 2 returns so far"
    assert said.favour == "3 repeat purchases in 188 days"
    for weights in ([0.9, 0.5, np.nan], [-0.9, -0.5, np.nan]):
        said = spoken(names, np.array([[3, 2, -1]]), np.array([weights]), seen[:, [1, 0, 2]], [own])[0]
        assert (said.against, said.favour) == (alive, "")
    recent = Own({**own.facts, "recency": 180.0}, TERMS)
    said = spoken(names, np.array([[3, -1, -1]]), np.array([[-0.9, np.nan, np.nan]]), seen, [recent])[0]
    assert (said.against, said.favour) == ("", "last bought 8 days ago, usual gap 53 days")
    assert spoken(names, np.array([[2, 3, -1]]), np.array([[0.01, 0.0, np.nan]]), seen, [own]) == [None]


def test_the_usual_gap_is_that_of_the_stage_policy(history):
    from lifecycle.decisions.stage_policy import StagePolicy
    from lifecycle.decisions.stages import replay

    summary = table.frame(history, AS_OF)
    model = MbgNbd.fit(summary["frequency"], summary["recency"], summary["T"])
    policy = StagePolicy.from_rates(model.r, model.alpha, 90)
    terms = Terms(AS_OF, 90, policy.r, policy.alpha)
    stages = replay(history, AS_OF, policy)
    gaps = stages.usual_gap_days[stages.frequency >= 0]
    np.testing.assert_allclose([one.usual_gap for one in own_numbers(history, summary, terms)], gaps)
