"""Customers against their own past: the reference period before a date, and the horizon after it, customer by customer.

The compiled rules that outcomes, the base's levels and the noise floor share.
"""

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from lifecycle.features.asof import AsOf
from lifecycle.features.window import Window

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

REFERENCE_DAYS = 365
"""Longest reference period before the as-of date (or one horizon, if that is longer)."""

ELIGIBLE_FROM = 3.0
"""Expected purchase days in the horizon from which decline can be told from chance."""


@dataclass(frozen=True, slots=True)
class RateReference:
    """Gamma(r, alpha) of the base's purchase rates, in days: own rate = (r + x_ref) / (alpha + T_ref)."""

    r: float
    alpha: float

    def __post_init__(self) -> None:
        """Refuse what is no gamma distribution."""
        if not (self.r > 0 and self.alpha > 0 and np.isfinite(self.r) and np.isfinite(self.alpha)):
            raise ValueError(
                f"RateReference: r and alpha must be positive and finite, got r={self.r}, alpha={self.alpha}."
            )


def reference_span(horizon: int) -> int:
    """Longest reference period for a horizon: 365 days, or the horizon if that is longer."""
    return max(REFERENCE_DAYS, horizon)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _past(
    offsets: I64,
    day: I32,
    amount: F64,
    as_of: int,
    horizon: int,
    span: int,
    r: float,
    alpha: float,
    expected: F64,
    exposure: F64,
    eligible: NDArray[np.bool_],
    number: I64,
    total: F64,
) -> None:
    """Fill the entries of :class:`Past`."""
    money = amount.size > 0
    for c in range(offsets.size - 1):
        lo, hi = offsets[c], offsets[c + 1]
        length = min(as_of - day[lo], span)
        x, at, spent = 0, hi, 0.0
        while at > lo:
            age = as_of - day[at - 1]
            if age > length or (age == length and at - 1 > lo):
                break
            at -= 1
            x += age < length
            if money:
                spent += amount[at]
        exposure[c] = alpha + length
        expected[c] = (r + x) / exposure[c] * horizon
        eligible[c] = money and length >= horizon and expected[c] >= ELIGIBLE_FROM
        number[c] = hi - at if money else 0
        total[c] = spent


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _about_mean(amount: F64, hi: int, number: int, total: float) -> float:
    """Sum of squares of a customer's last baskets about their mean."""
    mean, squares = total / number, 0.0
    for j in range(hi - number, hi):
        squares += (amount[j] - mean) ** 2
    return squares


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _squares(offsets: I64, amount: F64, number: I64, total: F64) -> F64:
    squares = np.empty(number.size)
    for c in range(number.size):
        squares[c] = _about_mean(amount, offsets[c + 1], number[c], total[c])
    return squares


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _sums(offsets: I64, amount: F64, number: I64, total: F64) -> F64:
    sums, some = np.zeros(6), np.empty(6)
    for begin in range(0, number.size, 256):  # sums of sums keep their last digits
        some[:] = 0.0
        for c in range(begin, min(begin + 256, number.size)):
            if number[c] > 0:
                some[0] += 1
                some[1] += number[c]
                some[2] += number[c] * number[c]
                some[3] += total[c]
                some[4] += total[c] * total[c] / number[c]
                some[5] += _about_mean(amount, offsets[c + 1], number[c], total[c])
        sums += some
    return sums


@dataclass(frozen=True, slots=True)
class Past:
    """Customers of one part of the base against their own past.

    ``expected`` purchase days in the horizon; ``exposure`` α + T_ref; ``number`` and ``total`` of the baskets in the
    reference period. No customer is ``eligible`` in a log without amounts.
    """

    view: AsOf

    expected: F64
    exposure: F64
    eligible: NDArray[np.bool_]
    number: I64
    total: F64

    @property
    def squares(self) -> F64:
        """Sums of squares of the baskets about their own mean."""
        squares: F64 = _squares(self.view.offsets, self.view.amount, self.number, self.total)
        return squares

    def sums(self) -> F64:
        """Customers with baskets in the reference period; their baskets, and the squares of these numbers; the sums of
        the amounts, of the own sums squared over the own number, and of :attr:`squares`.
        """
        sums: F64 = _sums(self.view.offsets, self.view.amount, self.number, self.total)
        return sums


def past_of(view: AsOf, window: Window, reference: RateReference) -> Past:
    """Judge the customers of a view by their reference period."""
    expected, exposure, total = (view.array(np.float64) for _ in range(3))
    eligible, number = view.array(np.bool_), view.array(np.int64)
    _past(
        view.offsets,
        view.day,
        view.amount,
        view.as_of,
        window.horizon,
        reference_span(window.horizon),
        reference.r,
        reference.alpha,
        expected,
        exposure,
        eligible,
        number,
        total,
    )
    return Past(view, expected, exposure, eligible, number, total)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _ahead(
    wanted: NDArray[np.bool_],
    offsets: I64,
    row: I64,
    customer: I64,
    all_offsets: I64,
    day: I32,
    amount: F64,
    void_day: I32,
    r_offsets: I64,
    r_day: I32,
    r_target: I32,
    r_amount: F64,
    as_of: int,
    end: int,
    purchases: I64,
    spend: F64,
) -> None:
    money = amount.size > 0
    for i in range(customer.size):
        purchases[i], spend[i] = 0, 0.0 if money else np.nan
        if not wanted[i]:
            continue
        c = customer[i]
        count, spent = 0, 0.0
        for j in range(row[offsets[i + 1] - 1] + 1, all_offsets[c + 1]):
            if day[j] > end:
                break
            if day[j] > as_of and void_day[j] > end:
                count += 1
                if money:
                    spent += amount[j]
        if count > 0 and money:
            for e in range(r_offsets[c], r_offsets[c + 1]):
                if r_day[e] > end:
                    break
                j = all_offsets[c] + r_target[e]
                if day[j] > as_of and void_day[j] > end:
                    spent -= r_amount[e]
            # Amounts are multiples of a millionth: rounding takes off what adding in binary leaves.
            spend[i] = np.rint(spent * 1e6) / 1e6
        purchases[i] = count


def ahead_of(view: AsOf, window: Window, wanted: NDArray[np.bool_]) -> tuple[I64, F64]:
    """Purchase days in the horizon, with the returns known at its end, and their net amount.

    0 for customers who are not ``wanted``. Amounts are NaN in a log without.
    """
    history, returns = view.history, view.history.returns
    purchases, spend = view.array(np.int64), view.array(np.float64)
    _ahead(
        wanted,
        view.offsets,
        view.row,
        view.customer,
        history.offsets,
        history.day,
        view.amount if history.amount is None else history.amount,
        history.void_day,
        returns.offsets,
        returns.day,
        returns.target,
        returns.amount,
        view.as_of,
        window.end_day,
        purchases,
        spend,
    )
    return purchases, spend
