"""Frames as plain dictionaries, which is what a template reads."""

from typing import Any

import pandas as pd


def cells(frame: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return a frame as row -> column -> value.

    >>> cells(pd.DataFrame({"n": [1.5]}, index=["new"]))
    {'new': {'n': 1.5}}
    """
    return {
        str(name): {str(column): value for column, value in row.items()} for name, row in frame.to_dict("index").items()
    }
