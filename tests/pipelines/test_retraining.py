"""Training again as time goes by: same data, same bytes; a champion is met on its own ground, or ages and gives way."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lifecycle.features.history import History
from lifecycle.features.window import Window, to_day
from lifecycle.models.forecasting import Snapshot
from lifecycle.pipelines import config as configuration
from lifecycle.pipelines.config import Config
from lifecycle.pipelines.ingest import HistoryStore
from lifecycle.pipelines.steps import ingest_step, train_step
from lifecycle.pipelines.tracking.mlflow_store import Tracker, open_tracker
from lifecycle.pipelines.tracking.model_registry import CHALLENGER, CHAMPION, registered
from lifecycle.pipelines.train.training import Training
from lifecycle.scoring.champion import Bundle

FIRST, SOON, LATE = dt.date(1998, 1, 31), dt.date(1998, 2, 28), dt.date(1998, 6, 30)
SETTINGS = {"learning.candidates": ["naive", "mbgnbd", "lightgbm"], "learning.bootstrap": 40}


def configured(path: Path, as_of: dt.date) -> Config:
    return configuration.load(path, overrides={**SETTINGS, "time.as_of": as_of})


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, write_config) -> Iterator[tuple[Path, Training]]:
    """A shop with a champion as of the first date."""
    path = write_config(tmp_path_factory.mktemp("again"))
    config = configured(path, FIRST)
    ingest_step(config)
    yield path, train_step(config)


def history_of(config: Config) -> History:
    return HistoryStore.open(config.directory / "history").read_all()


def log_loss_of(bundle: Bundle, history: History, test_as_of: dt.date) -> float:
    """Log loss of churn of the judged twin, from the days themselves."""
    known = Snapshot.of(history, Window(test_as_of, bundle.horizon), with_outcome=False)
    p = np.clip(bundle.judged.predict(known).churn_probability, 1e-15, 1 - 1e-15)
    days = pd.DataFrame(
        {"id": np.repeat(np.asarray(history.customer_id), np.diff(history.offsets)), "day": history.day}
    )
    start = to_day(test_as_of)
    later = set(days.id[(days.day > start) & (days.day <= start + bundle.horizon)])
    churned = np.array([one not in later for one in known.customer_id])
    return float(-np.mean(np.where(churned, np.log(p), np.log1p(-p))))


def test_another_machine_trains_the_same_bytes_and_metrics(shop, tmp_path, write_config):
    _, first = shop
    config = configured(write_config(tmp_path / "elsewhere"), FIRST)
    ingest_step(config)
    again = train_step(config)
    assert again.bundle.files() == first.bundle.files()
    assert again.promotion.model_version == first.promotion.model_version
    for name, judged in first.trial.judged.items():
        np.testing.assert_equal(dict(again.trial.judged[name].evaluation.metrics), dict(judged.evaluation.metrics))


def test_a_later_training_meets_the_champion_on_its_window_and_an_old_champion_gives_way(shop):
    path, first = shop
    tracker: Tracker = open_tracker(configured(path, FIRST))
    champion = registered(tracker, CHAMPION)
    assert champion is not None and champion.number == first.promotion.number

    soon = train_step(configured(path, SOON))
    decision = soon.promotion.decision
    assert soon.promotion.registered and soon.promotion.number != champion.number
    # The gain is the champion's log loss less the challenger's, on the same customers and days.
    history = history_of(configured(path, SOON))
    test_as_of = SOON - dt.timedelta(days=90)
    losses = [log_loss_of(one, history, test_as_of) for one in (Bundle.from_files(champion.files), soon.bundle)]
    assert decision.gain == pytest.approx(losses[0] - losses[1], abs=1e-9)
    assert decision.promote == (decision.gain_low > 0), "younger than its horizon, only a better one replaces it"
    told = CHAMPION if decision.promote else CHALLENGER
    named = registered(tracker, told)
    assert named is not None and named.number == soon.promotion.number
    version = tracker.client.get_run(soon.run_id).data.tags
    assert version["decision"] == decision.reason and version["promoted"] == str(decision.promote)

    late = train_step(configured(path, LATE)).promotion
    assert late.decision.promote and "days old, more than the horizon of 90" in late.decision.reason
    assert late.decision.gain_low < 0 < late.decision.gain_high, "not worse beyond noise is enough"
    named = registered(tracker, CHAMPION)
    assert named is not None and named.number == late.number

    back = train_step(configured(path, SOON))
    assert not back.promotion.decision.promote, "a former date never replaces a later one"


def test_a_champion_that_came_while_a_training_ran_is_not_overrun(shop, monkeypatch):
    """Another training, faster than this one, moves the alias: this one was compared with a champion that is gone."""
    path, _ = shop
    tracker = open_tracker(configured(path, FIRST))
    meanwhile = registered(tracker, CHAMPION)
    assert meanwhile is not None
    monkeypatch.setattr("lifecycle.pipelines.train.training.standing", lambda *_: None)
    promotion = train_step(configured(path, LATE - dt.timedelta(days=1))).promotion
    assert not promotion.decision.promote and "became champion while this was training" in promotion.decision.reason
    assert promotion.champion_number == meanwhile.number == registered(tracker, CHAMPION).number  # type: ignore[union-attr]
    assert registered(tracker, CHALLENGER).number == promotion.number  # type: ignore[union-attr]
