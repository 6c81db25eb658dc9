"""The registered model for users without this project: an MLflow model script that stands on its own.

It imports only LightGBM, NumPy, pandas and the standard library (beside MLflow, which runs it), reads the JSON and the
LightGBM text that were logged, and forecasts as the project does, to rounding. Input: one row a customer with
frequency, recency, T and monetary_value in days and money (missing without a repeat purchase), the registered features,
as_of, the date forecast from (if it is not given, the date that the model was trained for), and, for
decline_probability, eligible and decline_below. Output: churn_probability, decline_probability, p_alive,
expected_purchases and expected_spend, in the order of the input.
"""

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel

Array = np.ndarray[Any, np.dtype[np.float64]]
Answer = dict[str, Array]

EDGE = 1e-6
LEAST, UNDERFLOW = 1e-6, 1e-200
LEGENDRE = np.polynomial.legendre.leggauss(64)
lgamma: Callable[[Any], Array] = np.vectorize(math.lgamma, otypes=[np.float64])


def _expit(z: Array) -> Array:
    small = np.exp(-np.abs(z))
    return np.where(z > 0, 1.0, small) / (1.0 + small)


def _logit(p: Array) -> Array:
    p = np.clip(p, EDGE, 1.0 - EDGE)
    return np.log(p) - np.log1p(-p)


def _given_buying(amount: Array, churn_probability: Array, otherwise: float) -> Array:
    return np.asarray((amount + otherwise * LEAST) / (1.0 - churn_probability + LEAST))


def _jacobi(a: float, b: float, nodes: int = 64) -> tuple[Array, Array]:
    """Nodes and weights for the mean over p ~ Beta(a, b) (Golub and Welsch 1969)."""
    alpha, beta = b - 1.0, a - 1.0  # of the Jacobi weight (1 − z)^alpha (1 + z)^beta, p = (1 + z) / 2
    k = np.arange(nodes, dtype=np.float64)
    both = 2.0 * k + alpha + beta
    with np.errstate(divide="ignore", invalid="ignore"):
        diagonal = (beta**2 - alpha**2) / (both * (both + 2.0))
        j, s = k[1:], both[1:]
        off = 4 * j * (j + alpha) * (j + beta) * (j + alpha + beta) / (s**2 * (s + 1.0) * (s - 1.0))
    diagonal[0] = (beta - alpha) / (alpha + beta + 2.0)
    off[0] = 4.0 * (1.0 + alpha) * (1.0 + beta) / ((alpha + beta + 2.0) ** 2 * (alpha + beta + 3.0))
    values, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(np.sqrt(off), 1) + np.diag(np.sqrt(off), -1))
    return (1.0 + values) / 2.0, vectors[0] ** 2


def _incomplete_beta(a: Array, b: Array, x: Array) -> Array:
    """Regularised incomplete beta function by its continued fraction (Lentz)."""
    turned = x > (a + 1.0) / (a + b + 2.0)
    p, q, z = np.where(turned, b, a), np.where(turned, a, b), np.where(turned, 1.0 - x, x)
    tiny = 1e-300
    c, d = np.ones_like(z), 1.0 - (p + q) * z / (p + 1.0)
    d = 1.0 / np.where(np.abs(d) < tiny, tiny, d)
    fraction = d
    for m in range(1, 400):
        for term in (
            m * (q - m) * z / ((p + 2 * m - 1) * (p + 2 * m)),
            -(p + m) * (p + q + m) * z / ((p + 2 * m) * (p + 2 * m + 1)),
        ):
            d = 1.0 + term * d
            d = 1.0 / np.where(np.abs(d) < tiny, tiny, d)
            c = 1.0 + term / c
            c = np.where(np.abs(c) < tiny, tiny, c)
            fraction = fraction * d * c
        if float(np.max(np.abs(d * c - 1.0), initial=0.0)) < 1e-15:
            break
    with np.errstate(divide="ignore"):
        front = lgamma(p + q) - lgamma(p) - lgamma(q) + p * np.log(z) + q * np.log1p(-z)
    value = np.exp(front) * fraction / p
    return np.asarray(np.where(turned, 1.0 - value, value))


