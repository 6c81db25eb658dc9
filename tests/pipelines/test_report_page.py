"""The report is one safe, complete file in both languages, whatever the input lacks."""

import datetime as dt
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from lifecycle.decisions.actions import RetentionPolicy, default_actions
from lifecycle.decisions.kpis import NAMES
from lifecycle.decisions.plan_summary import Detectable, PlanSummary
from lifecycle.decisions.stage_policy import StagePolicy
from lifecycle.decisions.vocabulary import CAUSES, LANGUAGES, STAGES, STRATEGIES, cause_name, stage_name, strategy_name
from lifecycle.features.records.account import REASONS
from lifecycle.models.btyd import GammaGamma, MbgNbd, check
from lifecycle.pipelines.report import Choice, Note, ReportInput, render
from lifecycle.pipelines.report.earlier_scorings import VALUE_KPIS
from lifecycle.words.notes import NOTES, note_in_words
from lifecycle.words.report_texts import TEXTS, has

HOSTILE = "<script>alert('x')</script>"


def people(n: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": [HOSTILE, *(f"{k:05d}" for k in range(1, n))],
            "priority": np.arange(1, n + 1),
            "stage": "decline",
            "previous_stage": ["mature", *[None] * (n - 1)],
            "stage_since": dt.date(2024, 6, 20),
            "strategy": "rescue",
            "cause": ["silence", *[None] * (n - 1)],
            "action": ["retention_offer", *[None] * (n - 1)],
            "channel": ["email", *[None] * (n - 1)],
            "expected_gain": [12.5, *[np.nan] * (n - 1)],
            "value_at_risk": 140.0,
            "winback_value": np.nan,
            "loss_probability": 0.99999,
            "churn_probability": 0.7,
            "days_since_last_purchase": 64,
            "break_even_save_rate": 0.02,
            "reasons": f"silent {HOSTILE}",
        }
    )


@pytest.fixture
def whole() -> ReportInput:
    stages = pd.DataFrame(
        {
            "customers": [10, 200, 300, 150, 60, 280, 1000],
            "share": [0.01, 0.2, 0.3, 0.15, 0.06, 0.28, 1.0],
            "residual_value": [0.0, 5e3, 2e4, 6e4, 5e3, 1e3, 9.1e4],
            "value_at_risk": [0.0, 900.0, 2e3, 3e3, 2e3, 0.0, 7900.0],
            "winback_value": [0.0, 0.0, 0.0, 0.0, 0.0, 4e3, 4e3],
            "expected_spend": [0.0, 1e3, 4e3, 9e3, 900.0, 100.0, 15000.0],
            "churn_probability": [np.nan, 0.8, 0.6, 0.3, 0.7, 0.96, 0.57],
            "targeted": [0, 10, 20, 30, 20, 20, 100],
            "selected": [0, 9, 18, 27, 18, 18, 90],
            "expected_gain": [0.0, 50.0, 100.0, 300.0, 200.0, 50.0, 700.0],
        },
        index=pd.Index([*STAGES, "total"], name="stage"),
    )
    transitions = pd.DataFrame(0, index=["unknown", *STAGES], columns=list(STAGES))
    transitions.loc["unknown", "new"] = 90
    transitions.loc["growth", "decline"] = 25
    transitions.loc["mature", "mature"] = 130
    weeks = [dt.date(2024, 1, 7) + dt.timedelta(weeks=k) for k in range(20)]
    return ReportInput(
        name=f"Shop {HOSTILE}",
        as_of=dt.date(2024, 6, 30),
        horizon_days=90,
        currency="EUR",
        margin=0.4,
        discount_rate_per_year=0.1,
        log_first=dt.date(2022, 1, 1),
        log_last=dt.date(2024, 6, 30),
        stages=stages,
        retention_list=people(40),
        early_warning=people(3),
        plan=PlanSummary(
            targeted=100,
            selected=90,
            control=10,
            spent=100.0,
            budget=150.0,
            gain=700.0,
            conservative=420.0,
            gap=0.0,
            by_rate=((0.5, -20.0), (1.0, 700.0)),
            detectable=Detectable(0.4, np.nan, 0.05, 0.1),
            worth_acting=300,
            selected_gain=630.0,
            selected_spent=90.0,
            prevented=500.0,
            won_back=200.0,
            grown=100.0,
        ),
        stage_policy=StagePolicy.from_rates(0.6, 48.0, 90),
        retention_policy=RetentionPolicy(default_actions(), budget=150.0),
        top_decile_share=0.6,
        has_money=True,
        has_categories=False,
        has_interactions=False,
        account=pd.DataFrame(
            {
                "status": [status for status, _ in REASONS.values()],
                "reason": list(REASONS),
                "rows": range(1, len(REASONS) + 1),
                "amount": 10.0,
            }
        ),
        model_version="model-digest",
        policy_version="policy-digest",
        transitions=transitions,
        transitions_from=dt.date(2024, 4, 1),
        return_rates=pd.DataFrame({"customers": 5, "returned": [np.nan, 0.2, 0.5, 0.9, 0.3, 0.1]}, index=list(STAGES)),
        kpis=pd.DataFrame(
            {"now": 0.5, "before": 0.4, "last_year": 0.6, "change_before": 0.1, "change_last_year": -0.1},
            index=[*NAMES, "forecast", "residual_value", "value_at_risk", "winback_value"],
        ),
        last=(dt.date(2024, 6, 23), stages * 0.9),
        kpi_history=pd.DataFrame({"retention_rate": np.linspace(0.4, 0.5, 20), "buyers": range(20)}, index=weeks),
        calibration=pd.DataFrame({"predicted": [0.1, 0.9], "observed": [0.12, 0.88], "customers": [100, 100]}),
        tracking=pd.DataFrame({"expected": range(20), "actual": range(20)}, index=weeks),
        candidates=pd.DataFrame({"churn_auc": [0.7, 0.8]}, index=["naive", "lightgbm"]),
        champion="lightgbm",
        choice=Choice("better", "churn_log_loss", 0.012, 0.004, 0.02),
        validation_end=dt.date(2024, 6, 30),
        notes=(Note("prior", "MBG/NBD"), Note("drift between cohorts", value=0.662)),
    )


