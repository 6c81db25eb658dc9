"""What a report is made of: the base counted bucket by bucket, earlier scorings found, fits and decisions turned to
notes."""

import datetime as dt
import json
from dataclasses import asdict, replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lifecycle.decisions import scores
from lifecycle.decisions.base_summary import return_rates
from lifecycle.decisions.kpis import kpi_sums, kpi_table, period_ends
from lifecycle.decisions.season_factor import season_of
from lifecycle.decisions.stage_policy import StagePolicy
from lifecycle.decisions.stages import policy_transitions, stages_at, transition_matrix
from lifecycle.features.history import History
from lifecycle.features.ragged import take
from lifecycle.features.window import Window
from lifecycle.pipelines.report import Choice, Note
from lifecycle.pipelines.report.earlier_scorings import VALUE_KPIS, last_scoring, scoring_of, value_kpis
from lifecycle.pipelines.report.reporting import choice_of, notes_of
from lifecycle.pipelines.score.present_scoring import present_scoring
from lifecycle.pipelines.score.scoring import ScoringError
from lifecycle.pipelines.tracking.model_registry import BY_HAND_TAG, VERSION_TAG, Registered
from lifecycle.scoring.base_counts import count_base, count_moves

AS_OF = dt.date(2021, 6, 30)
WINDOW = Window(AS_OF, 60)
POLICY = StagePolicy.from_rates(1.0, 25.0, 60)


@pytest.fixture(scope="module")
def history() -> History:
    rng = np.random.default_rng(3)
    rows = [
        (f"c{k:03d}", pd.Timestamp("2019-09-01") + pd.Timedelta(days=int(day)), 10.0)
        for k in range(300)
        for day in np.cumsum(np.concatenate([[rng.integers(0, 400)], rng.exponential(rng.uniform(5, 90), 12)]))
    ]
    return History.from_frame(pd.DataFrame(rows, columns=["customer_id", "timestamp", "amount"]))


@pytest.fixture(scope="module")
def store(history) -> SimpleNamespace:
    cut = [take(history, np.arange(start, history.n_customers, 3)) for start in range(3)]
    return SimpleNamespace(days_only=cut)


def bought_within(history, start, days):
    known = history.purchases(start + days)
    seen = np.concatenate([[0], np.cumsum(known.day > start)])
    return seen[known.offsets[1:]] > seen[known.offsets[:-1]]


def test_a_base_in_buckets_is_counted_like_the_whole(history, store):
    end = WINDOW.as_of_day
    strict = replace(POLICY, churn_multiple=3.0)
    found = count_base(store.days_only, POLICY, WINDOW, former=strict)
    sums = kpi_sums(history, period_ends(end, 60), POLICY)
    whole = kpi_table(sums, log_start=history.log_first_day, horizon=60)
    pd.testing.assert_frame_equal(found.kpis, whole)
    assert found.kpi_history.index[-1] == AS_OF
    assert found.kpi_history["retention_rate"].iloc[-1] == whole.loc["retention_rate", "now"]
    before, after = stages_at(history, [end - 60, end], POLICY).T
    pd.testing.assert_frame_equal(found.moves.transitions, transition_matrix(before, after))
    pd.testing.assert_frame_equal(found.moves.return_rates, return_rates(before, bought_within(history, end - 60, 60)))
    seasons = [season_of([history], one, last_day=end) for one in (strict, POLICY)]
    moved = policy_transitions(history, end, strict, POLICY, old_season=seasons[0], new_season=seasons[1])
    pd.testing.assert_frame_equal(found.policy_transitions, moved)
    assert moved.loc["churned", "decline"] > 0
    assert count_base(store.days_only, POLICY, WINDOW).policy_transitions is None


def test_moves_between_any_two_days_see_nothing_later(history, store):
    first, second = WINDOW.as_of_day - 200, WINDOW.as_of_day - 20
    found = count_moves(store.days_only, POLICY, first, second, days=45)
    before, after = stages_at(history, [first, second], POLICY).T
    assert found.transitions.to_numpy().sum() == (after >= 0).sum()
    pd.testing.assert_frame_equal(found.transitions, transition_matrix(before, after))
    pd.testing.assert_frame_equal(found.return_rates, return_rates(before, bought_within(history, first, 45)))
    for days, last in ((0, second), (181, second), (5, first)):
        with pytest.raises(ValueError, match="must lie at least"):
            count_moves(store.days_only, POLICY, first, last, days=days)