class Purchases:
    """BG/NBD, MBG/NBD or Pareto/NBD of one table of customers, over a horizon."""

    def __init__(self, model: Mapping[str, Any], table: pd.DataFrame, horizon: float) -> None:
        """Take the parameters and the customers' summary."""
        self.model, self.h = model, horizon
        self.x, self.t, self.T = (table[c].to_numpy(np.float64) for c in ("frequency", "recency", "T"))
        self.k, self.A = model["r"] + self.x, model["alpha"] + self.T
        self.pareto = "s" in model
        self.first = 1.0 if model.get("model") == "MBG/NBD" else 0.0
        self.alive = self._alive()

    def _alive(self) -> Array:
        if self.pareto:
            return self._alive_pareto()
        m = self.model
        with np.errstate(divide="ignore"):
            stopped = np.log(m["a"]) - np.log(m["b"] + self.first + np.maximum(self.x - 1.0, -self.first))
        gone = stopped + self.k * np.log1p((self.T - self.t) / (m["alpha"] + self.t))
        return np.where((self.x > 0) | (self.first > 0), _expit(-gone), 1.0)

    def _alive_pareto(self) -> Array:
        """1 / (1 + ∫ s/(β+τ) ((α+T)/(α+τ))^(r+x) ((β+T)/(β+τ))^s dτ over t_x..T), in the log of (α+T)/(α+τ)."""
        m = self.model
        reach = np.log(self.A / (m["alpha"] + self.t))
        start = np.maximum(reach - 60.0 / self.k, 0.0)
        half = (reach - start) / 2.0
        z = start[:, None] + half[:, None] * (LEGENDRE[0] + 1.0)
        tau = self.A[:, None] * np.exp(-z) - m["alpha"]
        B = m["beta"] + tau
        rate = m["s"] * (m["alpha"] + tau) / B * np.exp(m["s"] * np.log((m["beta"] + self.T)[:, None] / B))
        total = (np.exp(self.k[:, None] * (z - reach[:, None])) * rate) @ LEGENDRE[1] * half
        with np.errstate(divide="ignore"):
            return _expit(-(self.k * reach + np.log(total)))

    def counts(self, most: int) -> Array:
        """P(n purchases in the horizon | alive) for n = 0..most (customers, most + 1)."""
        if self.pareto:
            B, s = self.model["beta"] + self.T, self.model["s"]
            tau = self.h * (LEGENDRE[0] + 1.0) / 2.0
            found = np.exp(-s * np.log1p(self.h / B))[:, None] * self._poisson(most, self.h)
            for at, weight in zip(tau, LEGENDRE[1] * self.h / 2.0, strict=True):
                density = s / (B + at) * np.exp(-s * np.log1p(at / B))
                found += weight * density[:, None] * self._poisson(most, at)
            return np.asarray(found)
        a, b = self.model["a"], self.model["b"] + self.x + self.first * 1.0
        n = np.arange(most + 1.0)
        poisson = self._poisson(most, self.h)
        whole = lgamma(a + b)[:, None] - lgamma(b)[:, None] + lgamma(b[:, None] + n)
        stays = np.exp(whole - lgamma(a + b[:, None] + n))
        more = 1.0 - np.concatenate([np.zeros((self.x.size, 1)), np.cumsum(poisson[:, :-1], axis=1)], axis=1)
        before = lgamma(a + b)[:, None] - lgamma(b)[:, None] + lgamma(b[:, None] + np.maximum(n - 1.0, 0.0))
        stops = a * np.exp(before - lgamma(a + b[:, None] + n))
        stops[:, 0] = 0.0
        return np.asarray(stays * poisson + stops * np.maximum(more, 0.0))

    def _poisson(self, most: int, time: float) -> Array:
        """Negative binomial P(n) over a time given alive throughout."""
        n = np.arange(most + 1.0)
        k, share = self.k[:, None], np.log1p(time / self.A)[:, None]
        with np.errstate(divide="ignore"):
            grow = np.log(time) - np.log(self.A + time)
        terms = lgamma(k + n) - lgamma(k) - lgamma(n + 1.0) - k * share
        return np.asarray(np.exp(terms + np.where(n > 0, n * grow[:, None], 0.0)))

    def silent(self) -> Array:
        """P(no purchase in the horizon)."""
        quiet = self.counts(0)[:, 0] if self.pareto else np.exp(-self.k * np.log1p(self.h / self.A))
        return 1.0 - self.alive + self.alive * quiet

    def expected(self) -> Array:
        """Expected purchases in the horizon."""
        m = self.model
        if self.pareto:
            B = m["beta"] + self.T
            span = np.log1p(self.h / B)
            z = (m["s"] - 1.0) * span
            lasting = B * span * np.where(np.abs(z) > 1e-12, -np.expm1(-z) / np.where(z == 0, 1.0, z), 1.0)
            return np.asarray(self.alive * self.k / self.A * lasting)
        out = np.empty(self.x.size)
        for x in np.unique(self.x):
            rows = self.x == x
            p, weight = _jacobi(m["a"], m["b"] + self.first + x)
            c = self.h / self.A[rows]
            out[rows] = (-np.expm1(-(m["r"] + x) * np.log1p(c[:, None] * p)) / p) @ weight
        return self.alive * out


