"""Interactions: contacts, visits, complaints and satisfaction."""

import numba
import numpy as np
from numpy.typing import NDArray

from lifecycle.features.asof import AsOf
from lifecycle.features.registry import Feature, family

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

KINDS = ("visit", "service", "complaint", "survey")
"""Kinds with a meaning of their own; others count as contacts only. The value of a survey is satisfaction."""


@numba.njit(cache=True, nogil=True)
def _interactions(customer: I64, offsets: I64, day: I32, kind: I32, value: F64, as_of: int) -> F64:
    out = np.full((12, customer.size), np.nan)
    for i in range(customer.size):
        c = customer[i]
        out[0:3, i] = 0.0
        out[4:8, i] = 0.0
        scores, total = 0, 0.0
        for e in range(offsets[c], offsets[c + 1]):
            age = as_of - day[e]
            if age < 0:
                break
            out[0, i] += age < 30
            out[1, i] += age < 90
            out[2, i] += age < 365
            out[3, i] = age
            if kind[e] == 0:
                out[4, i] += age < 30
            elif kind[e] == 1:
                out[5, i] += age < 90
            elif kind[e] == 2:
                out[6, i] += age < 90
                out[7, i] += age < 365
                out[8, i] = age
            elif kind[e] == 3 and not np.isnan(value[e]):
                scores += 1
                total += value[e]
                out[9, i] = value[e]
                out[11, i] = age
        if scores > 0:
            out[10, i] = total / scores
    return out


@family(
    "interactions",
    Feature("contacts_30d", "events", "interactions of any kind in the last 30 days"),
    Feature("contacts_90d", "events", "interactions of any kind in the last 90 days"),
    Feature("contacts_365d", "events", "interactions of any kind in the last 365 days"),
    Feature("days_since_contact", "days", "days from the last interaction of any kind to the as-of date"),
    Feature("visits_30d", "events", "visits in the last 30 days"),
    Feature("services_90d", "events", "service contacts in the last 90 days"),
    Feature("complaints_90d", "events", "complaints in the last 90 days"),
    Feature("complaints_365d", "events", "complaints in the last 365 days"),
    Feature("days_since_complaint", "days", "days from the last complaint to the as-of date"),
    Feature("satisfaction_last", "score", "value of the last survey"),
    Feature("satisfaction_mean", "score", "mean value of the surveys"),
    Feature("days_since_survey", "days", "days from the last survey with a value to the as-of date"),
)
def interactions(view: AsOf) -> F64 | None:
    """Interactions up to the date."""
    events = view.history.interactions
    if events is None:
        return None
    names = [str(name).strip().lower() for name in events.kind.names.to_pylist()]
    known = np.array([*(KINDS.index(name) if name in KINDS else -1 for name in names), -1], np.int32)
    table: F64 = _interactions(
        view.customer, events.offsets, events.day, known[events.kind.code], events.value, view.as_of
    )
    return table
