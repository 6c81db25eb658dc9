"""Which model the pipeline should use, and why, in a sentence."""

from typing import NamedTuple

import numpy.typing as npt

from lifecycle.models.btyd.bg_nbd import BgNbd
from lifecycle.models.btyd.mbg_nbd import MbgNbd


class Choice(NamedTuple):
    """The model to use and the reason in words; ``considered`` holds every model that was fitted on the way."""

    model: BgNbd | MbgNbd
    reason: str
    considered: tuple[BgNbd | MbgNbd, ...]


def fit_best(
    frequency: npt.ArrayLike, recency: npt.ArrayLike, T: npt.ArrayLike, *, weights: npt.ArrayLike | None = None
) -> Choice:
    """BG/NBD where its likelihood has a proper maximum, else MBG/NBD, else BG/NBD under its weak prior.

    A likelihood that still rises as a → 0 says that repeat buyers never leave; taken at its word BG/NBD would call
    every customer alive. Shapes as in ``BgNbd.fit``.

    >>> fit_best([0, 1, 2], [0, 3, 8], [10, 10, 10]).model.diagnostics.prior is None
    False
    """
    first = BgNbd.fit(frequency, recency, T, weights=weights)
    if first.diagnostics.prior is None:
        return Choice(first, "BG/NBD: its likelihood has a proper maximum.", (first,))
    second = MbgNbd.fit(frequency, recency, T, weights=weights)
    why = first.diagnostics.messages[0]
    if second.diagnostics.prior is None:
        return Choice(second, f"MBG/NBD takes over from BG/NBD, whose fit said: {why}", (first, second))
    return Choice(first, f"BG/NBD under a weak prior, as MBG/NBD has no proper maximum either: {why}", (first, second))
