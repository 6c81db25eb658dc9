"""The registry of features: every column's name, family, unit and meaning, and the function that computes it.

To add a feature, write one function in one file::

    @family("weekend", Feature("weekend_share", "share", "share of purchase days that fall on Saturday or Sunday"))
    def weekend(view: AsOf) -> list[F64]:
        ...

It takes the view of the customers as of a date and returns one array a feature, aligned with ``view.customer``; NaN
means missing. A family returns None where the table it needs is absent: its features are then missing, not zero.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from lifecycle.features.asof import AsOf
from lifecycle.features.history import Codes

Column = NDArray[np.float64] | Codes
Compute = Callable[[AsOf], Sequence[Column] | NDArray[np.float64] | None]


@dataclass(frozen=True, slots=True)
class Feature:
    """One column of the feature table; ``kind`` is "number" or "category"."""

    name: str
    unit: str
    meaning: str
    kind: str = "number"
    family: str = ""


@dataclass(frozen=True, slots=True)
class Family:
    """Features that are computed together, in one pass over the customers' slices."""

    name: str
    features: tuple[Feature, ...]
    compute: Compute


_FAMILIES: dict[str, Family] = {}
_FEATURES: dict[str, Feature] = {}

FAMILIES: Mapping[str, Family] = MappingProxyType(_FAMILIES)
"""Families by name, in the order of the table's columns."""

FEATURES: Mapping[str, Feature] = MappingProxyType(_FEATURES)
"""Features by name, in the order of the table's columns."""


def family(name: str, *features: Feature) -> Callable[[Compute], Compute]:
    """Register the function below as a family of features; registering the same name again replaces it."""

    def register(compute: Compute) -> Compute:
        mine = tuple(replace(f, family=name) for f in features)
        for feature in mine:
            owner = _FEATURES.get(feature.name)
            if owner is not None and owner.family != name:
                raise ValueError(
                    f"feature {feature.name!r} of family {name!r} exists in family {owner.family!r} already."
                )
            if feature.kind not in ("number", "category"):
                raise ValueError(
                    f"feature {feature.name!r}: kind must be 'number' or 'category', got {feature.kind!r}."
                )
        forget(name)
        _FAMILIES[name] = Family(name, mine, compute)
        _FEATURES.update({f.name: f for f in mine})
        return compute

    return register


def forget(name: str) -> None:
    """Take a family out of the registry, if it is there."""
    former = _FAMILIES.pop(name, None)
    for feature in former.features if former else ():
        del _FEATURES[feature.name]


def features() -> tuple[Feature, ...]:
    """All registered features, in the order of the table's columns."""
    return tuple(_FEATURES.values())


from lifecycle.features import families as _families  # noqa: E402, F401  (whoever reads the registry finds it filled)