def moved() -> pd.DataFrame:
    table = pd.DataFrame(0, index=["unknown", *STAGES], columns=list(STAGES))
    table.loc["growth", "decline"] = 25
    table.loc["mature", "mature"] = 130
    return table


class Reader(HTMLParser):
    """Collects the tags that are open, all tags and attributes, and the text that is shown."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.attributes, self.words = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.handle_startendtag(tag, attrs)
        if tag not in ("meta", "link", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.words.append(data)


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    assert reader.open == []
    return reader


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_well_formed_and_asks_nobody_for_anything(whole, language):
    html = render(whole, language=language)
    page = read(html)
    assert not {"script", "iframe", "img", "object"} & set(page.tags)
    for name, value in page.attributes:
        if name in ("href", "src", "xlink:href"):
            assert value.startswith(("#", "data:"))
    assert "http" not in html
    assert not re.search(r"@import|url\(", html)


@pytest.mark.parametrize("language", LANGUAGES)
def test_ids_and_names_are_escaped(whole, language):
    html = render(whole, language=language)
    assert HOSTILE not in html
    assert html.count("&lt;script&gt;") >= 4


@pytest.mark.parametrize("language", LANGUAGES)
def test_links_within_the_page_lead_somewhere(whole, language):
    page = read(render(whole, language=language))
    names = {value for name, value in page.attributes if name == "id"}
    assert {value[1:] for name, value in page.attributes if name == "href" and value.startswith("#")} <= names


def test_the_chinese_page_holds_no_english_sentence(whole):
    plain = replace(
        whole,
        name="示例",
        retention_list=people(1).iloc[:0],
        early_warning=people(1).iloc[:0],
        candidates=None,
    )
    words = " ".join(read(render(plain, language="zh")).words)
    english = set(re.findall(r"[A-Za-z]{3,}", words))
    assert english <= {"EUR", "MBG", "NBD", "model", "digest", "policy"}


def test_nothing_optional_is_needed(whole):
    bare = replace(
        whole,
        transitions=None,
        transitions_from=None,
        return_rates=None,
        kpis=None,
        kpi_history=None,
        calibration=None,
        tracking=None,
        candidates=None,
        validation_end=None,
        choice=None,
        notes=(),
        last=None,
        retention_list=people(1).iloc[:0],
        early_warning=people(1).iloc[:0],
        has_money=False,
    )
    for language in LANGUAGES:
        html = render(bare, language=language)
        assert ("没有该内容" if language == "zh" else "Not available") in html
        assert "nan" not in html


def test_only_the_first_of_the_list_are_shown_and_certainty_is_not_claimed(whole):
    html = render(replace(whole, list_length=7))
    assert "00006" in html
    assert "00007" not in html
    assert ">\u00a099\u00a0%" in html.replace("&gt;", ">")


@pytest.mark.parametrize(("worth", "said"), [(0, "pays for itself"), (7, "pay for 7 customers, but budget")])
def test_an_empty_list_says_why_and_shows_no_sums_of_nothing(whole, worth, said):
    plan = replace(whole.plan, targeted=0, selected=0, control=0, worth_acting=worth)
    text = render(replace(whole, plan=plan, retention_list=people(1).iloc[:0]), language="en")
    assert said in text
    assert "What the list costs and brings" not in text
    assert "What the list costs and brings" in render(whole, language="en")


def test_what_has_no_number_or_no_end_is_not_shown_as_nothing():
    assert "shape ∞ against 1" in note_in_words(Note("regularity of gaps", value=np.inf), "en")
    assert "(correlation −0.99)" in note_in_words(Note("frequency and value", value=-0.99), "en")


def test_moves_by_a_new_policy_are_told_apart(whole):
    assert "this alone moves 25 customers" in render(replace(whole, policy_transitions=moved()))
    assert "rules of the stages changed" not in render(whole)


def test_strategies_that_could_not_be_assigned_are_named(whole):
    sold = whole.account[whole.account["reason"] == "purchase"]
    for categories, interactions, account, told in (
        (False, False, sold, {"only “rescue” and “let go”"}),
        (False, False, whole.account, {"“respond” could not be assigned", "rests on returns alone"}),
        (True, False, sold, {"“improve” could not be assigned"}),
        (False, True, sold, {"“respond” could not be assigned"}),
        (True, True, sold, set()),
    ):
        report = replace(whole, has_categories=categories, has_interactions=interactions, account=account)
        words = " ".join(read(render(report)).words)
        known = ("only “rescue” and", "“respond” could not", "“improve” could not", "rests on returns alone")
        assert all(one in words for one in told)
        assert sum(one in words for one in known) == len(told)


def test_assumed_gains_are_called_assumed(whole):
    words = " ".join(read(render(whole)).words)
    assert "Assumed net gain" in words
    assert "assumptions until experiments replace them" in words


def test_what_the_gain_is_made_of_adds_up_before_the_readers_eyes(whole):
    words = " ".join(read(render(whole)).words).replace("\u00a0", " ")
    for part in ("500.00 EUR", "200.00 EUR", "100.00 EUR", "−100.00 EUR", "700.00 EUR"):
        assert part in words
    assert "The assumed effect of 10.0 % would raise it by 5.0 pts, which would look like chance" in words
    enough = replace(whole.plan, detectable=replace(whole.plan.detectable, purchase_share=0.04))
    assert "that would be seen" in render(replace(whole, plan=enough))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_finding_of_the_models_has_a_note_in_both_languages(language):
    rng = np.random.default_rng(0)
    x, age = rng.poisson(2.0, 300).astype(float), rng.uniform(100, 300, 300)
    recency, money = np.where(x > 0, age * rng.random(300), 0.0), np.where(x > 0, rng.gamma(3, 10.0, 300), 0.0)
    model, amounts = MbgNbd.fit(x, recency, age), GammaGamma.fit(x, money)
    found = check(model, amounts, x, recency, age, money, offsets=np.array([0, 3]), day=np.array([0, 5, 9]))
    for kind in [one.name for one in found] + list(NOTES):
        text = note_in_words(Note(kind, "MBG/NBD", 1.234), language)
        assert text
        assert "{" not in text
        assert (re.search("[一-鿿]", text) is not None) == (language == "zh")


def test_why_the_model_is_in_use_is_told_by_its_numbers(whole):
    kinds = {
        "better": "better than the one before it beyond noise: Log loss by +0.0120 [+0.0040, +0.0200]",
        "aged": "older than the horizon",
        "alone": "no model before it that it could be compared with",
        "by_hand": "chosen by hand: the auditors asked",
    }
    for kind, words in kinds.items():
        choice = replace(whole.choice, kind=kind, words="the auditors asked")
        assert words in render(replace(whole, choice=choice)), kind
    assert "The model in use" not in render(replace(whole, choice=None))


def test_what_changed_since_the_last_scoring_is_told(whole):
    words = " ".join(read(render(whole)).words).replace("\u00a0", " ")
    assert "Since the scoring of 23 June 2024: customers not churned +71, future margin +9,100 EUR" in words


def test_every_sentence_has_both_languages_with_the_same_holes():
    for key, (english, chinese) in TEXTS.items():
        assert set(re.findall(r"\{(\w+)\}", english)) == set(re.findall(r"\{(\w+)\}", chinese)), key
        assert key == "stop" or (english and chinese), key


def test_every_name_that_can_come_has_words():
    for reason, (status, _) in REASONS.items():
        assert has(f"reason_{reason}")
        assert has(f"status_{status}")
    for name in (*NAMES, *VALUE_KPIS):
        assert has(f"kpi_{name}")
    for language in LANGUAGES:
        assert all(stage_name(stage, language=language, scheme="clm") for stage in STAGES)
        assert all(strategy_name(one, language=language) for one in STRATEGIES)
        assert all(cause_name(one, language=language) for one in CAUSES)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_verdict_has_its_words(whole, measured, language):
    page = render(replace(whole, experiments=measured, plan=replace(whole.plan, basis="mixed")), language=language)
    wanted = {
        "en": (
            "it worked: more bought because of it, whether it paid is open",
            "not trusted: the groups&#39; sizes are not those planned, the control group was contacted",
            "running until 2024-08-01",
            "no effect can be told: no control group",
            "its slope is not above 0",
            "assumed and measured",
            "1,234",
        ),
        "zh": (
            "有效：购买者因此增多",
            "两组人数与计划不符、对照组被触达",
            "进行中，至 2024-08-01",
            "没有对照组",
            "其斜率不高于 0",
            "假定与实测",
        ),
    }
    assert [one for one in wanted[language] if one not in page] == []
