"""Sentences for many customers at once: a template and columns become one Arrow string each, empty ones left out."""

import re
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lifecycle.decisions.vocabulary import Language

Rows = NDArray[np.int64]

_HOLE = re.compile(r"\{(\w+)\}")


def sentences(template: str, where: NDArray[np.bool_], **holes: Callable[[Rows], pa.Array]) -> pa.Array:
    """Return the template with its holes filled, null where `where` is false or a value is null.

    Parameters
    ----------
    template : str
        text with named holes in braces.
    where : NDArray[np.bool_]
        the rows that get the sentence.
    holes
        by name, a function from row numbers to strings; called for the rows that need it only.

    >>> number = pa.array(["1", "2"])
    >>> sentences("no. {a}", np.array([False, True]), a=lambda rows: number.take(pa.array(rows))).to_pylist()
    [None, 'no. 2']
    """
    rows = np.flatnonzero(where)
    parts: list[pa.Array | pa.Scalar] = []
    at = 0
    for hole in _HOLE.finditer(template):
        parts += [pa.scalar(template[at : hole.start()], pa.string()), holes[hole.group(1)](rows)]
        at = hole.end()
    parts.append(pa.scalar(template[at:], pa.string()))
    if len(parts) == 1:
        text = pa.array([template], pa.string())
        place = np.zeros(where.size, np.int64)
    else:
        text = pc.binary_join_element_wise(*parts, pa.scalar("", pa.string()), null_handling="emit_null")
        place = np.cumsum(where) - 1
    return text.take(pa.array(place, mask=~where))


def joined(phrases: Sequence[pa.Array], language: Language) -> pa.Array:
    """Return the phrases of each row in one string; null phrases are skipped, a row without any is empty.

    >>> joined([pa.array(["a", None]), pa.array(["b", None])], "en").to_pylist()
    ['a; b', '']
    """
    separator = "; " if language == "en" else "；"
    nothing = pa.scalar("", pa.string())
    # null_handling="skip" loses rows in which every phrase is null (pyarrow 25): each phrase brings its separator.
    ended = [phrase if phrase.null_count == len(phrase) else _ended(phrase, separator) for phrase in phrases]
    text = pc.binary_join_element_wise(*ended, nothing, null_handling="replace", null_replacement="")
    return pc.utf8_rtrim(text, characters="; ；")


def _ended(phrase: pa.Array, separator: str) -> pa.Array:
    return pc.binary_join_element_wise(
        phrase, pa.scalar(separator), pa.scalar("", pa.string()), null_handling="emit_null"
    )


def whole(values: NDArray[np.float64]) -> pa.Array:
    """Return rounded whole numbers as strings, null where not finite.

    >>> whole(np.array([1.6, np.nan])).to_pylist()
    ['2', None]
    """
    finite = np.isfinite(values)
    rounded = np.where(finite, np.rint(np.where(finite, values, 0.0)), 0).astype(np.int64)
    return pa.array(rounded, mask=~finite).cast(pa.string())


def thousands(values: NDArray[np.float64]) -> pa.Array:
    """Return rounded whole numbers with a comma every three digits, null where not finite.

    >>> thousands(np.array([6715.2, 12.0, 1234567.0])).to_pylist()
    ['6,715', '12', '1,234,567']
    """
    text = whole(values)
    for _ in range(4):
        text = pc.replace_substring_regex(text, r"^(-?\d+)(\d{3})(,|$)", r"\1,\2\3")
    return text


def percent(values: NDArray[np.float64]) -> pa.Array:
    """Return shares as whole per cents, never rounded to a certainty that is not one.

    >>> percent(np.array([0.126, 0.9999, 0.0001, 1.0])).to_pylist()
    ['13 %', '> 99 %', '< 1 %', '100 %']
    """
    number = whole(100 * values)
    text = pc.binary_join_element_wise(number, pa.scalar(" %"), pa.scalar(""), null_handling="emit_null")
    text = pc.if_else(pa.array((values > 0.99) & (values < 1)), pa.scalar("> 99 %"), text)
    return pc.if_else(pa.array((values < 0.01) & (values > 0)), pa.scalar("< 1 %"), text)
