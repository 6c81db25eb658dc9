"""The two regressions that all learners are made of: boosted trees and a ridge, both on squared error."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, Protocol

import lightgbm
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import RidgeCV

Floats = NDArray[np.float64]
Kind = Literal["trees", "ridge", "mean"]

TREES: Final = 60
_TREE_SETTINGS: Final[dict[str, Any]] = {
    "objective": "regression",
    "num_leaves": 8,
    "min_data_in_leaf": 200,
    "lambda_l2": 10.0,
    "learning_rate": 0.05,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
_PENALTIES: Final = np.logspace(0, 6, 13)


class Regression(Protocol):
    """A fitted regression: a pure function of x, and a text it can be read from again."""

    def predict(self, x: Floats) -> Floats:
        """Return one number a row of x."""
        ...

    def text(self) -> str:
        """Return the model as text for `read`."""
        ...


@dataclass(frozen=True, eq=False)
class Trees:
    """Boosted trees."""

    booster: lightgbm.Booster

    def predict(self, x: Floats) -> Floats:
        """Return one number a row of x."""
        return np.asarray(self.booster.predict(x, num_threads=1), np.float64)

    def text(self) -> str:
        """Return LightGBM's own text."""
        return str(self.booster.model_to_string())


@dataclass(frozen=True, eq=False)
class Linear:
    """Ridge regression on columns cut at their outer half per cent and standardised; a missing value is the mean."""

    low: list[float]
    high: list[float]
    mean: list[float]
    scale: list[float]
    coefficient: list[float]
    intercept: float

    def predict(self, x: Floats) -> Floats:
        """Return one number a row of x."""
        return self.intercept + _standard(x, self) @ np.array(self.coefficient, np.float64)

    def text(self) -> str:
        """Return JSON."""
        return json.dumps(asdict(self))


def read(text: str) -> Regression:
    """Return a regression from its text.

    >>> x = np.arange(50.0)[:, None]
    >>> ridge = fit("ridge", x, 2 * x[:, 0])
    >>> bool((read(ridge.text()).predict(x) == ridge.predict(x)).all())
    True
    """
    return Linear(**json.loads(text)) if text.startswith("{") else Trees(lightgbm.Booster(model_str=text))


def fit(kind: Kind, x: Floats, y: Floats, *, seed: int = 0) -> Regression:
    """Return a regression of y (n,) on x (n, p).

    Parameters
    ----------
    kind : Kind
        "trees": 60 of 8 leaves with at least 200 rows each; "ridge": the penalty chosen by generalised cross-validation
        (Golub et al., 1979); "mean": no use of x.
    """
    if not x.shape[1]:
        kind = "mean"
    if kind == "trees" and y.size > 2 * _TREE_SETTINGS["min_data_in_leaf"] and np.ptp(y) > 0:
        data = lightgbm.Dataset(x, y, params=_TREE_SETTINGS)
        return Trees(lightgbm.train({**_TREE_SETTINGS, "seed": seed}, data, TREES))
    return _ridge(x, y) if kind == "ridge" and y.size > 2 else _constant(x.shape[1], float(y.mean()) if y.size else 0.0)


def _constant(columns: int, value: float) -> Linear:
    none = [0.0] * columns
    return Linear(none, none, none, [1.0] * columns, none, value)


def _ridge(x: Floats, y: Floats) -> Linear:
    known = np.isfinite(x)
    with_any = np.where(known.any(axis=0), x, 0.0)
    low, high = np.nanquantile(np.where(np.isinf(with_any), np.nan, with_any), [0.005, 0.995], axis=0)
    flat = high <= low  # a rare flag must not be cut away
    low, high = np.where(flat, np.nanmin(with_any, axis=0), low), np.where(flat, np.nanmax(with_any, axis=0), high)
    cut = np.clip(with_any, low, high)
    mean, scale = np.nanmean(cut, axis=0), np.nanstd(cut, axis=0)
    frame = Linear(
        low.tolist(), high.tolist(), mean.tolist(), np.where(scale > 0, scale, np.inf).tolist(), [0.0] * x.shape[1], 0.0
    )
    model = RidgeCV(_PENALTIES).fit(_standard(x, frame), y)
    return Linear(frame.low, frame.high, frame.mean, frame.scale, model.coef_.tolist(), float(model.intercept_))


def _standard(x: Floats, frame: Linear) -> Floats:
    cut = np.clip(x, np.array(frame.low), np.array(frame.high))
    return np.where(np.isnan(cut), 0.0, (cut - np.array(frame.mean)) / np.array(frame.scale))
