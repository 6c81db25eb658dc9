"""What all models share: named parameters, the certificate of their fit, JSON."""

import json
from abc import ABC
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from lifecycle.models.btyd.fit_certificate import Fit
from lifecycle.models.btyd.inputs import positive

Self = TypeVar("Self", bound="Model")


@dataclass(frozen=True)
class Model(ABC):
    """A frozen value: named parameters and, when fitted, the certificate in ``diagnostics``."""

    name: ClassVar[str]
    symbols: ClassVar[tuple[str, ...]]
    fitted: Fit | None = field(default=None, kw_only=True, repr=False)

    def __post_init__(self) -> None:
        """Refuse parameters that are not positive numbers."""
        for symbol in self.symbols:
            object.__setattr__(self, symbol, positive(symbol, getattr(self, symbol)))

    @property
    def diagnostics(self) -> Fit:
        """Certificate of the fit; raises ``ValueError`` on a model made from given parameters."""
        if self.fitted is None:
            raise ValueError(
                f"this {type(self).__name__} was made from given parameters, so it has no fit to report. "
                f"Use {type(self).__name__}.fit(...) to have one."
            )
        return self.fitted

    @property
    def parameters(self) -> tuple[float, ...]:
        """The parameters in the order of ``symbols``."""
        return tuple(getattr(self, symbol) for symbol in self.symbols)

    @property
    def log_likelihood(self) -> float:
        """Log-likelihood at the parameters, summed over the customers."""
        return self.diagnostics.log_likelihood

    @property
    def n(self) -> float:
        """Customers the model was fitted to (sum of weights)."""
        return self.diagnostics.n

    @property
    def covariance(self) -> npt.NDArray[np.float64]:
        """Covariance of the parameters, in the order of ``symbols``."""
        return np.array(self.diagnostics.covariance)

    @property
    def standard_errors(self) -> dict[str, float]:
        """Standard error of each parameter."""
        return dict(zip(self.symbols, self.diagnostics.standard_errors, strict=True))

    def to_json(self) -> str:
        """The model as a kilobyte of JSON; ``from_json`` gives back an equal value."""
        values: dict[str, Any] = {"model": self.name}
        values |= dict(zip(self.symbols, self.parameters, strict=True))
        values["fit"] = None if self.fitted is None else self.fitted.to_dict()
        return json.dumps(values)

    @classmethod
    def from_json(cls: type[Self], text: str) -> Self:
        """The model that ``to_json`` wrote; ``ValueError`` if the text is of another model."""
        values = json.loads(text)
        if values.get("model") != cls.name:
            raise ValueError(f"{cls.__name__}.from_json reads models named {cls.name!r}, got {values.get('model')!r}.")
        certificate = None if values["fit"] is None else Fit.from_dict(values["fit"])
        return cls(*(values[symbol] for symbol in cls.symbols), fitted=certificate)
