"""A customer's own numbers, from which sentences are made: the features, what lay before, and the base's to compare."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lifecycle.features.asof import AsOf
from lifecycle.features.families.windows import WINDOWS
from lifecycle.features.history import History
from lifecycle.features.window import NEVER
from lifecycle.words.drivers.forms import Said, known, money, number

TELLING = 0.25
"""Share of a window from which the time before it can be compared with it."""

Floats = NDArray[np.float64]


class NotKnownError(Exception):
    """A number that a sentence needs is missing; the sentence then says so."""


@dataclass(frozen=True)
class Terms:
    """What is the same for all customers.

    Attributes
    ----------
    as_of, horizon : dt.date
        end of what was known, days ahead that are forecast.
    r, alpha : float
        of the stage policy: an own usual gap is (alpha + recency) / (r + frequency) days.
    currency : str
        sign or code of money.
    medians : Mapping[str, float]
        by feature, the number that half of a sample of all customers do not exceed; may be empty.
    """

    as_of: dt.date
    horizon: int
    r: float
    alpha: float
    currency: str = ""
    medians: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Own:
    """One customer's numbers by name; text for categories. What is missing is NaN or None."""

    facts: Mapping[str, object]
    terms: Terms

    def get(self, name: str) -> float:
        """Return a number, NaN where it is missing."""
        value = self.facts.get(name)
        return float(value) if isinstance(value, int | float | np.number) else float("nan")

    def __getitem__(self, name: str) -> float:
        """Return a number that must be there."""
        value = self.get(name)
        if not known(value):
            raise NotKnownError(name)
        return value

    def text(self, name: str) -> str:
        """Return a category that must be there."""
        value = self.facts.get(name)
        if not isinstance(value, str) or not value:
            raise NotKnownError(name)
        return value

    def money(self, value: float) -> str:
        """Return an amount in the log's currency."""
        if not known(value):
            raise NotKnownError("amount")
        return money(value, self.terms.currency)

    @property
    def purchases(self) -> float:
        """Purchase days so far."""
        return self["frequency"] + 1

    @property
    def silence(self) -> float:
        """Days since the last purchase."""
        return self["T"] - self["recency"]

    @property
    def usual_gap(self) -> float:
        """Own gap between purchase days, that of the base for whoever bought once."""
        return (self.terms.alpha + self["recency"]) / (self.terms.r + self["frequency"])

    def before(self, window: int) -> float:
        """Days of the window before a trailing one that were spent as a customer; 0 where they are too few to tell."""
        days = min(float(window), self["T"] + 1 - window)
        return days if days >= TELLING * window else 0.0

    @property
    def first_day(self) -> dt.date:
        """Day of the first purchase."""
        return self.terms.as_of - dt.timedelta(days=round(self["T"]))

    def median(self, name: str, show: Callable[[float], str] = number) -> Said:
        """Return what is usual among all customers, in brackets; nothing where it is not known."""
        value = self.terms.medians.get(name, float("nan"))
        if not known(value):
            return Said("", "")
        return Said(f" (median customer {show(value)})", f"（客户中位数 {show(value)}）")


def own_numbers(history: History, features: pd.DataFrame, terms: Terms) -> list[Own]:
    """Return the numbers of each customer with a purchase by `terms.as_of`, in the order of the history.

    Parameters
    ----------
    history : History
        the customers.
    features : pd.DataFrame
        `features.table.frame(history, terms.as_of)`: one row a customer.
    terms : Terms
        what is the same for all.
    """
    view = AsOf.of(history, terms.as_of)
    further = _before(view) | _halves(view) | _invoices(view)
    table = pd.concat([features, pd.DataFrame(further, index=features.index)], axis=1)
    columns = {str(name): _plain(table[name]) for name in table.columns}
    return [Own(dict(zip(columns, row, strict=True)), terms) for row in zip(*columns.values(), strict=True)]


def medians_of(features: pd.DataFrame) -> dict[str, float]:
    """Return the medians of numeric features, of those customers who have a number at all."""
    numeric = features.select_dtypes("number")
    return {str(name): float(value) for name, value in numeric.median().items() if known(float(value))}


def _plain(column: "pd.Series[float]") -> list[object]:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return [value if isinstance(value, str) else None for value in column]
    return list(column.to_numpy(np.float64).tolist())


def _before(view: AsOf) -> dict[str, Floats]:
    """Purchase days and amounts of the window before each trailing window, (as_of − 2w, as_of − w]."""
    owner = np.repeat(np.arange(view.n), np.diff(view.offsets))
    age = view.as_of - view.day
    found = {}
    for days in WINDOWS:
        rows = np.flatnonzero((age >= days) & (age < 2 * days))
        found[f"purchases_before_{days}d"] = np.bincount(owner[rows], minlength=view.n).astype(np.float64)
        if view.amount.size:
            spent = np.bincount(owner[rows], weights=view.amount[rows], minlength=view.n)
            found[f"spend_before_{days}d"] = np.round(spent, 6)
    return found


def _halves(view: AsOf) -> dict[str, Floats]:
    """Mean amount and mean gap of the earlier and of the later half; one in the middle belongs to neither."""
    count = np.diff(view.offsets)
    place = np.arange(view.day.size) - np.repeat(view.offsets[:-1], count)
    gap = np.diff(view.day, prepend=0).astype(np.float64)
    found = _two_halves("gap", gap[place > 0], count - 1)
    return found | _two_halves("amount", view.amount, count) if view.amount.size else found


def _two_halves(name: str, value: Floats, count: NDArray[np.int64]) -> dict[str, Floats]:
    owner = np.repeat(np.arange(count.size), count)
    place = np.arange(value.size) - np.repeat(np.cumsum(count) - count, count)
    half = count // 2
    found = {}
    for part, rows in (("earlier", place < half[owner]), ("later", place >= (count - half)[owner])):
        total = np.bincount(owner[rows], weights=value[rows], minlength=count.size)
        found[f"{name}_{part}"] = np.divide(total, half, out=np.full(count.size, np.nan), where=half > 0)
    return found


def _invoices(view: AsOf) -> dict[str, Floats]:
    """How many invoices can be judged, that is, were paid or due, and how many of them were late."""
    bills, n = view.history.payments, view.history.n_customers
    if bills is None:
        return {}
    owner = np.repeat(np.arange(n), np.diff(bills.offsets))
    paid = bills.paid_day <= view.as_of
    due = (bills.due_day != NEVER) & (paid | (bills.due_day < view.as_of))
    judged = due & (bills.invoiced_day <= view.as_of)
    late = judged & (np.where(paid, bills.paid_day, view.as_of) > bills.due_day)
    counts = {"invoices_judged": judged, "invoices_late": late}
    return {
        name: np.bincount(owner[rows], minlength=n)[view.customer].astype(np.float64) for name, rows in counts.items()
    }
