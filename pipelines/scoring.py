"""Scoring: the champion by its alias, every customer bucket by bucket, one plan over all, outputs written at once.

A scoring is known by a key: a digest of the history, the date, the model, the policies and the money settings. Buckets
already estimated under the same key are not computed again, so a killed run resumes; a finished one is left as it is.
"""

import datetime as dt
import hashlib
import json
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from decisions.cause_sums import cause_sums
from decisions.measurement import Detectable, PlanSummary, summarise_plan
from decisions.priorities import Plan, PlanInput, plan
from decisions.season import season_sums
from features.outcomes import RateReference, base_level
from features.window import Window
from pipelines import model_registry, score_rows
from pipelines.bundle import Bundle
from pipelines.commit import code_version
from pipelines.config import Config
from pipelines.console import Progress
from pipelines.estimates import MoneyTerms, WholeBase, estimate, worth_of
from pipelines.files import replacing
from pipelines.ingest import HistoryStore
from pipelines.model_registry import CHAMPION, Registered
from pipelines.policies import policy_version, retention_policy
from pipelines.score_rows import Stamp
from pipelines.tracking import Tracker
from pipelines.training import known_until

PLAN_COLUMNS = (
    "customer_id",
    "stage",
    "cause",
    "p_star",
    "kappa",
    "churn_probability",
    "v_prevent",
    "v_back",
    "expected_purchases",
    "expected_spend",
    "order_value",
    "value_after_second",
    "purchases_at_risk",
    "may_contact",
)
"""Columns of the estimates that the plan needs of all customers at once."""


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

    Raises:
        ScoringError: there is no champion yet.
        BundleError: it was trained by another format or on other features.
    """
    champion = model_registry.registered(tracker, CHAMPION)
    if champion is None:
        raise ScoringError(f"no champion is registered as {tracker.name!r}: run `lifecycle train` first.")
    return champion, Bundle.from_files(champion.files)


def score(config: Config, store: HistoryStore, tracker: Tracker, progress: Progress) -> Scoring:
    """Score every customer known at the as-of date; see the module."""
    start = time.perf_counter()
    champion, bundle = champion_of(tracker)
    if bundle.has_money != store.has_money:
        told = "with" if bundle.has_money else "without"
        raise ScoringError(f"the champion was trained on a log {told} amounts, this one is not so. Train again.")
    window = Window(known_until(config, store), bundle.horizon)
    policy = retention_policy(config)
    money = MoneyTerms.of(config)
    version = champion.tags[model_registry.VERSION_TAG]
    stamp = Stamp(
        window=window,
        bundle=bundle,
        policy=policy,
        model_version=version,
        policy_version=policy_version(bundle.stages, policy),
        has_money=store.has_money,
        currency=config.money.currency,
        language=config.output.language,
        scheme=config.output.scheme,
    )
    key = _key(store, stamp, money)
    day = window.as_of.isoformat()
    parquet, csv = config.directory / "scores" / f"{day}.parquet", config.directory / "csv" / f"{day}.csv"
    finished = _finished(config, day, key)
    if finished is not None:
        size = int(finished["rows"])
        return Scoring(
            window, parquet, csv, manifest_path(config, day), bundle, champion, stamp, size, listed(finished)
        )
    work = config.directory / ".work" / key
    work.mkdir(parents=True, exist_ok=True)
    parts = _estimate_all(store, bundle, window, money, work, progress)
    progress("planning")
    needed = pa.concat_tables(pq.read_table(part, columns=list(PLAN_COLUMNS)) for part in parts)
    customers = plan_input(needed, bundle, money)
    chosen = plan(customers, policy)
    progress("writing")
    sizes = [pq.read_metadata(part).num_rows for part in parts]
    with replacing(parquet) as parquet_path, replacing(csv) as csv_path:
        scratch = work / "sorting"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        score_rows.write(
            _rows(parts, sizes, chosen, stamp), sum(sizes), parquet=parquet_path, csv=csv_path, scratch=scratch
        )
    summary = summarise_plan(chosen, customers, policy)
    facts = {
        "key": key,
        "as_of": day,
        "horizon_days": window.horizon,
        "history_sha256": store.digest,
        "model_version": version,
        "registered_version": champion.number,
        "policy_version": stamp.policy_version,
        "rows": sum(sizes),
        "buckets": len(sizes),
        "list": asdict(summary),
        "seconds": round(time.perf_counter() - start, 2),
    }
    manifest = _write_manifest(config, day, facts, [parquet, csv])
    shutil.rmtree(work)
    return Scoring(window, parquet, csv, manifest, bundle, champion, stamp, sum(sizes), summary)


def _key(store: HistoryStore, stamp: Stamp, money: MoneyTerms) -> str:
    facts = [
        store.digest,
        str(store.n_buckets),
        stamp.window.as_of.isoformat(),
        stamp.model_version,
        stamp.policy_version,
        repr(money),
        stamp.currency,
        stamp.language,
        stamp.scheme,
        code_version(),
    ]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:24]


def _finished(config: Config, day: str, key: str) -> dict[str, Any] | None:
    """The manifest of a scoring that is this very one, its outputs unchanged since; else None.

    A checkout with uncommitted changes may score otherwise than the same commit did before: it always scores again.
    """
    path = manifest_path(config, day)
    if not path.exists() or code_version().endswith("+changes"):
        return None
    facts: dict[str, Any] = json.loads(path.read_text())
    outputs = {config.directory / name: digest for name, digest in facts["outputs"].items()}
    same = facts["key"] == key and all(one.exists() and _digest(one) == digest for one, digest in outputs.items())
    return facts if same else None


def listed(facts: Mapping[str, Any]) -> PlanSummary:
    """The list in numbers, as a manifest holds them."""
    document = facts["list"]
    pairs = tuple((float(rate), float(gain)) for rate, gain in document["by_rate"])
    return PlanSummary(**{**document, "by_rate": pairs, "detectable": Detectable(**document["detectable"])})


def _estimate_all(
    store: HistoryStore, bundle: Bundle, window: Window, money: MoneyTerms, work: Path, progress: Progress
) -> list[Path]:
    """Estimates of every bucket, each in a file of its own; files that are there already are not made again."""
    parts = [work / "estimates" / f"{bucket:05d}.parquet" for bucket in range(store.n_buckets)]
    missing = [bucket for bucket, part in enumerate(parts) if not part.exists()]
    if missing:
        progress("season and level of the base")
        base = whole_base(store, bundle, window)
        for done, bucket in enumerate(missing):
            progress(f"estimating {done / len(missing):.0%}")
            table = estimate(store.read(bucket), bundle, window, base, money)
            with replacing(parts[bucket]) as path:
                pq.write_table(table, path, compression="lz4")
    return parts


def whole_base(store: HistoryStore, bundle: Bundle, window: Window) -> WholeBase:
    """What single customers are judged against, from all buckets."""
    reference = RateReference(bundle.value.r, bundle.value.alpha)
    season, causes = None, None
    for bucket in range(store.n_buckets):
        history = store.read(bucket)
        sums = season_sums(history, bundle.stages, last_day=window.as_of_day)
        found = cause_sums(history, window.as_of_day, window.horizon)
        season = sums if season is None else season + sums
        causes = found if causes is None else causes + found
    if season is None or causes is None:
        raise ScoringError("the history has no bucket: run `lifecycle ingest` again.")
    level = base_level((store.read(b) for b in range(store.n_buckets)), window, reference=reference)
    return WholeBase(season.factor(bundle.stages), reference, level, causes)


def plan_input(estimates: pa.Table, bundle: Bundle, money: MoneyTerms) -> PlanInput:
    """What the plan needs of all customers."""
    return PlanInput(
        customer_id=estimates["customer_id"].combine_chunks(),
        stage=estimates["stage"].to_numpy(),
        cause=estimates["cause"].to_numpy(),
        worth=worth_of(estimates, bundle, money),
        may_contact=estimates["may_contact"].to_numpy(zero_copy_only=False),
        purchases_at_risk=estimates["purchases_at_risk"].to_numpy(),
    )


def _rows(parts: list[Path], sizes: list[int], chosen: Plan, stamp: Stamp) -> Iterator[pa.Table]:
    begin = 0
    for part, size in zip(parts, sizes, strict=True):
        if size:
            yield score_rows.rows(pq.read_table(part), chosen, slice(begin, begin + size), stamp)
        begin += size


def manifest_path(config: Config, day: str) -> Path:
    """Where the manifest of a scoring lies."""
    return config.directory / "manifests" / f"{day}.json"


def _write_manifest(config: Config, day: str, facts: dict[str, object], outputs: list[Path]) -> Path:
    """Say what was scored by what, how long it took, and what the outputs' digests are."""
    path = manifest_path(config, day)
    document = facts | {
        "outputs": {str(one.relative_to(config.directory)): _digest(one) for one in outputs},
        "written_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
    }
    with replacing(path) as partial:
        partial.write_text(json.dumps(document, indent=1) + "\n")
    return path


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