def _column(table: pd.DataFrame, name: str) -> Array:
    return table[name].to_numpy(np.float64) if name in table else np.full(len(table), np.nan)


def _basket(gamma: Mapping[str, Any] | None, mean: float | None, table: pd.DataFrame) -> Array:
    if mean is None:
        return np.full(len(table), np.nan)
    if gamma is None:
        return np.full(len(table), mean)
    x = table["frequency"].to_numpy(np.float64)
    spent = np.where(x > 0, x * np.maximum(np.nan_to_num(_column(table, "monetary_value")), 0.0), 0.0)
    return np.asarray(gamma["p"] * (gamma["v"] + spent) / (gamma["p"] * x + gamma["q"] - 1.0))


def _decline(document: Mapping[str, Any], table: pd.DataFrame, silent: Array) -> Array:
    """P(buys, but spends no more than decline_below), in closed form."""
    out = np.full(len(table), np.nan)
    gamma, limit = document["baskets"]["gamma_gamma"], _column(table, "decline_below")
    rows = np.flatnonzero((_column(table, "eligible") > 0) & np.isfinite(limit))
    if gamma is None or rows.size == 0:
        return out
    part = table.iloc[rows]
    purchases = Purchases(document["purchases"], part, document["horizon"])
    most = 32
    while 1.0 - float(purchases.counts(most).sum(axis=1).min()) > 1e-12 and most < 4096:
        most *= 2
    chance = purchases.counts(most)
    x = part["frequency"].to_numpy(np.float64)
    scale = gamma["v"] + np.where(x > 0, x * np.maximum(np.nan_to_num(_column(part, "monetary_value")), 0.0), 0.0)
    u = limit[rows] / (limit[rows] + scale)
    below = chance[:, 0].copy()
    for n in range(1, most + 1):
        if chance[:, n].max() > 1e-16:
            below += chance[:, n] * _incomplete_beta(np.full(rows.size, gamma["p"] * n), gamma["q"] + gamma["p"] * x, u)
    total = 1.0 - purchases.alive + purchases.alive * np.minimum(below, 1.0)
    out[rows] = np.clip(total - silent[rows], 0.0, 1.0)
    return out


def purchasing(document: Mapping[str, Any], table: pd.DataFrame) -> Answer:
    """Forecast of a buy-till-you-die model."""
    purchases = Purchases(document["purchases"], table, document["horizon"])
    silent, expected = np.clip(purchases.silent(), 0.0, 1.0), purchases.expected()
    basket = _basket(document["baskets"]["gamma_gamma"], document["baskets"]["mean"], table)
    return {
        "churn_probability": silent,
        "decline_probability": _decline(document, table, silent),
        "p_alive": purchases.alive,
        "expected_purchases": expected,
        "expected_spend": expected * basket,
    }


def lifetimes(document: Mapping[str, Any], table: pd.DataFrame) -> Answer:
    """Forecast of the challenger fitted by lifetimes; base rates where it did not converge."""
    n = len(table)
    missing = np.full(n, np.nan)
    bought, count, alive = np.full(n, document["base_rate"][0]), np.full(n, document["base_rate"][1]), missing
    if document["purchases"] is not None:
        model = dict(zip(("r", "alpha", "s", "beta"), document["purchases"], strict=True))
        purchases = Purchases(model, table, document["horizon"])
        bought, count, alive = 1.0 - purchases.silent(), purchases.expected(), purchases.alive
    gamma = None if document["baskets"] is None else dict(zip("pqv", document["baskets"], strict=True))
    return {
        "churn_probability": 1.0 - bought,
        "decline_probability": missing,
        "p_alive": alive,
        "expected_purchases": count,
        "expected_spend": count * _basket(gamma, document["mean"], table),
    }


