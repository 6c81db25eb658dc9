"""From a trained bundle to the registry: compare with the champion, register what is new, move the aliases, say why."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from lifecycle.models import evaluation
from lifecycle.models.evaluation import HEADLINE, Decision, Evaluation
from lifecycle.models.forecasting import Forecast, Snapshot
from lifecycle.pipelines.config import Config
from lifecycle.pipelines.tracking import model_registry
from lifecycle.pipelines.tracking.mlflow_store import Tracker
from lifecycle.pipelines.tracking.model_registry import CHALLENGER, CHAMPION, Registered
from lifecycle.pipelines.tracking.reload_check import reproduces
from lifecycle.pipelines.train.learning import learning_of
from lifecycle.scoring.champion import Bundle, BundleError
from lifecycle.scoring.holdout import Trial, evaluate

SCRIPT = Path(__file__).parents[1] / "tracking" / "pyfunc_model.py"
REQUIREMENTS = tuple(f"{package}=={version(package)}" for package in ("lightgbm", "numpy", "pandas"))
OUTPUT = ("churn_probability", "decline_probability", "p_alive", "expected_purchases", "expected_spend")
EXAMPLE_ROWS = 5
CHECKED_ROWS = 500


@dataclass(frozen=True)
class Promotion:
    """What became of a bundle: its version, its number in the registry, who is champion now, and why.

    number is None where the model was not fit to be registered, champion_number where there is no champion yet.
    """

    model_version: str
    number: str | None
    champion_number: str | None
    registered: bool
    decision: Decision


@dataclass(frozen=True)
class Standing:
    """The champion that a training meets, and what its judged twin is worth on the training's window.

    verdict is the decision where the two cannot be compared; evaluation is None then.
    """

    version: Registered
    age_days: int
    evaluation: Evaluation | None
    verdict: Decision | None


def standing(tracker: Tracker, trial: Trial, as_of: dt.date, config: Config) -> Standing | None:
    """Judge the champion on the window of a training as of a date; None where there is no champion yet.

    Asked for before the training refits, so that the features of the test date need not be kept until its end.
    """
    champion = model_registry.registered(tracker, CHAMPION)
    if champion is None:
        return None
    try:
        former = Bundle.from_files(champion.files)
    except (BundleError, ValueError) as error:
        reason = f"Promoted: the champion, version {champion.number}, cannot be used any more: {error}"
        return Standing(champion, 0, None, _undecided(config, reason, promote=True))
    age, horizon = (as_of - former.as_of).days, trial.test.horizon
    if former.horizon != horizon:
        reason = (
            f"Promoted: the configuration now asks for {horizon} days, the champion, version {champion.number}, "
            f"forecasts {former.horizon}; the two cannot be compared."
        )
        return Standing(champion, age, None, _undecided(config, reason, promote=True))
    if age < 0:
        reason = (
            f"Kept: the champion, version {champion.number}, was trained as of {former.as_of}, later than this "
            f"training ({as_of}); it may have seen this window's outcomes."
        )
        return Standing(champion, age, None, _undecided(config, reason, promote=False))
    forecast = former.judged.predict(trial.test.without_outcome())
    return Standing(champion, age, evaluate(forecast, trial.test, learning_of(config)), None)


def promote(
    tracker: Tracker,
    run_id: str,
    bundle: Bundle,
    now: Snapshot,
    trial: Trial,
    met: Standing | None,
    *,
    tags: Mapping[str, str],
    config: Config,
    meanwhile: Callable[[], None] = lambda: None,
) -> Promotion:
    """Register a bundle where its content is new, and decide whether it becomes champion.

    Parameters
    ----------
    tracker : Tracker
        the store.
    run_id : str
        the child run of the winning candidate; the model is logged there.
    bundle : Bundle
        what was trained.
    now : Snapshot
        the snapshot as of the training's as-of date; the logged model must reproduce the forecast of it.
    trial : Trial
        the test window on which champion and challenger are compared.
    met : Standing | None
        the champion as this training met it.
    tags : Mapping[str, str]
        what the version is tagged with.
    config : Config
        the configuration.
    meanwhile : Callable[[], None]
        done while a fresh process loads the logged model; not done at all where there is nothing to load.
    """
    digest = bundle.version
    leading = None if met is None else met.version.number
    if met is not None and met.version.tags.get(model_registry.VERSION_TAG) == digest:
        reason = "Kept: the training gave the very content that is champion already; nothing new is registered."
        return Promotion(digest, leading, leading, False, _undecided(config, reason, promote=False))
    number = model_registry.find_version(tracker, digest)
    is_new = number is None
    if number is None:
        uri = _log_model(tracker, run_id, bundle, now)
        fault = _fault(tracker, uri, bundle, now, meanwhile)
        if fault is not None:
            reason = f"Not registered: the logged model does not reproduce its predictions: {fault}."
            return Promotion(digest, None, leading, False, _undecided(config, reason, promote=False))
        number = model_registry.register(tracker, uri, run_id, digest=digest, tags=tags, note=_about(bundle, trial))
    present = model_registry.number_of(tracker, CHAMPION)
    decision = _decide(met, present, bundle, trial, config)
    model_registry.set_alias(tracker, CHAMPION if decision.promote else CHALLENGER, number)
    return Promotion(digest, number, number if decision.promote else present, is_new, decision)


def input_table(snapshot: Snapshot) -> pd.DataFrame:
    """Rows for the pyfunc of others: date and summary, for whom decline is judged, below what spend, the features."""
    summary = {
        "as_of": np.full(snapshot.n, np.datetime64(snapshot.as_of, "ns")),
        "frequency": snapshot.frequency,
        "recency": snapshot.recency,
        "T": snapshot.T,
        "monetary_value": snapshot.monetary_value,
        "eligible": snapshot.eligible.astype(np.float64),
        "decline_below": snapshot.decline_below,
    }
    features = snapshot.features.drop(columns=[name for name in summary if name in snapshot.features])
    table = pd.DataFrame(summary, index=features.index).join(features).reset_index(drop=True)
    categories = table.select_dtypes("category").columns
    return table.astype(dict.fromkeys(categories, object))


def output_table(forecast: Forecast) -> pd.DataFrame:
    """What the pyfunc of others returns for those rows."""
    return pd.DataFrame({name: getattr(forecast, name) for name in OUTPUT})


def _about(bundle: Bundle, trial: Trial) -> str:
    """What the registry says of a version."""
    found = trial.judged[bundle.candidate].evaluation.metrics
    told = ", ".join(f"{one} {found[one]:.4g}" for one in HEADLINE if np.isfinite(found[one]))
    return (
        f"{bundle.candidate}, fitted on all that is known as of {bundle.as_of}, forecasts {bundle.horizon} days. Its "
        f"twin, fitted as of {trial.test.as_of} and judged on what came until {trial.test.end}: {told}."
    )


def _log_model(tracker: Tracker, run_id: str, bundle: Bundle, now: Snapshot) -> str:
    few = now.take(np.arange(min(EXAMPLE_ROWS, now.n), dtype=np.int64))
    return model_registry.log_model(
        tracker,
        run_id,
        bundle.files(),
        script=SCRIPT,
        example=input_table(few),
        output=output_table(bundle.forecaster.predict(few)),
        requirements=REQUIREMENTS,
    )


def _fault(tracker: Tracker, uri: str, bundle: Bundle, now: Snapshot, meanwhile: Callable[[], None]) -> str | None:
    """What is wrong with the logged model, if anything: our own files and the pyfunc must both give the forecast."""
    some = now.take(np.arange(0, now.n, max(1, now.n // CHECKED_ROWS), dtype=np.int64))
    expected = output_table(bundle.forecaster.predict(some))
    try:
        again = output_table(Bundle.from_files(bundle.files()).forecaster.predict(some))
    except ValueError as error:
        return f"its own files cannot be read: {error}"
    if not again.equals(expected):
        return "its own files, read back, forecast something else"
    return reproduces(tracker, uri, input_table(some), expected, meanwhile=meanwhile)


def _decide(met: Standing | None, number: str | None, bundle: Bundle, trial: Trial, config: Config) -> Decision:
    """Champion or not, and why; number: the champion's now. See `models.evaluation.decide` for the rule."""
    if number != (None if met is None else met.version.number):
        reason = f"Kept: version {number} became champion while this was training; train again to be compared with it."
        return _undecided(config, reason, promote=False)
    challenger = trial.judged[bundle.candidate].evaluation
    if met is not None and met.verdict is not None:
        return met.verdict
    return evaluation.decide(
        None if met is None else met.evaluation,
        challenger,
        metric=config.learning.metric,
        champion_age_days=0 if met is None else met.age_days,
        horizon=bundle.horizon,
    )


def _undecided(config: Config, reason: str, *, promote: bool) -> Decision:
    missing = float("nan")
    return Decision(promote, reason, config.learning.metric, missing, missing, missing)
