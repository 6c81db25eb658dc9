"""The feature table: one row a customer as of a date, for one date as a frame, for many as Arrow batches."""

import datetime as dt
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice

import numpy as np
import pandas as pd
import pyarrow as pa

from features.asof import AsOf
from features.families.attributes import further, further_columns
from features.history import Codes, History
from features.outcomes import BaseLevel, RateReference, base_level, observe
from features.registry import FAMILIES, Column, Family, Feature, features
from features.slices import customers_between
from features.window import Window, to_day

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


def compute(view: AsOf, workers: int = 1) -> dict[str, Column]:
    """All features of a view, by name; those whose table is absent are missing throughout."""

    nothing = np.full(view.n, np.nan)
    no_category = Codes(np.full(view.n, -1, np.int32), pa.array([], pa.string()))

    def one(family: Family) -> list[Column]:
        result = family.compute(view)
        if result is None:
            return [nothing if feature.kind == "number" else no_category for feature in family.features]
        if len(result) != len(family.features):
            raise ValueError(
                f"family {family.name!r} returned {len(result)} columns, {len(family.features)} are registered for it."
            )
        return list(result)

    families = list(FAMILIES.values())
    if workers > 1:
        with ThreadPoolExecutor(workers) as pool:
            results = list(pool.map(one, families))
    else:
        results = [one(family) for family in families]
    table: dict[str, Column] = {}
    for family, found in zip(families, results, strict=True):
        table.update({feature.name: column for feature, column in zip(family.features, found, strict=True)})
    extra = further(view.history)
    if extra:
        table.update({f.name: column for f, column in zip(extra, further_columns(view), strict=True)})
    return table


def frame(history: History, as_of: dt.date | int) -> pd.DataFrame:
    """Feature table of one date: index customer_id, a column a feature; rows as in :func:`features.rfm.summarise`.

    Numbers are float64 with NaN for missing, categories are pandas categoricals.

    >>> log = pd.DataFrame({"customer_id": ["a", "a", "b"], "amount": [5.0, 7.0, 2.5],
    ...                     "timestamp": pd.to_datetime(["1997-01-01", "1997-01-11", "1997-01-09"])})
    >>> table = frame(History.from_frame(log), dt.date(1997, 1, 31))
    >>> table.loc["a", ["frequency", "spend_30d", "gap_mean", "overdue_ratio"]].tolist()
    [1.0, 7.0, 10.0, 2.0]
    """
    view = AsOf.of(history, as_of)
    data = {name: _pandas(column) for name, column in compute(view, workers=2).items()}
    return pd.DataFrame(data, index=pd.Index(view.customer_id.to_pandas(), name="customer_id"), copy=False)


def build(
    history: History,
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
    the horizon is not complete in the log, and so is ``outcome_declining`` where it cannot be judged. ``base`` gives
    each date's level of the whole base where ``history`` is a part of it, as in a partition of a distributed engine.
    """
    if rows_per_batch < 1:
        raise ValueError(f"build: rows_per_batch must be at least 1, got {rows_per_batch}.")
    windows = [Window(date, horizon) for date in as_of]
    schema = schema_of(history)
    n = history.n_customers
    with ThreadPoolExecutor(workers) as pool:

        def level(window: Window) -> BaseLevel | None:
            if window.end_day > history.last_day:
                return None
            return base[window.as_of] if base else base_level(history, window, reference=reference)

        levels = dict(zip(windows, pool.map(level, windows), strict=True))

        def batch(task: tuple[int, Window]) -> pa.RecordBatch:
            lo, window = task
            part = customers_between(history, lo, min(lo + rows_per_batch, n))
            return _batch(part, window, levels[window], reference, schema)

        # Neighbouring tasks share their customers, so that the slices stay in the processor's cache from date to date.
        tasks = ((lo, window) for lo in range(0, n, rows_per_batch) for window in windows)
        ahead = deque(pool.submit(batch, task) for task in islice(tasks, workers + 1))
        while ahead:
            ready = ahead.popleft().result()
            ahead.extend(pool.submit(batch, task) for task in islice(tasks, 1))
            if ready.num_rows:
                yield ready


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
    part: History, window: Window, level: BaseLevel | None, reference: RateReference, schema: pa.Schema
) -> pa.RecordBatch:
    view = AsOf.of(part, window.as_of)
    arrays: list[pa.Array] = [
        view.customer_id,
        pa.array(np.full(view.n, to_day(window.as_of), np.int32)).cast(pa.date32()),
    ]
    arrays += [_arrow(column) for column in compute(view).values()]
    if level is None:
        arrays += [pa.nulls(view.n, field.type) for field in OUTCOMES]
    else:
        seen = observe(part, window, reference=reference, base=level, view=view)
        arrays += [
            pa.array(seen.purchases),
            pa.array(seen.spend, from_pandas=True),
            pa.array(seen.bought),
            pa.array(seen.eligible),
            pa.array(seen.declining, from_pandas=True),
        ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _arrow(column: Column) -> pa.Array:
    if isinstance(column, Codes):
        indices = pa.array(column.code, mask=column.code < 0)
        return pa.DictionaryArray.from_arrays(indices, column.names)
    return pa.array(column)


def _pandas(column: Column) -> object:
    if isinstance(column, Codes):
        return pd.Categorical.from_codes(column.code, categories=pd.Index(column.names.to_pylist(), dtype="str"))
    return column