def naive(document: Mapping[str, Any], table: pd.DataFrame) -> Answer:
    """Base rates of the customer's class."""
    x, t, T = (table[c].to_numpy(np.float64) for c in ("frequency", "recency", "T"))
    row = np.searchsorted((1.0, 2.0, 4.0, 8.0), x, side="right")
    index = row * 5 + np.searchsorted((0.25, 0.5, 1.0, 2.0), (T - t) / document["horizon"], side="left")
    rates = {key: np.array(values, dtype=np.float64)[index] for key, values in document["rates"].items()}
    return {
        "churn_probability": 1.0 - rates["bought"],
        "decline_probability": np.where(_column(table, "eligible") > 0, rates["declining"], np.nan),
        "p_alive": np.full(len(table), np.nan),
        "expected_purchases": rates["purchases"],
        "expected_spend": rates["spend"],
    }


def _matrix(layout: Mapping[str, Any], table: pd.DataFrame, btyd: Answer, basket: Array) -> Array:
    columns = [_column(table, name) for name in layout["numeric"]]
    for name, values in layout["categories"]:
        codes = {value: float(code) for code, value in enumerate(values)}
        given = table[name].astype(object) if name in table else [None] * len(table)
        columns.append(np.array([codes.get(str(v), np.nan) for v in given]))
    columns += [
        np.maximum(1.0 - btyd["churn_probability"], LEAST),
        np.maximum(btyd["p_alive"], LEAST),
        np.maximum(btyd["expected_purchases"], LEAST),
        basket,
        np.maximum(btyd["expected_spend"], LEAST),
    ]
    return np.column_stack(columns)


def _raw(trees: lightgbm.Booster, matrix: Array) -> Array:
    return np.asarray(trees.predict(matrix, raw_score=True), dtype=np.float64)


def boosted(document: Mapping[str, Any], table: pd.DataFrame, trees: Mapping[str, lightgbm.Booster]) -> Answer:
    """Forecast of the boosters."""
    btyd = purchasing(document["btyd"], table)
    expected = btyd["expected_purchases"]
    basket = np.full(len(table), np.nan)
    np.divide(btyd["expected_spend"], expected, out=basket, where=expected > UNDERFLOW)
    matrix = _matrix(document["layout"], table, btyd, basket)
    start = document["start"]
    bought = np.full(len(table), document["base_rate"])
    if "buys" in trees:
        odds = 0.5 * (start["shift"] - _logit(btyd["churn_probability"])) + 0.5 * start["base"]
        bought = _expit(odds + _raw(trees["buys"], matrix))
    each = np.maximum(_given_buying(expected, btyd["churn_probability"], 1.0), 1.0)
    purchases = bought * each
    if "spend" in trees:
        known = np.where(np.isfinite(basket) & (basket > 0), basket, 1.0)
        begun = np.log(known) + np.log(each) + start["spend"]
        spend = bought * np.exp(begun + _raw(trees["spend"], matrix))
    else:
        spend = purchases * basket
    if "declines" in trees:
        given = _expit(start["declines"] + _raw(trees["declines"], matrix))
        decline = np.where(_column(table, "eligible") > 0, bought * given, np.nan)
    else:
        given = _given_buying(btyd["decline_probability"], btyd["churn_probability"], 0.0)
        decline = bought * np.clip(given, 0.0, 1.0)
    return {
        "churn_probability": 1.0 - bought,
        "decline_probability": decline,
        "p_alive": np.full(len(table), np.nan),
        "expected_purchases": purchases,
        "expected_spend": spend,
    }


def _calibrated(calibration: Mapping[str, Any], probability: Array) -> Array:
    kind, values = calibration["kind"], calibration["parameters"]
    if kind == "none":
        return probability
    p = np.clip(probability, EDGE, 1.0 - EDGE)
    if kind == "temperature":
        return _expit(_logit(p) / values[0])
    if kind == "beta":
        return _expit(values[0] * np.log(p) - values[1] * np.log1p(-p) + values[2])
    half = len(values) // 2
    return np.asarray(np.interp(p, values[:half], values[half:]))


