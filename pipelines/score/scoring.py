"""Scoring: the champion by its alias, every customer bucket by bucket, one plan over all, outputs written at once.

A scoring is known by a key: a digest of the history, the date, the model, the policies and the money settings. Buckets
already estimated under the same key are not computed again, so a killed run resumes; a finished one is left as it is.
"""

import datetime as dt
import hashlib
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lifecycle.decisions import scores
from lifecycle.decisions.plan_summary import PlanSummary, summarise_plan
from lifecycle.decisions.priorities import plan
from lifecycle.features.window import Window
from lifecycle.pipelines.atomic_files import alone, replacing
from lifecycle.pipelines.config import Config
from lifecycle.pipelines.experiments.plan_files import rates_as_of, write_plan
from lifecycle.pipelines.ingest import HistoryStore
from lifecycle.pipelines.score import score_files
from lifecycle.pipelines.score.policies import money_terms, policy_version, pseudonyms, retention_policy
from lifecycle.pipelines.score.score_database import Target
from lifecycle.pipelines.score.score_manifest import digests, finished, listed, manifest_path, write_manifest
from lifecycle.pipelines.score.score_parts import estimate_all
from lifecycle.pipelines.terminal import Progress
from lifecycle.pipelines.tracking import model_registry
from lifecycle.pipelines.tracking.code_version import code_version
from lifecycle.pipelines.tracking.mlflow_store import Tracker
from lifecycle.pipelines.tracking.model_registry import CHAMPION, Registered
from lifecycle.pipelines.train.training import known_until
from lifecycle.scoring.champion import Bundle
from lifecycle.scoring.free_memory import hand_back, one_store
from lifecycle.scoring.model_reasons import model_reasons
from lifecycle.scoring.money_terms import MoneyTerms
from lifecycle.scoring.planning import Estimated
from lifecycle.scoring.score_rows import Stamp


class ScoringError(RuntimeError):
    """Customers cannot be scored; the message names the remedy."""


@dataclass(frozen=True)
class Scoring:
    """A finished scoring: where it lies, by which model and rules, and the list in numbers."""

    window: Window
    parquet: Path
    csv: Path
    manifest: Path
    bundle: Bundle
    champion: Registered
    stamp: Stamp
    customers: int
    summary: PlanSummary


def champion_of(tracker: Tracker) -> tuple[Registered, Bundle]:
    """The registered champion, checked for this software.

    Raises
    ------
    ScoringError
        there is no champion yet.
    BundleError
        it was trained by another format or on other features.
    """
    champion = model_registry.registered(tracker, CHAMPION)
    if champion is None:
        raise ScoringError(f"no champion is registered as {tracker.name!r}: run `lifecycle train` first.")
    return champion, Bundle.from_files(champion.files)


@one_store()
def score(config: Config, store: HistoryStore, tracker: Tracker, progress: Progress) -> Scoring:
    """Score every customer known at the as-of date; see the module. Who scores the same date meanwhile waits."""
    day = known_until(config, store).isoformat()
    with alone(config.directory / ".locks" / f"scoring-{day}", f"the scoring of {day}", progress):
        return _score(config, store, tracker, progress)


