"""The feature table: one row a customer as of a date, for one date as a frame, for many as Arrow batches."""

import datetime as dt
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from lifecycle.features.array_pool import Blocks
from lifecycle.features.asof import AsOf
from lifecycle.features.families.attributes import further, further_columns
from lifecycle.features.history import Codes, History
from lifecycle.features.ordered_map import in_order
from lifecycle.features.outcomes import BaseLevel, RateReference, base_levels, observe
from lifecycle.features.ragged import pieces
from lifecycle.features.registry import FAMILIES, Column, Family, Feature, features
from lifecycle.features.window import Window, to_day

F64 = NDArray[np.float64]

OUTCOMES = (
    pa.field("outcome_purchases", pa.int64(), metadata={"meaning": "purchase days in the horizon"}),
    pa.field("outcome_spend", pa.float64(), metadata={"meaning": "net amount in the horizon"}),
    pa.field("outcome_bought", pa.bool_(), metadata={"meaning": "whether there was a purchase day in the horizon"}),
    pa.field("outcome_eligible", pa.bool_(), metadata={"meaning": "whether decline can be judged"}),
    pa.field("outcome_declining", pa.float64(), metadata={"meaning": "1 declining, 0 not, null where not eligible"}),
)

CUSTOMERS_PER_BATCH = 65_536


def columns_of(history: History) -> tuple[Feature, ...]:
    """Features of a history's table: the registered ones, then the customers table's further columns."""
    return features() + further(history)


def _computed(view: AsOf, workers: int) -> list[tuple[tuple[Feature, ...], Sequence[Column] | F64 | None]]:
    """What each family makes of a view; None where the table that it needs is absent."""

    def one(family: Family) -> Sequence[Column] | F64 | None:
        result = family.compute(view)
        if result is not None and len(result) != len(family.features):
            raise ValueError(
                f"family {family.name!r} returned {len(result)} columns, {len(family.features)} are registered for it."
            )
        return result

    families = list(FAMILIES.values())
    if workers > 1:
        with ThreadPoolExecutor(workers) as pool:
            results = list(pool.map(one, families))
    else:
        results = [one(family) for family in families]
    found = [(family.features, result) for family, result in zip(families, results, strict=True)]
    extra = further(view.history)
    return [*found, (extra, further_columns(view))] if extra else found


def compute(view: AsOf, workers: int = 1) -> dict[str, Column]:
    """All features of a view, by name; those whose table is absent are missing throughout."""
    nothing = np.full(view.n, np.nan)
    no_category = Codes(np.full(view.n, -1, np.int32), pa.array([], pa.string()))
    table: dict[str, Column] = {}
    for those, result in _computed(view, workers):
        for k, feature in enumerate(those):
            missing = nothing if feature.kind == "number" else no_category
            table[feature.name] = missing if result is None else result[k]
    return table


def frame(history: History, as_of: dt.date | int | str) -> pd.DataFrame:
    """Feature table of one date: index customer_id, a column a feature; rows as in :func:`features.rfm.summarise`.

    Numbers are float64 with NaN for missing, categories are pandas categoricals.

    >>> log = pd.DataFrame({"customer_id": ["a", "a", "b"], "amount": [5.0, 7.0, 2.5],
    ...                     "timestamp": pd.to_datetime(["1997-01-01", "1997-01-11", "1997-01-09"])})
    >>> table = frame(History.from_frame(log), dt.date(1997, 1, 31))
    >>> table.loc["a", ["frequency", "spend_30d", "gap_mean", "overdue_ratio"]].tolist()
    [1.0, 7.0, 10.0, 2.0]
    """
    return frame_of(AsOf.of(history, as_of))


def frame_of(view: AsOf) -> pd.DataFrame:
    """The same of a view that is there already."""
    data = {name: _pandas(column) for name, column in compute(view, workers=2).items()}
    return pd.DataFrame(data, index=view.index, copy=False)


def build(
    histories: History | Iterable[History],
    as_of: Sequence[dt.date],
    *,
    horizon: int,
    reference: RateReference,
    rows_per_batch: int = CUSTOMERS_PER_BATCH,
    base: Mapping[dt.date, BaseLevel] | None = None,
    workers: int = 2,
) -> Iterator[pa.RecordBatch]:
    """Training tables of many dates in one pass over the customers, in batches of at most ``rows_per_batch`` rows.

    A batch holds whole customers of one date: customer_id, as_of, the features, the outcomes. Outcomes are null where
    the horizon is not complete in the log, and so is ``outcome_declining`` where it cannot be judged. ``histories`` is
    a base, or its parts one after the other. ``base`` gives each date's level of the whole base: needed for parts, and
    where ``histories`` is itself a part of a larger base, as in a partition of a distributed engine.
    """
    if rows_per_batch < 1:
        raise ValueError(f"build: rows_per_batch must be at least 1, got {rows_per_batch}.")
    windows = [Window(date, horizon) for date in as_of]
    if isinstance(histories, History):
        complete = [window for window in windows if window.end_day <= histories.last_day]
        base = base or {w.as_of: level for w, level in base_levels(histories, complete, reference=reference).items()}
        histories = [histories]
    elif base is None:
        raise ValueError("build: parts of a base need `base`, the levels of the whole (features.outcomes.base_levels).")
    levels, blocks = base, Blocks()

    def tasks() -> Iterator[tuple[History, Window, pa.Schema]]:
        # Neighbouring tasks share their customers, so that the slices stay in the processor's cache from date to date.
        for history in histories:
            schema = schema_of(history)
            for part in pieces(history, rows_per_batch):
                yield from ((part, window, schema) for window in windows)

    def batch(task: tuple[History, Window, pa.Schema]) -> pa.RecordBatch:
        part, window, schema = task
        level = levels[window.as_of] if window.end_day <= part.last_day else None
        return _batch(AsOf.of(part, window.as_of, blocks), window, level, reference, schema)

    yield from (ready for ready in in_order(batch, tasks(), workers) if ready.num_rows)


