"""Frames as plain dictionaries, which is what a template reads."""

from typing import Any

import pandas as pd

from lifecycle.words.numbers import MISSING


def cells(frame: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return a frame as row -> column -> value.

    >>> cells(pd.DataFrame({"n": [1.5]}, index=["new"]))
    {'new': {'n': 1.5}}
    """
    return {
        str(name): {str(column): value for column, value in row.items()} for name, row in frame.to_dict("index").items()
    }


def empty(value: Any) -> bool:
    """Return whether a cell holds nothing."""
    return value is None or bool(pd.isna(value))


def dash(value: Any) -> str:
    """Return a cell as text, a dash where it holds nothing."""
    return MISSING if empty(value) else str(value)


def number(value: Any) -> float:
    """Return a cell as a number, NaN where it holds nothing."""
    return float("nan") if empty(value) else float(value)
