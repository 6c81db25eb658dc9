"""Join histories of different customers into one, and take customers out of one."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numba
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lifecycle.features.history import Campaigns, Codes, History, Interactions, Lines, Payments, Returns

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
T = TypeVar("T")


@numba.njit(cache=True, nogil=True)
def gather(offsets: I64, chosen: I64) -> tuple[I64, I64]:
    """Rows and new offsets of the slices of ``chosen`` customers, in that order."""
    out = np.zeros(chosen.size + 1, np.int64)
    for i in range(chosen.size):
        out[i + 1] = out[i] + offsets[chosen[i] + 1] - offsets[chosen[i]]
    rows = np.empty(out[-1], np.int64)
    for i in range(chosen.size):
        first = offsets[chosen[i]]
        for k in range(out[i + 1] - out[i]):
            rows[out[i] + k] = first + k
    return rows, out


def take(history: History, chosen: I64) -> History:
    """History of the chosen customers (positions, each at most once), in that order."""
    chosen = np.ascontiguousarray(chosen, np.int64)
    rows, offsets = gather(history.offsets, chosen)
    line_rows, line_offsets = gather(history.lines.offsets, rows)
    link_rows, link_offsets = gather(history.returns.offsets, chosen)
    new_row = np.empty(history.day.size, np.int64)
    new_row[rows] = np.arange(rows.size)
    new_line = np.empty(int(history.lines.offsets[-1]), np.int64)
    new_line[line_rows] = np.arange(line_rows.size)
    lines, returns = history.lines, history.returns
    places = pa.array(chosen)
    interactions, payments = history.interactions, history.payments
    if interactions is not None:
        event_rows, event_offsets = gather(interactions.offsets, chosen)
        interactions = Interactions(
            event_offsets,
            interactions.day[event_rows],
            Codes(interactions.kind.code[event_rows], interactions.kind.names),
            interactions.value[event_rows],
        )
    if payments is not None:
        event_rows, event_offsets = gather(payments.offsets, chosen)
        payments = Payments(
            event_offsets,
            payments.invoiced_day[event_rows],
            payments.due_day[event_rows],
            payments.paid_day[event_rows],
            payments.amount[event_rows],
        )
    campaigns = history.campaigns
    if campaigns is not None:
        event_rows, event_offsets = gather(campaigns.offsets, chosen)
        campaigns = Campaigns(
            event_offsets,
            campaigns.day[event_rows],
            campaigns.control[event_rows],
            _maybe(campaigns.treatment, lambda c: Codes(c.code[event_rows], c.names)),
            _maybe(campaigns.cost, lambda a: a[event_rows]),
        )
    return History(
        customer_id=history.customer_id.take(places),
        offsets=offsets,
        day=history.day[rows],
        amount=_maybe(history.amount, lambda a: a[rows]),
        void_day=history.void_day[rows],
        lines=Lines(
            offsets=line_offsets,
            amount=_maybe(lines.amount, lambda a: a[line_rows]),
            void_day=lines.void_day[line_rows],
            product=_maybe(lines.product, lambda c: Codes(c.code[line_rows], c.names)),
            category=_maybe(lines.category, lambda c: Codes(c.code[line_rows], c.names)),
            channel=_maybe(lines.channel, lambda c: Codes(c.code[line_rows], c.names)),
            quantity=_maybe(lines.quantity, lambda a: a[line_rows]),
            cost=_maybe(lines.cost, lambda a: a[line_rows]),
        ),
        returns=Returns(
            offsets=link_offsets,
            day=returns.day[link_rows],
            event=returns.event[link_rows],
            target=new_row[returns.target[link_rows]],
            line=new_line[returns.line[link_rows]],
            amount=returns.amount[link_rows],
        ),
        log_first_day=history.log_first_day,
        log_last_day=history.log_last_day,
        interactions=interactions,
        payments=payments,
        campaigns=campaigns,
        attributes=_maybe(history.attributes, lambda t: t.take(places)),
        registered_day=_maybe(history.registered_day, lambda a: a[chosen]),
        closed_day=_maybe(history.closed_day, lambda a: a[chosen]),
        account=history.account,
    )


def concatenate(parts: Sequence[History]) -> History:
    """One history of several with different customers and the same columns, sorted by id."""
    if len(parts) == 1:
        return parts[0]
    days = np.cumsum([0, *(p.day.size for p in parts)])
    n_lines = np.cumsum([0, *(int(p.lines.offsets[-1]) for p in parts)])
    joined = History(
        customer_id=pa.concat_arrays([p.customer_id for p in parts]),
        offsets=_offsets([p.offsets for p in parts]),
        day=np.concatenate([p.day for p in parts]),
        amount=_all([p.amount for p in parts], np.concatenate),
        void_day=np.concatenate([p.void_day for p in parts]),
        lines=Lines(
            offsets=_offsets([p.lines.offsets for p in parts]),
            amount=_all([p.lines.amount for p in parts], np.concatenate),
            void_day=np.concatenate([p.lines.void_day for p in parts]),
            product=_all([p.lines.product for p in parts], join_codes),
            category=_all([p.lines.category for p in parts], join_codes),
            channel=_all([p.lines.channel for p in parts], join_codes),
            quantity=_all([p.lines.quantity for p in parts], np.concatenate),
            cost=_all([p.lines.cost for p in parts], np.concatenate),
        ),
        returns=Returns(
            offsets=_offsets([p.returns.offsets for p in parts]),
            day=np.concatenate([p.returns.day for p in parts]),
            event=np.concatenate([p.returns.event for p in parts]),
            target=np.concatenate([p.returns.target + shift for p, shift in zip(parts, days, strict=False)]),
            line=np.concatenate([p.returns.line + shift for p, shift in zip(parts, n_lines, strict=False)]),
            amount=np.concatenate([p.returns.amount for p in parts]),
        ),
        log_first_day=min(p.log_first_day for p in parts),
        log_last_day=max(p.log_last_day for p in parts),
        interactions=_all([p.interactions for p in parts], _join_interactions),
        payments=_all([p.payments for p in parts], _join_payments),
        campaigns=_all([p.campaigns for p in parts], _join_campaigns),
        attributes=_all([p.attributes for p in parts], pa.concat_tables),
        registered_day=_all([p.registered_day for p in parts], np.concatenate),
        closed_day=_all([p.closed_day for p in parts], np.concatenate),
        account=parts[0].account,
    )
    return take(joined, pc.sort_indices(joined.customer_id).to_numpy().astype(np.int64))


def join_codes(parts: Sequence[Codes]) -> Codes:
    """One column of codes from several with names of their own, names sorted."""
    names = pc.unique(pa.concat_arrays([p.names for p in parts]))
    names = names.take(pc.sort_indices(names))
    pieces = []
    for part in parts:
        place = np.append(pc.index_in(part.names, names).to_numpy().astype(np.int32), np.int32(-1))
        pieces.append(place[part.code])
    return Codes(np.concatenate(pieces), names)


def _join_interactions(parts: Sequence[Interactions]) -> Interactions:
    return Interactions(
        _offsets([p.offsets for p in parts]),
        np.concatenate([p.day for p in parts]),
        join_codes([p.kind for p in parts]),
        np.concatenate([p.value for p in parts]),
    )


def _join_payments(parts: Sequence[Payments]) -> Payments:
    return Payments(
        _offsets([p.offsets for p in parts]),
        np.concatenate([p.invoiced_day for p in parts]),
        np.concatenate([p.due_day for p in parts]),
        np.concatenate([p.paid_day for p in parts]),
        np.concatenate([p.amount for p in parts]),
    )


def _join_campaigns(parts: Sequence[Campaigns]) -> Campaigns:
    return Campaigns(
        _offsets([p.offsets for p in parts]),
        np.concatenate([p.day for p in parts]),
        np.concatenate([p.control for p in parts]),
        _all([p.treatment for p in parts], join_codes),
        _all([p.cost for p in parts], np.concatenate),
    )


def _offsets(parts: Sequence[I64]) -> I64:
    sizes = np.concatenate([np.diff(p) for p in parts])
    out = np.zeros(sizes.size + 1, np.int64)
    np.cumsum(sizes, out=out[1:])
    return out


def _all(values: Sequence[T | None], join: Callable[[Sequence[T]], T]) -> T | None:
    present = [v for v in values if v is not None]
    if present and len(present) != len(values):
        raise ValueError(
            f"concatenate: {len(values) - len(present)} of {len(values)} parts lack a column that others have."
        )
    return join(present) if present else None


def _maybe(value: T | None, change: Callable[[T], T]) -> T | None:
    return None if value is None else change(value)
