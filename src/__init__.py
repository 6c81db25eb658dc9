"""From a firm's raw customer records to value, risk, lifecycle stage and whom to keep first.

>>> import lifecycle as lc
>>> history = lc.History.from_frame(lc.datasets.cdnow_sample(), timestamp="date")
>>> lc.summarise(history, "1997-09-30")["frequency"].sum()
np.float64(2457.0)
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lifecycle import datasets, models
    from lifecycle.features.history import History
    from lifecycle.features.rfm import summarise
    from lifecycle.features.window import Window

__all__ = ["History", "Window", "datasets", "models", "summarise"]

_PLACES = {"History": "features.history", "Window": "features.window", "summarise": "features.rfm"}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that `import lifecycle` costs nothing."""
    if name not in __all__:
        raise AttributeError(f"module 'lifecycle' has no attribute {name!r}; it has {', '.join(__all__)}.")
    if name not in _PLACES:
        return importlib.import_module(f"{__name__}.{name}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    """The public names, for tab completion."""
    return sorted(__all__)
