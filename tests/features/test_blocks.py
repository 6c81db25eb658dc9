"""Memory that is used again must never be memory that somebody still holds; work done ahead keeps its order."""

import datetime as dt
import time
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle.features import table
from lifecycle.features.array_pool import Blocks
from lifecycle.features.history import History
from lifecycle.features.ordered_map import in_order
from lifecycle.features.outcomes import RateReference


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 50), st.integers(0, 3)), max_size=30))
def test_no_two_tables_in_use_share_memory(wanted: list[tuple[int, int, int]]) -> None:
    blocks, held = Blocks(), []
    for number, (columns, rows, forgotten) in enumerate(wanted):
        made = blocks.table(columns, rows, room=rows + number % 3)
        assert made.shape == (columns, rows) and made.dtype == np.float64
        made[:] = number
        held.append((number, pa.array(made[columns - 1])))
        del made, held[:forgotten]
        for owner, column in held:
            assert column.to_pylist() == [owner] * len(column)


def test_what_nobody_holds_is_used_again() -> None:
    blocks = Blocks()
    places = {blocks.table(3, rows, room=1_000).ctypes.data for rows in (700, 20, 1_000, 700)}
    assert len(places) == 1
    assert blocks.table(3, 2_000, room=1_000).shape == (3, 2_000), "larger ones get a block of their own"


def test_columns_kept_of_batches_that_are_gone_do_not_change() -> None:
    rng = np.random.default_rng(3)
    log = pd.DataFrame(
        {
            "customer_id": rng.integers(0, 400, 4_000),
            "timestamp": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 700, 4_000), unit="D"),
            "amount": rng.integers(1, 900, 4_000) / 100,
        }
    )
    history = History.from_frame(log)
    dates = [dt.date(2021, month, 1) for month in range(1, 7)]
    build = table.build(history, dates, horizon=60, reference=RateReference(0.5, 40.0), rows_per_batch=30)
    kept = [(batch["as_of"][0].as_py(), batch["spend_90d"]) for batch in build]
    for date in dates:
        mine = np.concatenate([column.to_numpy() for of, column in kept if of == date])
        np.testing.assert_array_equal(mine, table.frame(history, date)["spend_90d"])


def test_results_come_in_the_order_of_the_tasks_and_few_are_drawn_ahead() -> None:
    drawn = []

    def tasks() -> Iterator[int]:
        for task in range(12):
            drawn.append(task)
            yield task

    def slow_at_first(task: int) -> int:
        time.sleep(0.02 if task < 2 else 0.0)
        return task

    for done, result in enumerate(in_order(slow_at_first, tasks(), workers=3)):
        assert result == done
        assert len(drawn) <= done + 5, "four wait or are under way beside the one in hand"


def test_a_failure_comes_out_where_its_result_would() -> None:
    results = in_order(lambda x: 1 // x, [1, 1, 0, 1], workers=2)
    assert [next(results), next(results)] == [1, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)
