"""At which ages customers stand, by frequency: all that tables of predictions need to know of a base."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from lifecycle.models.btyd.ages import groups
from lifecycle.models.btyd.inputs import Floats

MOST: Final = 24
"""Distinct ages of one frequency that are told one by one."""


@dataclass(frozen=True, eq=False)
class AgeSpans:
    """Frequency -> its customers' distinct ages, sorted; of more than `MOST` only the least and the greatest (`wide`).

    Parts of a base may come in any order: ``|`` joins them, and the result is that of the whole.

    >>> young, old = AgeSpans.of([0, 0, 3], [5, 9, 7]), AgeSpans.of([0], [2])
    >>> (young | old).ages
    {0.0: array([2., 5., 9.]), 3.0: array([7.])}
    """

    ages: Mapping[float, Floats]
    wide: frozenset[float] = frozenset()

    @classmethod
    def of(cls, frequency: npt.ArrayLike, T: npt.ArrayLike) -> "AgeSpans":
        """Spans of the customers given; shape (customers,) each."""
        x, age = np.asarray(frequency, np.float64), np.asarray(T, np.float64)
        order, edges = groups(x)
        return cls._from((float(x[order[i]]), np.unique(age[order[i:j]]), False) for i, j in pairwise(edges))

    def __or__(self, other: "AgeSpans") -> "AgeSpans":
        """Spans of both bases together."""
        nothing = np.empty(0)
        return self._from(
            (
                x,
                np.union1d(self.ages.get(x, nothing), other.ages.get(x, nothing)),
                x in self.wide or x in other.wide,
            )
            for x in sorted({*self.ages, *other.ages})
        )

    @classmethod
    def _from(cls, found: Iterable[tuple[float, Floats, bool]]) -> "AgeSpans":
        ages, wide = {}, set()
        for x, distinct, cut in found:
            if cut or distinct.size > MOST:
                wide.add(x)
                ages[x] = distinct[[0, -1]]
            else:
                ages[x] = distinct
        return cls(ages, frozenset(wide))
