"""What an experienced analyst would remark at first sight of a log, each with its evidence, its effect and a remedy.

Nothing is refused here and no number is changed: what is certain is acted on where rows are read. The dates of all rows
and what each customer has are looked at; of single lines those of the first bucket, which a hash of the id has drawn.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lifecycle.features.records.account import MICRO, REASON_CODES, REASONS
from lifecycle.features.records.netting import NO_CODE
from lifecycle.features.window import UNKNOWN_DAY, to_date, to_day
from lifecycle.pipelines.ingest.segment import read_part, whole
from lifecycle.pipelines.ingest.store import HistoryStore

FEWEST = 20
"""Customers or rows below which nothing can be said of a share."""

NOBODY = (
    "0",
    "-1",
    "-",
    "?",
    "guest",
    "anonymous",
    "unknown",
    "not set",
    "(not set)",
    "none",
    "n.a.",
    "gast",
    "invité",
)
INVISIBLE = "[\u200b-\u200f\u2060\ufeff\u00ad]"


@dataclass(frozen=True, slots=True)
class Remark:
    """One remark: its kind, what was found, and what it does to the result and what helps."""

    kind: str
    evidence: str
    effect: str

    def __str__(self) -> str:
        """The remark as a paragraph."""
        return f"{self.evidence} {self.effect}"


def data_check(store: HistoryStore, today: dt.date) -> tuple[Remark, ...]:
    """Return what is remarkable of a log, the gravest first; nothing for an ordinary one."""
    ids, days, lines = _customers(store)
    return (*_buyers(days), *_ids(ids, lines), *_dates(store, today), *_generations(store), *_lines(store))


def _customers(store: HistoryStore) -> tuple[pa.Array, NDArray[np.int64], NDArray[np.int64]]:
    """Id, purchase days and lines of each customer, of the newest segment that has the customer."""
    ids, days, lines = [], [], []
    for bucket in range(store.n_buckets):
        newer: list[pa.Array] = []
        for segment in reversed(store.manifest.segments):
            found = read_part(store.folder(segment), bucket, "customers", ["customer_id", "days", "lines"])
            mine = whole(found["customer_id"])
            if newer:
                found = found.filter(pc.invert(pc.is_in(mine, pa.concat_arrays(newer))))
            newer.append(mine)
            ids.append(whole(found["customer_id"]))
            days.append(found["days"].to_numpy().astype(np.int64))
            lines.append(found["lines"].to_numpy().astype(np.int64))
    return pa.concat_arrays(ids), np.concatenate(days), np.concatenate(lines)


def _buyers(days: NDArray[np.int64]) -> Iterator[Remark]:
    """Nobody, or hardly anybody, bought on two days."""
    buyers, again = int((days > 0).sum()), int((days > 1).sum())
    if buyers >= FEWEST and again < 0.01 * buyers:
        none = "No customer bought on two days" if again == 0 else f"Only {again:,} customers bought on two days"
        yield Remark(
            "one row a customer",
            f"{none} ({buyers:,} have a purchase).",
            "Is this a table with one row a customer, or are the ids those of orders? Neither a rhythm nor a value "
            "can be learned from it: name the column with the customers' own ids, and one row a purchase.",
        )


def _ids(ids: pa.Array, lines: NDArray[np.int64]) -> Iterator[Remark]:
    """One id with a large share of all lines, and ids that differ in nothing that a person sees."""
    total = int(lines.sum())
    if len(ids) and total >= FEWEST:
        order = np.argsort(lines)[::-1][:2]
        first, second = int(lines[order[0]]), int(lines[order[1]]) if order.size > 1 else 0
        name = str(ids[int(order[0])].as_py())
        nobody = name.strip().lower() in NOBODY
        if (first >= 0.05 * total and first >= 5 * max(second, 1)) or (
            nobody and first >= 0.02 * total and first > second
        ):
            yield Remark(
                "one large id",
                f"One customer holds {first / total:.0%} of all lines: {name!r} ({first:,} of {total:,}).",
                "Are guests or a till behind it? They count as one heavy buyer. Leave these rows out, or their id "
                "empty.",
            )
    if pa.types.is_string(ids.type):
        plain = pc.utf8_lower(pc.utf8_normalize(pc.replace_substring_regex(ids, INVISIBLE, ""), "NFKC"))
        twins = len(ids) - len(pc.unique(plain))
        if twins:
            counts = pc.value_counts(plain)
            one = counts.filter(pc.greater(counts.field("counts"), 1))[0]["values"].as_py()
            pair = ids.filter(pc.equal(plain, one)).to_pylist()[:2]
            yield Remark(
                "ids alike",
                f"{twins:,} customers differ from another only in capitals, invisible signs or the form of letters, "
                f"such as {pair[0]!r} and {pair[1]!r}.",
                "If they are one customer, each half looks new: join them by an id map, or fold the ids in a query "
                "(lower(trim(id))).",
            )


def _dates(store: HistoryStore, today: dt.date) -> Iterator[Remark]:
    """Days far from all others, still to come, with a large share of the rows, or a long time without any."""
    ledger = store.manifest.the_ledger()
    used = np.isin(
        ledger.reason, [REASON_CODES[r] for r, (status, _) in REASONS.items() if status in ("used", "netted")]
    )
    mine = used & (ledger.day != UNKNOWN_DAY)
    day, place = np.unique(ledger.day[mine], return_inverse=True)
    rows = np.bincount(place, ledger.rows[mine], minlength=day.size)
    total = rows.sum()
    if total < FEWEST:
        return
    ahead = day > to_day(today) + 1
    if ahead.any():
        yield Remark(
            "days to come",
            f"{int(rows[ahead].sum()):,} rows are dated after today, the latest {to_date(int(day[-1]))}.",
            "Nothing is scored as of a day that is still to come: set [time] as_of, or mend these dates.",
        )
        day, rows = day[~ahead], rows[~ahead]
    gaps = np.diff(day)
    far = np.zeros(day.size, np.bool_)
    for cut in np.flatnonzero(gaps > 3 * 365):
        before = rows[: cut + 1].sum()
        if before < 0.05 * total:
            far[: cut + 1] = True
        elif total - before < 0.05 * total:
            far[cut + 1 :] = True
    if far.any():
        some = ", ".join(str(to_date(int(one))) for one in day[far][:3])
        yield Remark(
            "days apart",
            f"{int(rows[far].sum()):,} rows are dated years apart from all others: {some}.",
            "Placeholders for missing dates, or mistyped ones, stretch the log and make everybody look gone: leave "
            "these rows out, or their date empty.",
        )
        day, rows = day[~far], rows[~far]
        gaps = np.diff(day)
    usual = float(np.median(gaps)) if gaps.size else 1.0
    for cut in np.flatnonzero((gaps > 60) & (gaps > 20 * usual))[:1]:
        yield Remark(
            "a time without rows",
            f"There is no row between {to_date(int(day[cut]))} and {to_date(int(day[cut + 1]))}.",
            "If an export is missing, everybody seems to have paused then: add it.",
        )
    if day.size >= 30 and rows.max() >= 0.1 * total and rows.max() >= 10 * np.median(rows):
        one = int(np.argmax(rows))
        yield Remark(
            "one heavy day",
            f"{rows[one] / total:.0%} of all rows are dated {to_date(int(day[one]))}.",
            "Is it the day of a migration or of a booking, and not of the purchases? It then hides each customer's "
            "rhythm.",
        )


def _generations(store: HistoryStore) -> Iterator[Remark]:
    """A day over which hardly any id goes on: ids were given anew."""
    history = store.read(0, with_lines=False)
    has = np.diff(history.offsets) > 1
    first, last = history.day[history.offsets[:-1][has]], history.day[history.offsets[1:][has] - 1]
    if first.size < 5 * FEWEST:
        return
    day = np.arange(first.min() + 60, last.max() - 60)
    before = np.searchsorted(np.sort(last), day)
    after = first.size - np.searchsorted(np.sort(first), day)
    over = first.size - before - after
    cut = np.flatnonzero((over < 0.01 * first.size) & (np.minimum(before, after) > 0.2 * first.size))
    if cut.size:
        one = int(cut[np.argmin(over[cut])])
        yield Remark(
            "ids given anew",
            f"Hardly any customer who bought before {to_date(int(day[one]))} bought after it "
            f"({over[one]:,} of {first.size:,} with two purchase days).",
            "Were ids given anew then? Every customer is lost and new at once: join old and new ids by an id map.",
        )


def _lines(store: HistoryStore) -> Iterator[Remark]:
    """Equal rows, totals of orders on every line, and amounts far above all others."""
    m = store.manifest
    files = len(m.inputs.get("transactions", ()))
    if files > 1 and m.equal_rows_kept:
        yield Remark(
            "equal rows",
            f"{m.equal_rows_kept:,} rows equal another in every column, and came in {files} files.",
            "Do the exports overlap? These purchases count twice. Name order_id, so that equal lines are netted, or "
            "export without overlap.",
        )
    wanted = ["value", *(["order_key"] if m.columns.order else []), *[c for c in m.columns.optional if c == "product"]]
    parts = [read_part(store.folder(segment), 0, "lines", wanted) for segment in m.segments]
    table = pa.concat_tables(parts)
    value = table["value"].to_numpy()
    if m.columns.order:
        yield from _orders(table, value, files, has_money=m.columns.money)
    bought = value[value > 0]
    if m.columns.money and bought.size >= 5 * FEWEST:
        middle = float(np.median(bought))
        huge = bought[bought > 1_000 * middle]
        if huge.sum() > 0.1 * bought.sum():
            yield Remark(
                "huge amounts",
                f"{huge.size:,} amounts above a thousand times the median ({middle / MICRO:,.2f}) make "
                f"{huge.sum() / bought.sum():.0%} of all, the largest {huge.max() / MICRO:,.2f}.",
                "Are they mistyped, or in another unit? They rule every value.",
            )


def _orders(table: pa.Table, value: NDArray[np.int64], files: int, *, has_money: bool) -> Iterator[Remark]:
    """Orders all of whose lines have one amount, and orders that stand in two files."""
    key = table["order_key"].to_numpy()
    named = np.flatnonzero(key != NO_CODE)
    order = named[np.lexsort((value[named], key[named]))]
    key, value = key[order], value[order]
    starts = np.flatnonzero(np.diff(key, prepend=key[:1] - 1))
    sizes = np.diff(np.append(starts, key.size))
    several = starts[sizes > 1]
    ends = several + sizes[sizes > 1] - 1
    alike = value[several] == value[ends]
    if files > 1 and several.size and alike.any():
        yield Remark(
            "orders twice",
            f"{int(alike.sum()):,} orders have lines of the same amount, and the log came in {files} files.",
            "If an order stands in two exports with another status, it counts twice: export without overlap, or keep "
            "the latest of each order by a query.",
        )
    elif has_money and several.size >= 4 and alike.mean() > 0.95 and np.unique(value[several]).size > 1:
        yield Remark(
            "totals on every line",
            f"All lines of {int(alike.sum()):,} of {several.size:,} orders with several lines have the same amount.",
            "Is it the order's total, repeated on every line? It then counts once a line: name the line's own "
            "amount, or take one row per order by a query.",
        )