def _level(level: Mapping[str, Any], table: pd.DataFrame) -> Answer:
    """What is added on each row's date: the tables go by the week, a date beyond them is taken for a year earlier."""
    day = np.zeros(len(table))
    if "as_of" in table:
        known = pd.to_datetime(table["as_of"]).to_numpy().astype("datetime64[D]").astype(np.float64)
        day = np.maximum(known - level["start"], 0.0)
    weeks = 7.0 * np.arange(len(level["buying"]))
    day = day - np.maximum(np.ceil((day - weeks[-1]) / 365.0), 0.0) * 365.0
    return {name: np.interp(day, weeks, level[name]) for name in ("buying", "purchases", "spend")}


def combined(document: Mapping[str, Any], table: pd.DataFrame, trees: Mapping[str, lightgbm.Booster]) -> Answer:
    """Forecast of the combination."""
    members = [
        boosted(member, table, trees) if member["kind"] == "boosted" else purchasing(member, table)
        for member in document["members"]
    ]
    kinds = [member.get("name", member["kind"]) for member in document["members"]]
    pool = document["pool"]
    weights, amount = (np.array(pool[key]["values"]) for key in ("buys", "amount"))
    correct = _level(pool["level"], table)
    odds = weights @ np.stack([-_logit(m["churn_probability"]) for m in members])
    bought = _calibrated(pool["calibration"], _expit(odds + correct["buying"]))
    purchases = amount @ np.stack([m["expected_purchases"] for m in members]) * np.exp(correct["purchases"])
    sharp = pool["sharpness"]
    spend = amount @ np.stack([m["expected_spend"] for m in members])
    spend = sharp["scale"] * spend ** sharp["exponent"] * np.exp(correct["spend"])
    told = members[-1]
    decline = told["decline_probability"] if kinds[-1] == "boosted" else np.full(len(table), np.nan)
    given = _given_buying(decline, told["churn_probability"], 0.0)
    return {
        "churn_probability": 1.0 - bought,
        "decline_probability": bought * np.clip(given, 0.0, 1.0),
        "p_alive": members[kinds.index("mbgnbd")]["p_alive"],
        "expected_purchases": np.maximum(purchases, bought),
        "expected_spend": spend,
    }


def forecast(document: Mapping[str, Any], trees: Mapping[str, lightgbm.Booster], table: pd.DataFrame) -> pd.DataFrame:
    """Forecast a table with a model of any kind.

    Raises
    ------
    ValueError
        a needed column is missing, or the kind is unknown.
    """
    needed = ["frequency", "recency", "T"]
    lacking = [name for name in needed if name not in table]
    if lacking:
        raise ValueError(f"The input lacks the columns {lacking}; needed are {needed}, and the registered features.")
    kind = document["kind"]
    if kind in ("boosted", "combined"):
        answer = {"boosted": boosted, "combined": combined}[kind](document, table, trees)
    elif kind in ("purchasing", "lifetimes", "naive"):
        answer = {"purchasing": purchasing, "lifetimes": lifetimes, "naive": naive}[kind](document, table)
    else:
        raise ValueError(f"Unknown kind of model {kind!r}.")
    return pd.DataFrame(answer, index=table.index)


def read(paths: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, lightgbm.Booster]]:
    """Read document and boosters from logged artifacts: files by name, or folders that hold them."""
    files: list[Path] = []
    for path in map(Path, paths.values()):
        files += sorted(path.iterdir()) if path.is_dir() else [path]
    document = json.loads(next(f for f in files if f.name == "model.json").read_text("utf-8"))
    return document, {f.stem: lightgbm.Booster(model_file=str(f)) for f in files if f.suffix == ".txt"}


class LifecycleModel(PythonModel):
    """The model as MLflow serves it."""

    def load_context(self, context: Any) -> None:
        """Read the logged files."""
        self.document, self.trees = read(context.artifacts)

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:  # noqa: ARG002
        """Forecast one row a customer."""
        return forecast(self.document, self.trees, model_input)


set_model(LifecycleModel())