def _score(config: Config, store: HistoryStore, tracker: Tracker, progress: Progress) -> Scoring:
    clock = Clock()
    champion, bundle = champion_of(tracker)
    if bundle.has_money != store.has_money:
        kind = "with" if bundle.has_money else "without"
        raise ScoringError(f"the champion was trained on a log {kind} amounts, this one is not so. Train again.")
    window = Window(known_until(config, store), bundle.horizon)
    policy = retention_policy(config)
    money = money_terms(config)
    version = champion.tags[model_registry.VERSION_TAG]
    stamp = Stamp(
        window=window,
        bundle=bundle,
        policy=policy,
        model_version=version,
        policy_version=policy_version(bundle.stages, policy),
        currency=config.money.currency,
        language=config.output.language,
        scheme=config.output.scheme,
        pseudonyms=pseudonyms(config),
    )
    database = Target.of(config)
    rates, measured = rates_as_of(config, window.as_of)
    key = _key(store, stamp, money, config.output.explained_customers, measured)
    day = window.as_of.isoformat()
    parquet, csv = config.directory / "scores" / f"{day}.parquet", config.directory / "csv" / f"{day}.csv"
    planned = config.directory / "plan" / f"{day}.parquet"
    facts = finished(config, day, key)
    unfinished = config.directory / ".work" / day
    if facts is None:
        work = unfinished / key
        with clock("estimates"):
            parts = estimate_all(store, bundle, window, money, work / "estimates", progress)
        hand_back()
        progress("planning")
        with clock("plan"):
            customers = Estimated.of(parts, bundle, money)
            chosen = plan(customers, policy, rates)
            summary = summarise_plan(chosen, customers, policy, rates)
        hand_back()
        progress("asking the model for reasons")
        with clock("reasons"):
            answers = model_reasons(
                store.read,
                bundle,
                window,
                parts,
                chosen,
                language=stamp.language,
                currency=stamp.currency,
                most=config.output.explained_customers,
            )
        hand_back()
        progress("writing")
        with clock("files"), replacing(parquet) as parquet_path, replacing(csv) as csv_path:
            score_files.write(
                parts, chosen, stamp, answers, parquet=parquet_path, csv=csv_path, scratch=work / "sorting"
            )
            with replacing(planned) as path:
                write_plan(path, parts, chosen, policy, rates, window.as_of, stamp.pseudonyms)
        with clock("digests"):
            outputs = digests(config, [parquet, csv, planned])
        facts = {
            "key": key,
            "as_of": day,
            "horizon_days": window.horizon,
            "history_sha256": store.digest,
            "inputs": dict(store.manifest.inputs),
            "model_version": version,
            "registered_version": champion.number,
            "policy_version": stamp.policy_version,
            "rates_sha256": measured,
            "stage_policy": asdict(bundle.stages),
            "code_version": code_version(),
            "table_version": scores.VERSION,
            "language": stamp.language,
            "pseudonyms": stamp.pseudonyms is not None,
            "rows": parts.rows,
            "buckets": len(parts.sizes),
            "buckets_resumed": parts.resumed,
            "list": asdict(summary),
            "seconds": clock.seconds(),
            "outputs": outputs,
        }
        write_manifest(config, day, facts)
    shutil.rmtree(unfinished, ignore_errors=True)
    if database is not None and not _lies_in(database, window.as_of, facts):
        progress("writing to the database")
        with clock("database"):
            rows = database.replace(window.as_of, parquet)
        place = {"address_env": database.env, "table": database.table, "rows": rows}
        facts = {**facts, "database": place, "seconds": {**facts["seconds"], **clock.seconds()}}
        write_manifest(config, day, facts)
    manifest = manifest_path(config, day)
    return Scoring(window, parquet, csv, manifest, bundle, champion, stamp, int(facts["rows"]), listed(facts))


def _lies_in(database: Target, as_of: dt.date, facts: Mapping[str, Any]) -> bool:
    """Whether the scoring was written to this table, and the table still has it."""
    place = facts.get("database")
    same = place is not None and (place["address_env"], place["table"]) == (database.env, database.table)
    return same and database.holds(as_of, facts)


class Clock:
    """Seconds of the steps that were taken, and of the whole."""

    def __init__(self) -> None:
        """Start."""
        self._start = time.perf_counter()
        self._steps: dict[str, float] = {}

    @contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        """Time a step."""
        begun = time.perf_counter()
        yield
        self._steps[step] = round(time.perf_counter() - begun, 2)

    def seconds(self) -> dict[str, float]:
        """Seconds by step, and in all."""
        return {**self._steps, "all": round(time.perf_counter() - self._start, 2)}


def _key(store: HistoryStore, stamp: Stamp, money: MoneyTerms, explained: int, measured: str) -> str:
    facts = [
        store.digest,
        str(store.n_buckets),
        stamp.window.as_of.isoformat(),
        stamp.model_version,
        stamp.policy_version,
        measured,
        repr(money),
        stamp.currency,
        stamp.language,
        stamp.scheme,
        str(explained),
        stamp.pseudonyms.digest if stamp.pseudonyms is not None else "",
        code_version(),
    ]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:24]
