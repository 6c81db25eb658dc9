"""LightGBM as this project runs it: same rows and seed, same bytes; sizes that suit the base without tuning."""

import dataclasses
import os
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

# Threads that spin while they wait starve each other on a machine that is busy otherwise: minutes instead of seconds.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import lightgbm
import numpy as np
import numpy.typing as npt

from lifecycle.models.forecasting.design_matrix import Layout
from lifecycle.models.forecasting.forecast import FloatArray

THREADS = 2  # the sums of a histogram depend on how rows are shared out, so the number is fixed


@dataclasses.dataclass(frozen=True)
class Settings:
    """What may be tuned. The defaults are meant to serve any base; leaves grow with the customers behind the rows.

    The combination doubles `rounds` where that pays out of time (growth.py).
    """

    rounds: int = 100
    learning_rate: float = 0.04
    leaves: int = 7
    rows_in_leaf: float = 1.0 / 300.0  # of the customers; at least 20
    ridge: float = 50.0
    columns: float = 0.3
    rows: float = 0.7

    def parameters(self, objective: str, *, customers: int, snapshots: float, seed: int) -> dict[str, Any]:
        """LightGBM's parameters for one booster.

        customers: how many the rows belong to; snapshots: rows a customer, on average. A leaf must hold enough
        customers, not enough rows: the rows of one customer say much the same.
        """
        return {
            "objective": objective,
            "learning_rate": self.learning_rate,
            "num_leaves": self.leaves,
            "min_data_in_leaf": max(20, round(max(20.0, customers * self.rows_in_leaf) * snapshots)),
            "lambda_l2": self.ridge,
            "feature_fraction": self.columns,
            "bagging_fraction": self.rows,
            "bagging_freq": 1,
            "max_bin": 127,
            "max_cat_to_onehot": 8,
            "cat_smooth": 20.0,
            "seed": seed,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": THREADS,
            "verbosity": -1,
        }


def train(
    matrix: FloatArray,
    target: FloatArray,
    weight: FloatArray,
    layout: Layout,
    parameters: Mapping[str, Any],
    rounds: int,
    *,
    start: FloatArray,
    rising: Sequence[str] = (),
) -> str:
    """Train one booster and return it as LightGBM text.

    start: raw score (log odds or log mean) of each row that the trees add to; the text does not hold it. rising:
    columns in which the trees may only rise.
    """
    constraints = [int(name in rising) for name in layout.names]
    settings = dict(parameters)
    if any(constraints):
        settings |= {"monotone_constraints": constraints, "monotone_constraints_method": "intermediate"}
    data = lightgbm.Dataset(
        matrix,
        target,
        weight=weight,
        init_score=start,
        feature_name=tree_names(layout.names),
        categorical_feature=layout.categorical,
        params={"verbosity": -1, "max_bin": settings["max_bin"]},
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="categorical_feature")
        booster = lightgbm.train(settings, data, num_boost_round=rounds)
    return str(booster.model_to_string())


def tree_names(names: Sequence[str]) -> list[str]:
    """Return the names under which LightGBM knows the columns: their own, or their number where it would not take them.

    LightGBM refuses ``, : [ ] { } "`` and reads blanks as underscores, which can make two names one. What people read
    comes from the layout, never from here.

    >>> tree_names(["recency", "age: years", "满意度"])
    ['recency', 'column#1', '满意度']
    """
    return [name if re.fullmatch(r"\w+", name) else f"column#{place}" for place, name in enumerate(names)]


@dataclasses.dataclass(frozen=True)
class Trees:
    """A trained booster; the text is the value, the parsed form is only kept beside it."""

    text: str
    booster: lightgbm.Booster = dataclasses.field(compare=False, repr=False)

    @classmethod
    def parse(cls, text: str) -> "Trees":
        """Read LightGBM text."""
        return cls(text, lightgbm.Booster(model_str=text))

    def first(self, rounds: int) -> "Trees":
        """Return the first trees only."""
        return Trees.parse(str(self.booster.model_to_string(num_iteration=rounds)))

    def raw(self, matrix: FloatArray) -> FloatArray:
        """Return what the trees add to the start's log odds or log mean."""
        return np.asarray(self.booster.predict(matrix, raw_score=True, num_threads=THREADS), dtype=np.float64)

    def contributions(self, matrix: FloatArray) -> npt.NDArray[np.float64]:
        """Exact contributions of each column to the raw score, the base value last (n, columns + 1)."""
        return np.asarray(self.booster.predict(matrix, pred_contrib=True, num_threads=THREADS), dtype=np.float64)
