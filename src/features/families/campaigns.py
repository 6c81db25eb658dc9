"""Campaigns: how often, how lately and with what the firm contacted a customer, and when it held one back."""

import numba
import numpy as np
from numpy.typing import NDArray

from lifecycle.features.asof import AsOf
from lifecycle.features.registry import Feature, family

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
Flags = NDArray[np.bool_]

_NO_CODES = np.empty(0, np.int32)
_NO_COST = np.empty(0, np.float64)


@numba.njit(cache=True, nogil=True)
def _campaigns(
    customer: I64,
    offsets: I64,
    day: I32,
    control: Flags,
    treatment: I32,
    n_treatments: int,
    has_treatments: bool,
    cost: F64,
    has_cost: bool,
    as_of: int,
) -> F64:
    out = np.full((7, customer.size), np.nan)
    seen = np.full(n_treatments, -1, np.int64)
    for i in range(customer.size):
        c = customer[i]
        out[0:3, i] = 0.0
        out[4, i] = 0.0
        treatments, spent = 0, 0.0
        for e in range(offsets[c], offsets[c + 1]):
            age = as_of - day[e]
            if age < 0:
                break
            if control[e]:
                out[4, i] += age < 365
                continue
            out[0, i] += age < 30
            out[1, i] += age < 90
            out[2, i] += age < 365
            out[3, i] = age
            if age >= 365:
                continue
            if has_treatments and treatment[e] >= 0 and seen[treatment[e]] != i:
                seen[treatment[e]] = i
                treatments += 1
            if has_cost and not np.isnan(cost[e]):
                spent += cost[e]
        if has_treatments:
            out[5, i] = treatments
        if has_cost:
            out[6, i] = spent
    return out


@family(
    "campaigns",
    Feature("campaign_contacts_30d", "contacts", "contacts by campaigns in the last 30 days"),
    Feature("campaign_contacts_90d", "contacts", "contacts by campaigns in the last 90 days"),
    Feature("campaign_contacts_365d", "contacts", "contacts by campaigns in the last 365 days"),
    Feature("days_since_campaign", "days", "days from the last contact by a campaign to the as-of date"),
    Feature("campaign_controls_365d", "contacts", "contacts held back for a control group in the last 365 days"),
    Feature("campaign_treatments_365d", "treatments", "distinct treatments among the contacts of the last 365 days"),
    Feature("campaign_cost_365d", "money", "what the contacts of the last 365 days cost"),
)
def campaigns(view: AsOf) -> F64 | None:
    """Contacts that the firm made up to the date; whoever was held back for a control group was not contacted."""
    sent = view.history.campaigns
    if sent is None:
        return None
    table: F64 = _campaigns(
        view.customer,
        sent.offsets,
        sent.day,
        sent.control,
        _NO_CODES if sent.treatment is None else sent.treatment.code,
        0 if sent.treatment is None else len(sent.treatment.names),
        sent.treatment is not None,
        _NO_COST if sent.cost is None else sent.cost,
        sent.cost is not None,
        view.as_of,
    )
    return table
