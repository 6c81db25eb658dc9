"""Sentences for many customers at once: a template and columns become one Arrow string each, empty ones left out."""

import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from decisions.names import Language

_HOLE = re.compile(r"\{(\w+)\}")


def sentences(template: str, where: NDArray[np.bool_], **columns: pa.Array) -> pa.Array:
    """Return the template with its holes filled from string columns, null where `where` is false or a value is null.

    >>> sentences("{a} of {b}", np.array([True, False]), a=pa.array(["1", "2"]), b=pa.array(["3", "4"])).to_pylist()
    ['1 of 3', None]
    """
    n = where.size
    parts: list[pa.Array | pa.Scalar] = []
    at = 0
    for hole in _HOLE.finditer(template):
        parts += [pa.scalar(template[at : hole.start()], pa.string()), columns[hole.group(1)]]
        at = hole.end()
    parts.append(pa.scalar(template[at:], pa.string()))
    if len(parts) == 1:
        text = pa.repeat(parts[0], n)
    else:
        text = pc.binary_join_element_wise(*parts, pa.scalar("", pa.string()), null_handling="emit_null")
    return pc.if_else(pa.array(where), text, pa.scalar(None, pa.string()))


def joined(phrases: Sequence[pa.Array], language: Language) -> pa.Array:
    """Return the phrases of each row in one string; null phrases are skipped, a row without any is empty.

    >>> joined([pa.array(["a", None]), pa.array(["b", None])], "en").to_pylist()
    ['a; b', '']
    """
    separator = "; " if language == "en" else "；"
    nothing = pa.scalar("", pa.string())
    # null_handling="skip" loses rows in which every phrase is null (pyarrow 25): each phrase brings its separator.
    ended = [
        pc.binary_join_element_wise(phrase, pa.scalar(separator), nothing, null_handling="emit_null")
        for phrase in phrases
    ]
    text = pc.binary_join_element_wise(*ended, nothing, null_handling="replace", null_replacement="")
    return pc.utf8_rtrim(text, characters="; ；")


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
