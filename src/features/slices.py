"""A stretch of neighbouring customers as a history of its own, without copying what they did."""

from collections.abc import Iterator

import numpy as np

from lifecycle.features.history import Campaigns, Codes, History, Interactions, Lines, Payments, Returns


def pieces(history: History, customers: int) -> Iterator[History]:
    """Stretches of at most that many customers, one after the other."""
    for lo in range(0, history.n_customers, customers):
        yield customers_between(history, lo, min(lo + customers, history.n_customers))


def customers_between(history: History, lo: int, hi: int) -> History:
    """History of the customers ``lo`` up to but without ``hi``; arrays are views of the whole's."""
    d0, d1 = int(history.offsets[lo]), int(history.offsets[hi])
    lines, returns = history.lines, history.returns
    l0, l1 = int(lines.offsets[d0]), int(lines.offsets[d1])
    r0, r1 = int(returns.offsets[lo]), int(returns.offsets[hi])

    def cut(array: np.ndarray | None) -> np.ndarray | None:
        return None if array is None else array[l0:l1]

    def cut_codes(codes: Codes | None) -> Codes | None:
        return None if codes is None else Codes(codes.code[l0:l1], codes.names)

    interactions, payments = history.interactions, history.payments
    if interactions is not None:
        e0, e1 = int(interactions.offsets[lo]), int(interactions.offsets[hi])
        interactions = Interactions(
            interactions.offsets[lo : hi + 1] - e0,
            interactions.day[e0:e1],
            Codes(interactions.kind.code[e0:e1], interactions.kind.names),
            interactions.value[e0:e1],
        )
    if payments is not None:
        e0, e1 = int(payments.offsets[lo]), int(payments.offsets[hi])
        payments = Payments(
            payments.offsets[lo : hi + 1] - e0,
            payments.invoiced_day[e0:e1],
            payments.due_day[e0:e1],
            payments.paid_day[e0:e1],
            payments.amount[e0:e1],
        )
    campaigns = history.campaigns
    if campaigns is not None:
        e0, e1 = int(campaigns.offsets[lo]), int(campaigns.offsets[hi])
        treatment, cost = campaigns.treatment, campaigns.cost
        campaigns = Campaigns(
            campaigns.offsets[lo : hi + 1] - e0,
            campaigns.day[e0:e1],
            campaigns.control[e0:e1],
            None if treatment is None else Codes(treatment.code[e0:e1], treatment.names),
            None if cost is None else cost[e0:e1],
        )
    return History(
        customer_id=history.customer_id.slice(lo, hi - lo),
        offsets=history.offsets[lo : hi + 1] - d0,
        day=history.day[d0:d1],
        amount=None if history.amount is None else history.amount[d0:d1],
        void_day=history.void_day[d0:d1],
        lines=Lines(
            offsets=lines.offsets[d0 : d1 + 1] - l0,
            amount=cut(lines.amount),
            void_day=lines.void_day[l0:l1],
            product=cut_codes(lines.product),
            category=cut_codes(lines.category),
            channel=cut_codes(lines.channel),
            quantity=cut(lines.quantity),
            cost=cut(lines.cost),
        ),
        returns=Returns(
            offsets=returns.offsets[lo : hi + 1] - r0,
            day=returns.day[r0:r1],
            event=returns.event[r0:r1],
            target=returns.target[r0:r1] - d0,
            line=returns.line[r0:r1] - l0,
            amount=returns.amount[r0:r1],
        ),
        log_first_day=history.log_first_day,
        log_last_day=history.log_last_day,
        interactions=interactions,
        payments=payments,
        campaigns=campaigns,
        attributes=None if history.attributes is None else history.attributes.slice(lo, hi - lo),
        registered_day=None if history.registered_day is None else history.registered_day[lo:hi],
        closed_day=None if history.closed_day is None else history.closed_day[lo:hi],
    )