def build_from_lines(
    batches: Iterable[pa.RecordBatch],
    as_of: Sequence[dt.date],
    *,
    horizon: int,
    reference: RateReference,
    base: Mapping[dt.date, BaseLevel],
    log_span: tuple[dt.date, dt.date],
    names: Mapping[str, str | None],
    rows_per_batch: int = CUSTOMERS_PER_BATCH,
) -> Iterator[pa.RecordBatch]:
    """Tables from Arrow batches of raw lines, as a distributed engine hands them to a function over its partitions.

    Each batch holds every line of its customers, in any order; ``names`` maps roles to columns as in
    :meth:`features.history.History.from_frame`. ``base`` and ``log_span`` (first and last day) describe the whole base,
    which no partition sees.
    """
    first, last = (to_day(date) for date in log_span)
    for batch in batches:
        history = History.from_frame(pa.Table.from_batches([batch]), **names)  # type: ignore[arg-type]
        history = replace(history, log_first_day=first, log_last_day=last)
        yield from build(
            history,
            as_of,
            horizon=horizon,
            reference=reference,
            rows_per_batch=rows_per_batch,
            base=base,
            workers=1,
        )


def schema_of(history: History) -> pa.Schema:
    """Schema of :func:`build`, meaning and unit of each feature in its field's metadata."""
    fields = [pa.field("customer_id", history.customer_id.type), pa.field("as_of", pa.date32())]
    for feature in columns_of(history):
        kind = pa.float64() if feature.kind == "number" else pa.dictionary(pa.int32(), pa.string())
        about = {"family": feature.family, "unit": feature.unit, "meaning": feature.meaning}
        fields.append(pa.field(feature.name, kind, metadata=about))
    return pa.schema([*fields, *OUTCOMES])


def _batch(
    view: AsOf, window: Window, level: BaseLevel | None, reference: RateReference, schema: pa.Schema
) -> pa.RecordBatch:
    n = view.n
    arrays = [view.customer_id, pa.array(np.full(n, window.as_of_day, np.int32)).view(pa.date32())]
    for those, result in _computed(view, workers=1):
        arrays += _missing(those, view) if result is None else _arrow(result, n)
    if level is None:
        arrays += [pa.nulls(n, field.type) for field in OUTCOMES]
    else:
        seen = observe(view.history, window, reference=reference, base=level, view=view)
        eligible = pa.array(seen.eligible)
        arrays += [
            pa.array(seen.purchases),
            pa.array(seen.spend) if view.history.has_money else pa.nulls(n, pa.float64()),
            pa.array(seen.bought),
            eligible,
            # The bits of who is eligible say where there is a value.
            pa.Array.from_buffers(pa.float64(), n, [eligible.buffers()[1], pa.py_buffer(seen.declining)]),
        ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _arrow(result: Sequence[Column] | F64, n: int) -> list[pa.Array]:
    """The columns of a family as Arrow arrays that view its memory."""
    if isinstance(result, np.ndarray) and result.flags.c_contiguous and n:
        whole = pa.array(result.reshape(-1))
        return [whole.slice(start, n) for start in range(0, result.size, n)]
    return [
        pa.DictionaryArray.from_arrays(pa.array(column.code, mask=column.code < 0), column.names)
        if isinstance(column, Codes)
        else pa.array(column)
        for column in result
    ]


def _missing(those: Sequence[Feature], view: AsOf) -> list[pa.Array]:
    """Columns of a family whose table is absent; all views of the same two arrays."""
    number, category = (column.slice(0, view.n) for column in _nothing(view.history.n_customers))
    return [number if feature.kind == "number" else category for feature in those]


@functools.lru_cache(maxsize=2)
def _nothing(n: int) -> tuple[pa.Array, pa.Array]:
    no_category = pa.DictionaryArray.from_arrays(pa.nulls(n, pa.int32()), pa.array([], pa.string()))
    return pa.array(np.full(n, np.nan)), no_category


def _pandas(column: Column) -> object:
    if isinstance(column, Codes):
        return pd.Categorical.from_codes(column.code, categories=pd.Index(column.names.to_pylist(), dtype="str"))
    return column
