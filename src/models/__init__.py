"""Arrays in, estimates out: value, churn, decline and how far to trust them."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lifecycle.models import btyd, evaluation, forecasting

__all__ = ["btyd", "evaluation", "forecasting"]


def __getattr__(name: str) -> Any:
    """Import a package of models when it is first asked for."""
    if name not in __all__:
        raise AttributeError(f"module 'lifecycle.models' has no attribute {name!r}; it has {', '.join(__all__)}.")
    return importlib.import_module(f"{__name__}.{name}")
