"""Roll rates: from which ageing bucket to which customers move between two dates, with counts."""

import dataclasses
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

BUCKETS: Final = ("current", "1-30", "31-60", "61-90", "over 90")
"""Ageing buckets by days past due."""

LEAST: Final = 30
"""Customers below which a bucket says nothing alone and is pooled with its neighbour."""


def bucket(days_past_due: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return the place in `BUCKETS` of days past due.

    >>> bucket(np.array([0.0, 1.0, 30.0, 31.0, 90.0, 91.0])).tolist()
    [0, 1, 1, 2, 3, 4]
    """
    return np.searchsorted(np.array([0.0, 30.0, 60.0, 90.0]), days_past_due, side="left").astype(np.int64)


@dataclasses.dataclass(frozen=True, eq=False)
class RollRates:
    """Counts of customers by bucket before and after, and shares of those that each (pooled) bucket held before.

    Grain of `counts`: one row a bucket before, a column a bucket after. `pooled` names, for each bucket, the buckets
    whose customers its row of `shares` was made of: those with fewer than 30 customers are pooled with the next lower
    bucket that is not empty, "current" upwards. Rows are NaN where even all buckets hold fewer than 30.
    """

    counts: pd.DataFrame
    shares: pd.DataFrame
    pooled: tuple[tuple[str, ...], ...]


def roll_rates(before: npt.NDArray[np.int64], after: npt.NDArray[np.int64]) -> RollRates:
    """Count moves between buckets of the same customers at two dates (n,), (n,).

    >>> rates = roll_rates(np.r_[np.zeros(40, int), np.ones(3, int)], np.r_[np.zeros(30, int), np.ones(13, int)])
    >>> rates.pooled[1], int(rates.counts.loc["1-30", "1-30"])
    (('current', '1-30', '31-60', '61-90', 'over 90'), 3)
    """
    n = len(BUCKETS)
    table = np.zeros((n, n), np.int64)
    np.add.at(table, (before, after), 1)
    groups: list[list[int]] = []
    for place in range(n):
        if groups and (table[place].sum() < LEAST or table[groups[-1]].sum() < LEAST):
            groups[-1].append(place)
        else:
            groups.append([place])
    shares = np.full((n, n), np.nan)
    pooled: list[tuple[str, ...]] = [()] * n
    for group in groups:
        total = table[group].sum()
        for place in group:
            pooled[place] = tuple(BUCKETS[k] for k in group)
            if total >= LEAST:
                shares[place] = table[group].sum(axis=0) / total
    names = list(BUCKETS)
    return RollRates(
        pd.DataFrame(table, index=names, columns=names), pd.DataFrame(shares, index=names, columns=names), tuple(pooled)
    )
