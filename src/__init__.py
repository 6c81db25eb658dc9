"""From a firm's raw customer records to value, risk, lifecycle stage and whom to keep first.

A log of transactions becomes a history, a history teaches a model, the model scores every customer, and a plan says
whom to act on within a budget. Dates may be text, `date` or Timestamp; frames may be pandas, Polars or Arrow.

>>> import lifecycle as lc
>>> history = lc.History.from_frame(lc.datasets.cdnow_sample(), timestamp="date")
>>> lc.summarise(history, "1997-09-30")["frequency"].sum()
np.float64(2457.0)
>>> model = lc.train(history, as_of="1998-03-31", horizon_days=90, candidates=["naive", "mbgnbd"])
>>> scores = model.score()
>>> plan = lc.plan(scores, budget=50, contact_cost=1.0)
>>> bool(plan.summary.spent <= 50)
True

`model.compare()` and `model.plot.calibration()` show how the candidates did on customers and days they had not seen;
`lc.explain(plan, customer)` tells one customer's story, `plan.to_excel(path)` and `lc.report(plan, path)` write the
list. The probability models are in `lc.models.btyd`; the command `lifecycle` does the same from a configuration file.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lifecycle import datasets, models
    from lifecycle.features.history import History
    from lifecycle.features.rfm import summarise
    from lifecycle.features.window import Window
    from lifecycle.retention_plan import explain, plan, report
    from lifecycle.trained_model import train

__all__ = ["History", "Window", "datasets", "explain", "models", "plan", "report", "summarise", "train"]

_PLACES = {
    "History": "features.history",
    "Window": "features.window",
    "explain": "retention_plan",
    "plan": "retention_plan",
    "report": "retention_plan",
    "summarise": "features.rfm",
    "train": "trained_model",
}


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
