"""The package `lifetimes` itself as a candidate: its Pareto/NBD and Gamma-Gamma, used as its users would."""

import contextlib
import dataclasses
import io
import warnings
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from lifecycle.models.forecasting.candidate import check, check_horizon
from lifecycle.models.forecasting.forecast import FloatArray, Forecast
from lifecycle.models.forecasting.serialization import MODEL, to_json
from lifecycle.models.forecasting.snapshot import Snapshot

SYMBOLS = ("r", "alpha", "s", "beta")
PENALTIES = (0.0, 0.001, 0.01, 0.1)
LARGEST = 50_000  # customers it is fitted to, evenly taken from more: its optimiser needs minutes for a million


def _fitters() -> tuple[Any, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated imports inside the package
        from lifetimes import GammaGammaFitter, ParetoNBDFitter
    return ParetoNBDFitter, GammaGammaFitter


@dataclasses.dataclass(frozen=True)
class FittedLifetimes:
    """Parameters that lifetimes found (time in days), how strongly it had to be penalised, and the mean basket."""

    horizon: int
    purchases: tuple[float, float, float, float] | None
    baskets: tuple[float, float, float] | None
    mean: float | None
    base_rate: tuple[float, float]
    penalty: float
    name: str = "lifetimes"

    def predict(self, snapshot: Snapshot) -> Forecast:
        """Forecast by the package's own methods; where it answers no finite number, the base rate stands in."""
        check_horizon(self, snapshot)
        bought, count = np.full(snapshot.n, np.nan), np.full(snapshot.n, np.nan)
        alive = np.full(snapshot.n, np.nan)
        pareto, gamma = _fitters()
        summary = np.column_stack([snapshot.frequency, snapshot.recency, snapshot.T])
        distinct, back = np.unique(summary, axis=0, return_inverse=True)
        if self.purchases is not None:
            model = pareto()
            model.params_ = dict(zip(SYMBOLS, self.purchases, strict=True))
            model._scale = 1.0
            x, t_x, T = distinct.T
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                count = np.asarray(model.conditional_expected_number_of_purchases_up_to_time(self.horizon, x, t_x, T))[
                    back
                ]
                alive = np.asarray(model.conditional_probability_alive(x, t_x, T))[back]
                none = model.conditional_probability_of_n_purchases_up_to_time(0, self.horizon, x, t_x, T)
            bought = 1.0 - np.asarray(none, dtype=np.float64)[back]
        bought = np.where(np.isfinite(bought), np.clip(bought, 0.0, 1.0), self.base_rate[0])
        count = np.where(np.isfinite(count), count, self.base_rate[1])
        missing = np.full(snapshot.n, np.nan)
        return Forecast(1.0 - bought, missing, alive, count, count * self._basket(snapshot, gamma))

    def _basket(self, snapshot: Snapshot, gamma: Any) -> FloatArray:
        if self.mean is None:
            return np.full(snapshot.n, np.nan)
        if self.baskets is None:
            return np.full(snapshot.n, self.mean)
        model = gamma()
        model.params_ = dict(zip(("p", "q", "v"), self.baskets, strict=True))
        value = np.where(snapshot.frequency > 0, np.maximum(snapshot.monetary_value, 0.0), 0.0)
        return np.asarray(model.conditional_expected_average_profit(snapshot.frequency, value), dtype=np.float64)

    def files(self) -> dict[str, bytes]:
        """Write the parameters."""
        return {MODEL: to_json({"kind": "lifetimes"} | dataclasses.asdict(self))}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """Rebuild from the document in files()."""
        values = {key: value for key, value in document.items() if key != "kind"}
        for key in ("purchases", "baskets", "base_rate"):
            values[key] = None if values[key] is None else tuple(values[key])
        return cls(**values)

    def params(self) -> dict[str, float | str]:
        """Return the parameters."""
        named: dict[str, float | str] = {"penalty": self.penalty}
        if self.purchases is None:
            named["messages"] = "lifetimes did not converge at any penalty; base rates stand in"
        else:
            named |= dict(zip(SYMBOLS, self.purchases, strict=True))
        if self.baskets is not None:
            named |= dict(zip(("gg_p", "gg_q", "gg_v"), self.baskets, strict=True))
        return named


@dataclasses.dataclass(frozen=True)
class Lifetimes:
    """lifetimes' ParetoNBDFitter and GammaGammaFitter; the smallest penalty at which they converge."""

    name: str = "lifetimes"

    def fit(self, snapshots: Sequence[Snapshot], *, seed: int) -> FittedLifetimes:  # noqa: ARG002 (its start is fixed)
        """Fit to the last snapshot, equal customers collapsed into weights; its seed is set and set back."""
        check(snapshots, owner=self.name)
        last = snapshots[-1]
        if last.n > LARGEST:
            last = last.take(np.linspace(0, last.n - 1, LARGEST).astype(np.int64))
        rows, weights = np.unique(np.column_stack([last.frequency, last.recency, last.T]), axis=0, return_counts=True)
        found, penalty = None, PENALTIES[0]
        pareto, gamma = _fitters()
        for penalty in PENALTIES:
            found = _fit_pareto(pareto(penalizer_coef=penalty), rows, weights)
            if found is not None:
                break
        baskets, mean = None, None
        if last.has_money:
            mean = max(float(np.nansum(last.spend)) / float((last.frequency + 1.0).sum()), 0.0)
            repeated = (last.frequency > 0) & (last.monetary_value > 0)
            if int(repeated.sum()) >= 10:
                baskets = _fit_gamma(gamma, last.frequency[repeated], last.monetary_value[repeated])
        ages = float(np.maximum(last.T, 1.0).sum())
        rate = float(last.frequency.sum()) / ages * last.horizon
        return FittedLifetimes(last.horizon, found, baskets, mean, (1.0 - float(np.exp(-rate)), rate), penalty)


def _fit_pareto(fitter: Any, rows: FloatArray, weights: Any) -> tuple[float, float, float, float] | None:
    state = np.random.get_state()  # noqa: NPY002 (the package draws its start from the global generator)
    np.random.seed(0)  # noqa: NPY002
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            with contextlib.redirect_stdout(io.StringIO()):  # it prints the optimiser's state when it fails
                fitter.fit(rows[:, 0], rows[:, 1], rows[:, 2], weights=weights)
    except Exception:  # the package raises ConvergenceError, ValueError or FloatingPointError, depending on the data
        return None
    finally:
        np.random.set_state(state)  # noqa: NPY002
    r, alpha, s, beta = (float(fitter.params_[symbol]) for symbol in SYMBOLS)
    found = (r, alpha, s, beta)
    return found if all(np.isfinite(v) and 0 < v < 1e8 for v in found) else None


def _fit_gamma(gamma: Any, frequency: FloatArray, value: FloatArray) -> tuple[float, float, float] | None:
    for penalty in PENALTIES:
        fitter = gamma(penalizer_coef=penalty)
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                with contextlib.redirect_stdout(io.StringIO()):
                    fitter.fit(frequency, value)
        except Exception:  # as above
            continue
        p, q, v = (float(fitter.params_[symbol]) for symbol in ("p", "q", "v"))
        if q > 1 and np.isfinite(p * v):  # below, the package's expected values are negative
            return p, q, v
    return None
