"""The files of the scores table: estimates part by part in, rows sorted by priority out, in bounded memory.

Estimates are first scattered into files of consecutive priorities, then each file is sorted, put into words, checked
and appended to the outputs. Nothing holds more than two files' rows.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from lifecycle.decisions import scores
from lifecycle.decisions.priorities import Plan
from lifecycle.pipelines.score.score_parts import Parts
from lifecycle.scoring.free_memory import hand_back
from lifecycle.scoring.model_reasons import ModelReasons
from lifecycle.scoring.score_rows import Stamp, rows

CHUNK_ROWS = 65_536
PLACE = "place"
"""Column of intermediate files: where a customer stands in the plan."""
CSV_DECIMALS = 6


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
