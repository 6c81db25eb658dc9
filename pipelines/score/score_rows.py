"""The scores table, made from estimates and plan: part by part in, sorted by priority out, in bounded memory.

Estimates are first scattered into files of consecutive priorities, then each file is sorted, put into words, checked
and appended to the outputs. Nothing holds more than two files' rows.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from lifecycle.decisions import scores
from lifecycle.decisions.actions import RetentionPolicy
from lifecycle.decisions.priorities import Plan
from lifecycle.decisions.stages import stage_labels
from lifecycle.decisions.strategies import LET_GO, cause_labels, strategy_labels
from lifecycle.decisions.vocabulary import CHURNED, STAGES, Language, Scheme, stage_name
from lifecycle.features.window import NEVER, Window
from lifecycle.pipelines.score.champion import Bundle
from lifecycle.pipelines.score.free_memory import hand_back
from lifecycle.pipelines.score.model_reasons import ModelReasons
from lifecycle.pipelines.score.pseudonyms import Pseudonyms
from lifecycle.pipelines.score.score_parts import Parts
from lifecycle.words import reasons

Places = npt.NDArray[np.int64]

CHUNK_ROWS = 65_536
PLACE = "place"
"""Column of intermediate files: where a customer stands in the plan."""
CSV_DECIMALS = 6


@dataclass(frozen=True)
class Stamp:
    """What is the same in every row, and the words of the output."""

    window: Window
    bundle: Bundle
    policy: RetentionPolicy
    model_version: str
    policy_version: str
    has_money: bool
    currency: str
    language: Language
    scheme: Scheme
    pseudonyms: Pseudonyms | None = None


def rows(
    estimates: pa.Table, plan: Plan, at: slice | Places, stamp: Stamp, model_reasons: ModelReasons | None = None
) -> pa.Table:
    """The scores of some of the customers, in the order of their estimates.

    Parameters
    ----------
    estimates : pa.Table
        their rows as `pipelines.score.estimates.estimate` made them.
    plan : Plan
        the plan over all customers.
    at : slice | Places
        where these stand in the plan.
    stamp : Stamp
        what is the same in every row.
    model_reasons : ModelReasons | None
        what the model says of some of them; the others, or all, get their reasons from rules.
    """
    n = estimates.num_rows
    stage = estimates["stage"].to_numpy()
    last = estimates["last_day"].to_numpy()
    bought = estimates["frequency"].to_numpy() >= 0
    silence = np.where(bought, stamp.window.as_of_day - last.astype(np.float64), np.nan)
    gap = estimates["usual_gap"].to_numpy()
    action = plan.action[at]
    p_star, prevent, back = (estimates[name].to_numpy() for name in ("p_star", "v_prevent", "v_back"))
    at_risk = np.where(stamp.has_money, p_star * prevent + (1 - p_star) * back, np.nan)
    facts = reasons.Facts(
        stage=stage,
        cause=plan.cause[at],
        silence=silence,
        usual_gap=gap,
        purchases=np.where(bought, estimates["frequency"].to_numpy() + 1.0, np.nan),
        overdue=estimates["overdue"].to_numpy(zero_copy_only=False),
        returned=estimates["returned"].to_numpy(zero_copy_only=False),
        closed=estimates["closed"].to_numpy(zero_copy_only=False),
        churn_probability=estimates["churn_probability"].to_numpy(),
        value_at_risk=at_risk,
        worth_acting=action >= 0,
        let_go=plan.strategy[at] == LET_GO,
        horizon=stamp.window.horizon,
        overdue_after=stamp.bundle.stages.overdue_limit,
        currency=stamp.currency,
    )
    drivers = (model_reasons or ModelReasons.none()).at(np.r_[at])
    next_day = np.where(bought & (stage != CHURNED), last + np.rint(gap), np.nan)
    copied = {name: estimates[name].to_numpy() for name in COPIED}
    ids = estimates["customer_id"].combine_chunks()
    columns = {
        "customer_id": ids if stamp.pseudonyms is None else stamp.pseudonyms.of_all(ids),
        "as_of": pa.array([stamp.window.as_of] * n, pa.date32()),
        "horizon_days": np.full(n, stamp.window.horizon, np.int32),
        "priority": plan.priority[at],
        "stage": stage_labels(stage),
        "stage_name": _named(stage, stamp),
        "previous_stage": stage_labels(estimates["previous_stage"].to_numpy()),
        "stage_since": _dates(estimates["stage_since"].to_numpy()),
        "returned_after_churn": facts.returned,
        "second_purchase_overdue": facts.overdue,
        "days_since_last_purchase": silence,
        "frequency": np.where(bought, estimates["frequency"].to_numpy().astype(np.float64), np.nan),
        "usual_gap_days": gap,
        "expected_next_purchase": _dates(np.where(np.isnan(next_day), NEVER, np.nan_to_num(next_day))),
        "value_at_risk": at_risk,
        "strategy": strategy_labels(plan.strategy[at]),
        "cause": cause_labels(plan.cause[at]),
        "action": _of_catalogue([one.name for one in stamp.policy.actions], action),
        "channel": _of_catalogue([one.channel for one in stamp.policy.actions], action),
        "expected_gain": plan.expected_gain[at],
        "break_even_save_rate": plan.break_even_save_rate[at],
        "targeted": plan.targeted[at],
        "control": plan.control[at],
        "selected": plan.selected[at],
        "reasons": reasons.reasons(facts, language=stamp.language, drivers=drivers),
        "reasons_from": pa.array(np.where(drivers.told, "model", "rules")),
        "model_version": pa.array([stamp.model_version] * n),
        "policy_version": pa.array([stamp.policy_version] * n),
        **copied,
    }
    return scores.from_columns(columns)


COPIED = (
    "p_alive",
    "expected_purchases",
    "expected_purchases_low",
    "expected_purchases_high",
    "expected_spend",
    "expected_spend_low",
    "expected_spend_high",
    "residual_value",
    "residual_value_low",
    "residual_value_high",
    "clv",
    "churn_probability",
    "loss_probability",
    "decline_probability",
)
"""Columns that the scores take from the estimates as they are, NaN becoming null."""


def write(
    parts: Parts, chosen: Plan, stamp: Stamp, model_reasons: ModelReasons, *, parquet: Path, csv: Path, scratch: Path
) -> None:
    """Write the whole table, sorted by priority.

    Parameters
    ----------
    parts : Parts
        the estimates.
    chosen : Plan
        the plan over all customers.
    stamp : Stamp
        what is the same in every row.
    model_reasons : ModelReasons
        what the model says of some of the customers.
    parquet : Path
        where the Parquet file goes.
    csv : Path
        where the CSV file goes; its text cells cannot execute in a spreadsheet.
    scratch : Path
        a folder for intermediate files, emptied first.

    Raises
    ------
    ScoresError
        there is no customer, or the rows break a rule of the table.
    """
    if not parts.rows:
        raise scores.ScoresError("scores: there is no customer to score as of this date. Choose a later one.")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    chunks = _scatter(parts, chosen, scratch)
    first = 1
    with ExitStack() as stack:
        as_parquet: pq.ParquetWriter | None = None
        as_csv: pa_csv.CSVWriter | None = None
        for table in _read_ahead(chunks, lambda chunk: _sorted(chunk, chosen, stamp, model_reasons)):
            scores.check(table, first=first)
            readable = _csv_ready(table)
            if as_parquet is None or as_csv is None:
                as_parquet = stack.enter_context(pq.ParquetWriter(parquet, table.schema, compression="zstd"))
                as_csv = stack.enter_context(pa_csv.CSVWriter(csv, readable.schema))
            as_parquet.write_table(table)
            as_csv.write_table(readable)
            first += table.num_rows
            del table, readable
            hand_back()
    if first != parts.rows + 1:
        raise scores.ScoresError(
            f"scores: {parts.rows} customers were planned, {first - 1} rows came. This is a fault here."
        )


def _read_ahead(chunks: Sequence[Path], read: Callable[[Path], pa.Table]) -> Iterator[pa.Table]:
    """What is read of each chunk, in order; the next one is made ready while one is in use."""
    with ThreadPoolExecutor(1) as reader:
        ahead = reader.submit(read, chunks[0])
        for following in chunks[1:]:
            table = ahead.result()
            ahead = reader.submit(read, following)
            yield table
        yield ahead.result()


def _scatter(parts: Parts, chosen: Plan, scratch: Path) -> list[Path]:
    """Append each customer's estimates, with the place in the plan, to the file of its priority."""
    chunks = [scratch / f"chunk-{k:05d}.arrow" for k in range(-(-parts.rows // CHUNK_ROWS))]
    edges = np.arange(len(chunks) + 1) * CHUNK_ROWS + 1
    begin = 0
    with ExitStack() as stack:
        writers: list[pa.RecordBatchStreamWriter] = []
        for path, size in zip(parts.paths, parts.sizes, strict=True):
            part = pq.read_table(path)
            priority = chosen.priority[begin : begin + size]
            order = np.argsort(priority)
            part = part.append_column(PLACE, pa.array(np.arange(begin, begin + size))).take(pa.array(order))
            if not writers:
                writers = [stack.enter_context(pa.ipc.new_stream(chunk, part.schema)) for chunk in chunks]
            cuts = np.searchsorted(priority[order], edges)
            for writer, start, stop in zip(writers, cuts[:-1], cuts[1:], strict=True):
                writer.write_table(part.slice(start, stop - start))
            begin += size
            hand_back()
    return chunks


def _sorted(chunk: Path, chosen: Plan, stamp: Stamp, model_reasons: ModelReasons) -> pa.Table:
    """The scores of a file of consecutive priorities."""
    with pa.OSFile(str(chunk)) as source, pa.ipc.open_stream(source) as stream:
        estimates = stream.read_all()
    chunk.unlink()
    place = estimates[PLACE].to_numpy()
    order = np.argsort(chosen.priority[place])
    return rows(estimates.take(pa.array(order)), chosen, place[order], stamp, model_reasons)


def _csv_ready(table: pa.Table) -> pa.Table:
    """Text that cannot execute, numbers at a readable precision."""
    table = scores.csv_safe(table)
    for position, field in enumerate(table.schema):
        if pa.types.is_floating(field.type):
            table = table.set_column(position, field, pc.round(table.column(position), CSV_DECIMALS))
    return table


def _named(stage: npt.NDArray[np.int8], stamp: Stamp) -> pa.Array:
    names = [stage_name(one, language=stamp.language, scheme=stamp.scheme) for one in STAGES]
    return pa.array(names).take(pa.array(stage.astype(np.int32)))


def _dates(days: npt.NDArray[np.generic]) -> pa.Array:
    """Days since 1970-01-01 as dates; NEVER is null."""
    whole = days.astype(np.int64)
    return pa.array(whole.astype(np.int32), pa.int32(), mask=whole == NEVER).cast(pa.date32())


def _of_catalogue(names: Sequence[str], action: npt.NDArray[np.int16]) -> pa.Array:
    return pa.array([*names], pa.string()).take(pa.array(action.astype(np.int32), pa.int32(), mask=action < 0))
