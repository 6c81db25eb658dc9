"""The families of features; importing them fills the registry, in the order of the table's columns.

A new module in this folder is found by itself: it comes after those of :data:`ORDER`, by its name.
"""

import importlib
import pkgutil

ORDER = (
    "recency",
    "windows",
    "rhythm",
    "trend",
    "seasonality",
    "breadth",
    "returned",
    "tenure",
    "interactions",
    "payments",
    "campaigns",
    "attributes",
)
"""Modules whose columns come first, in this order; it decides how the table reads, not which families there are."""


def load() -> tuple[str, ...]:
    """Import every module of this folder and return their names in the order of the table's columns."""
    found = sorted(module.name for module in pkgutil.iter_modules(__path__))
    names = tuple(sorted(found, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER)))
    for name in names:
        importlib.import_module(f"{__name__}.{name}")
    return names


load()
