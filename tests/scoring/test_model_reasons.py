"""Who is asked about, and that the words do not depend on who else is."""

import datetime as dt
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lifecycle.decisions.stage_policy import StagePolicy
from lifecycle.decisions.stages import replay
from lifecycle.decisions.vocabulary import DECLINE, GROWTH, PROSPECT
from lifecycle.features.history import History
from lifecycle.features.ragged import take
from lifecycle.features.window import Window
from lifecycle.models.btyd import MbgNbd
from lifecycle.models.forecasting import Snapshot, candidates
from lifecycle.pipelines.score.score_parts import Parts
from lifecycle.scoring.model_reasons import ModelReasons, Speaker, model_reasons, whom

AS_OF = dt.date(2021, 6, 30)
WINDOW = Window(AS_OF, 90)
DAY = WINDOW.as_of_day


def plan_of(targeted, priority) -> SimpleNamespace:
    return SimpleNamespace(targeted=np.array(targeted, bool), priority=np.array(priority, np.int64))


def parts_of(folder, *tables) -> Parts:
    paths = []
    for k, columns in enumerate(tables):
        paths.append(folder / f"{k}.parquet")
        pq.write_table(pa.table(columns), paths[-1])
    return Parts(paths, [len(next(iter(t.values()))) for t in tables], 0)


def test_the_list_comes_first_by_priority_then_the_newly_declining_by_value_at_risk(tmp_path):
    def part(stage, since, value, frequency) -> dict:
        return {
            "stage": np.array(stage, np.int8),
            "stage_since": np.array(since, np.int32),
            "frequency": np.array(frequency, np.int64),
            "value_at_risk": np.array(value, float),
        }

    parts = parts_of(
        tmp_path,
        part([DECLINE, DECLINE, GROWTH], [DAY - 27, DAY - 28, DAY], [5.0, 90.0, 1.0], [3, 3, 3]),
        part([PROSPECT, DECLINE, DECLINE], [DAY, DAY, DAY], [np.nan, 70.0, np.nan], [-1, 1, 1]),
    )
    plan = plan_of([0, 0, 1, 1, 0, 0], [4, 3, 1, 2, 5, 6])
    # Place 3 is a prospect: listed, but nothing is known that the model could be asked about. Place 1 declines since
    # too long ago. Then 70 at risk, then 5, then the one whose value is not known.
    for most, places in ((0, []), (1, [2]), (2, [2, 4]), (3, [0, 2, 4]), (4, [0, 2, 4, 5]), (99, [0, 2, 4, 5])):
        assert whom(parts, plan, WINDOW, most=most).tolist() == places


def test_places_that_were_not_asked_about_are_null():
    said = ModelReasons(np.array([2, 5]), pa.array(["a", None]), pa.array([None, "b"]))
    found = said.at(np.array([5, 1, 2, 7]))
    assert found.against.to_pylist() == [None, None, "a", None]
    assert found.favour.to_pylist() == ["b", None, None, None]
    assert found.told.tolist() == [True, False, True, False]
    assert not ModelReasons.none().at(np.arange(3)).told.any()


@pytest.fixture(scope="module")
def base() -> SimpleNamespace:
    """600 customers in two buckets, a fitted forecaster of trees, and a plan that lists every third."""
    rng = np.random.default_rng(5)
    rate = rng.gamma(0.8, 1 / 50.0, 600)
    rows = [
        (f"c{i:03d}", day)
        for i, each in enumerate(rate)
        for day in np.cumsum(np.concatenate([[rng.integers(0, 200)], rng.exponential(1 / each, 60)]))
        if day <= 700
    ]
    log = pd.DataFrame(rows, columns=["customer_id", "day"])
    log["timestamp"] = pd.Timestamp("2019-08-01") + pd.to_timedelta(log.pop("day").astype(int), unit="D")
    log["amount"] = rng.gamma(2.0, 10.0, len(log)).round(2)
    history = History.from_frame(log)
    snapshots = [Snapshot.of(history, Window(AS_OF - dt.timedelta(days=90 * k), 90)) for k in (4, 3, 2)]
    known = Snapshot.of(history, WINDOW, with_outcome=False)
    fitted = candidates(["lightgbm"])["lightgbm"].fit([*snapshots, known], seed=1)
    value = MbgNbd.fit(known.frequency, known.recency, known.T)
    policy = StagePolicy.from_rates(value.r, value.alpha, 90)
    bundle = SimpleNamespace(forecaster=fitted, value=value, stages=policy)
    half = history.n_customers // 2
    cuts = [take(history, np.arange(half)), take(history, np.arange(half, history.n_customers))]
    stages = [replay(one, AS_OF, policy) for one in cuts]
    n = history.n_customers
    plan = plan_of(np.arange(n) % 3 == 0, rng.permutation(n) + 1)
    return SimpleNamespace(history=history, buckets=cuts, stages=stages, bundle=bundle, plan=plan)


def asked(base, folder, **changes) -> ModelReasons:
    tables = [
        {
            "customer_id": bucket.customer_id,
            "stage": stages.stage,
            "stage_since": stages.stage_since,
            "frequency": stages.frequency,
            "value_at_risk": np.ones(stages.stage.size),
        }
        for bucket, stages in zip(base.buckets, base.stages, strict=True)
    ]
    given = {"language": "en", "currency": "EUR", "most": 10_000} | changes
    bundle = given.pop("bundle", base.bundle)
    return model_reasons(base.buckets.__getitem__, bundle, WINDOW, parts_of(folder, *tables), base.plan, **given)


def test_everybody_listed_is_told_the_same_again_and_alone(base, tmp_path):
    first, second = asked(base, tmp_path), asked(base, tmp_path)
    listed = np.flatnonzero(base.plan.targeted)
    assert set(listed) <= set(first.place)
    assert first.place.tolist() == second.place.tolist()
    assert first.against.equals(second.against)
    assert first.favour.equals(second.favour)
    assert first.at(listed).told.mean() > 0.9
    assert not first.at(np.setdiff1d(np.arange(base.history.n_customers), first.place)).told.any()
    speaker = Speaker.of(base.buckets[0], base.bundle, WINDOW, language="en", currency="EUR")
    drivers = first.at(listed[:20])
    for place, against, favour in zip(listed[:20], drivers.against, drivers.favour, strict=True):
        [alone] = speaker.say(take(base.history, np.array([place])))
        assert (alone.against or None, alone.favour or None) == (against.as_py(), favour.as_py())


def test_fewer_asked_about_get_the_same_words(base, tmp_path):
    everyone, few = asked(base, tmp_path), asked(base, tmp_path, most=25)
    assert few.place.size == 25
    best = np.flatnonzero(base.plan.targeted)
    best = best[np.argsort(base.plan.priority[best])][:25]
    assert set(few.place) == set(best)
    assert everyone.at(few.place).against.equals(few.against)


def test_a_champion_without_trees_leaves_all_to_the_rules(base, tmp_path):
    naive = candidates(["naive"])["naive"].fit([Snapshot.of(base.history, Window(dt.date(2020, 6, 30), 90))], seed=1)
    bundle = SimpleNamespace(**{**vars(base.bundle), "forecaster": naive})
    assert asked(base, tmp_path, bundle=bundle).place.size == 0
    assert asked(base, tmp_path, most=0).place.size == 0


def test_who_never_bought_cannot_be_asked_about(base):
    speaker = Speaker.of(base.buckets[0], base.bundle, Window(dt.date(2019, 8, 2), 90), language="en", currency="")
    with pytest.raises(ValueError, match=r"of 600 have none|of \d+ have none"):
        speaker.say(base.history)