def scoring(folder, date, *, residual, policy=POLICY, **facts):
    table = {
        "stage": ["mature", "churned"],
        "residual_value": [residual, 1.0],
        "value_at_risk": [2.0, None],
        "winback_value": [None, 3.0],
        "expected_spend": [4.0, 0.0],
        "expected_gain": [1.0, None],
        "churn_probability": [0.2, 0.9],
        "targeted": [True, False],
        "selected": [True, False],
    }
    for name in ("scores", "manifests"):
        (folder / name).mkdir(exist_ok=True)
    pq.write_table(pa.table(table), folder / "scores" / f"{date}.parquet")
    document = {"stage_policy": asdict(policy), "table_version": scores.VERSION, **facts}
    (folder / "manifests" / f"{date}.json").write_text(json.dumps(document))


def test_earlier_scorings_are_found_and_compared_where_there_are_some(tmp_path):
    config = SimpleNamespace(directory=tmp_path)
    assert last_scoring(config, AS_OF) is None
    scoring(tmp_path, AS_OF - dt.timedelta(days=60), residual=70.0)
    scoring(tmp_path, AS_OF - dt.timedelta(days=7), residual=90.0, policy=replace(POLICY, churn_multiple=5.0))
    scoring(tmp_path, AS_OF - dt.timedelta(days=9), residual=1.0, table_version="1")
    assert scoring_of(config, AS_OF - dt.timedelta(days=9)) is None  # of another shape
    scoring(tmp_path, AS_OF, residual=100.0)
    last = last_scoring(config, AS_OF)
    assert (last.as_of, last.policy.churn_multiple) == (AS_OF - dt.timedelta(days=7), 5.0)
    assert last.stages.loc["total", "residual_value"] == 91.0
    now = scoring_of(config, AS_OF).stages
    table = value_kpis(config, AS_OF, 60, now)
    assert list(table.index) == list(VALUE_KPIS)
    assert table.loc["residual_value", ["now", "before", "change_before"]].tolist() == [101.0, 71.0, 30.0]
    assert table.loc["forecast", "now"] == 0.2  # of those not churned
    assert table["last_year"].isna().all()


def test_only_the_present_scoring_is_shown(tmp_path):
    champion = Registered("1", "run", {VERSION_TAG: "m1"}, {})

    def config(language):
        return SimpleNamespace(directory=tmp_path, output=SimpleNamespace(language=language))

    with pytest.raises(ScoringError, match="there is no scoring as of 2021-06-30"):
        present_scoring(config("en"), AS_OF, champion)
    scoring(tmp_path, AS_OF, residual=1.0, table_version=scores.VERSION, model_version="m1", language="en")
    path, facts = present_scoring(config("en"), AS_OF, champion)
    assert (path.stem, facts["model_version"]) == ("2021-06-30", "m1")
    with pytest.raises(ScoringError, match="language en, now zh"):
        present_scoring(config("zh"), AS_OF, champion)
    other = replace(champion, tags={VERSION_TAG: "m2"})
    with pytest.raises(ScoringError, match="model_version m1, now m2"):
        present_scoring(config("en"), AS_OF, other)


def test_why_a_champion_is_in_use_comes_from_its_tags_or_its_decision():
    rule = Registered("2", "run", {}, {})
    numbers = {"promote": True, "metric": "churn_auc", "gain": 0.02, "gain_low": 0.01, "gain_high": 0.03}
    nothing = dict.fromkeys(("gain", "gain_low", "gain_high"), float("nan"))
    assert choice_of(rule, numbers) == Choice("better", "churn_auc", 0.02, 0.01, 0.03)
    assert choice_of(rule, numbers | {"gain_low": -0.01}).kind == "aged"
    assert choice_of(rule, numbers | nothing).kind == "alone"
    assert choice_of(rule, numbers | {"promote": False}) is None
    assert choice_of(rule, None) is None
    by_hand = replace(rule, tags={BY_HAND_TAG: "the auditors asked"})
    assert choice_of(by_hand, numbers) == Choice("by_hand", words="the auditors asked")


def test_notes_come_from_fits_and_exceeded_checks():
    def fit(prior, messages):
        return SimpleNamespace(diagnostics=SimpleNamespace(prior=prior, messages=tuple(messages)))

    checks = pd.DataFrame(
        {"name": ["regularity of gaps", "drift between cohorts"], "value": [1.1, 0.6], "exceeded": [False, True]}
    )
    bundle = SimpleNamespace(value=fit("a prior", "abc"), spend=fit(None, ["left out"]))
    assert notes_of(bundle, checks) == (
        Note("prior", "MBG/NBD"),
        Note("left_out", "Gamma-Gamma"),
        Note("drift between cohorts", value=0.6),
    )
    assert notes_of(SimpleNamespace(value=fit(None, []), spend=None), None) == ()
