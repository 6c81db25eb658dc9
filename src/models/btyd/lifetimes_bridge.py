"""Hand a fitted model to ``lifetimes``: its fitters, so that its plots and code written for it keep working."""

import warnings
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from lifecycle.models.btyd.inputs import Floats


def lifetimes_package() -> ModuleType:
    """The ``lifetimes`` package; it touches a deprecated option of pandas when imported, which only it can mend."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return import_module("lifetimes")


def as_fitter(
    class_name: str,
    simulator: str | None,
    parameters: dict[str, float],
    log_likelihood: float,
    columns: dict[str, Floats] | None,
) -> Any:
    """A fitter of ``lifetimes`` that behaves as if it had been fitted; with ``columns``, its data for plots.

    ``log_likelihood`` is a customer's mean, NaN where unknown.
    """
    fitter = getattr(lifetimes_package(), class_name)()
    fitter.params_ = pd.Series(parameters)
    fitter._scale = 1.0
    fitter._negative_log_likelihood_ = -log_likelihood
    fitter._hessian_ = None
    if hasattr(fitter, "conditional_expected_number_of_purchases_up_to_time"):
        fitter.predict = fitter.conditional_expected_number_of_purchases_up_to_time
    if columns is not None:
        fitter.data = pd.DataFrame({name: np.array(values) for name, values in columns.items()})
        if "frequency" in fitter.data:
            fitter.data["frequency"] = fitter.data["frequency"].astype(int)
        if simulator is not None:
            simulate = getattr(import_module("lifetimes.generate_data"), simulator)
            ages = fitter.data["T"].to_numpy()
            fitter.generate_new_data = lambda size=1: simulate(ages, *parameters.values(), size=size)
    return fitter
