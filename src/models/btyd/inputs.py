"""What a model accepts: customers' histories as float64 arrays, checked, with errors that say what to change."""

import math
from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from lifecycle.models.btyd.threads import in_chunks

CHUNK = 1 << 17
Floats = npt.NDArray[np.float64]


class Histories(NamedTuple):
    """Checked histories: C-contiguous float64 arrays of one length, and the shape the caller's arrays had.

    ``largest`` frequency, recency and T; ``whole`` whether all times are whole numbers; ``repeaters`` bought again.
    """

    frequency: Floats
    recency: Floats
    T: Floats
    shape: tuple[int, ...]
    largest: tuple[float, float, float]
    whole: bool
    repeaters: int


@numba.njit(cache=True, nogil=True)
def _survey(x: Floats, t_x: Floats, T: Floats, start: int, stop: int) -> Floats:
    """Counts of the five faults, of times that are not whole and of repeaters; the three maxima."""
    found = np.zeros(10)
    fractions, repeaters, wrong = 0, 0, 0
    x_max, t_max, T_max = 0.0, 0.0, 0.0
    for i in range(start, stop):
        xi, ti, Ti = x[i], t_x[i], T[i]
        whole = xi == math.floor(xi)
        some = xi > 0.0
        good = whole & (xi >= 0.0) & (ti >= 0.0) & (ti <= Ti) & (Ti < np.inf) & (some == (ti > 0.0)) & (xi < np.inf)
        wrong += not good
        repeaters += some
        fractions += (ti != math.floor(ti)) | (Ti != math.floor(Ti))
        x_max = max(x_max, xi)
        t_max = max(t_max, ti)
        T_max = max(T_max, Ti)
    found[5], found[6], found[7], found[8], found[9] = fractions, repeaters, x_max, t_max, T_max
    if wrong:
        for i in range(start, stop):
            if not (np.isfinite(x[i]) and np.isfinite(t_x[i]) and np.isfinite(T[i])):
                found[0] += 1
            elif x[i] < 0.0 or x[i] != math.floor(x[i]):
                found[1] += 1
            elif t_x[i] < 0.0 or t_x[i] > T[i]:
                found[2] += 1
            elif x[i] == 0.0 and t_x[i] > 0.0:
                found[3] += 1
            elif x[i] > 0.0 and t_x[i] == 0.0:
                found[4] += 1
    return found


_FAULTS = (
    "frequency, recency and T must be finite: {count} of {n} histories are not. Leave out or repair these customers",
    "frequency counts repeat purchase days, so it must be a whole number >= 0: {count} of {n} histories break this. "
    "Count a day with a purchase once, the first day not at all",
    "0 <= recency <= T must hold (age at the last purchase, age now): {count} of {n} histories break this. "
    "Purchases dated after as_of must not enter",
    "recency must be 0 where frequency is 0: {count} of {n} histories break this. "
    "Recency is the age at the last purchase, not the days since it",
    "recency must be > 0 where frequency is > 0: {count} of {n} histories break this. "
    "Count several purchases of one day as one purchase day",
)


def read_only(*arrays: Floats) -> tuple[Floats, ...]:
    """Views that must not be written to: one type for compiled code, whether a frame or a caller handed them out."""
    views = tuple(values.view() for values in arrays)
    for view in views:
        view.flags.writeable = False
    return views


def histories(frequency: npt.ArrayLike, recency: npt.ArrayLike, T: npt.ArrayLike) -> Histories:
    """Broadcast and check ``frequency``, ``recency`` and ``T``; raise ``ValueError`` naming the first rule broken.

    >>> histories([0, 2], [0.0, 30.43], 38.86).T
    array([38.86, 38.86])
    """
    x, t_x, age = np.broadcast_arrays(
        np.asarray(frequency, np.float64), np.asarray(recency, np.float64), np.asarray(T, np.float64)
    )
    shape = x.shape
    x, t_x, age = read_only(*(np.ascontiguousarray(values).reshape(-1) for values in (x, t_x, age)))
    found = np.zeros(10)
    for part in in_chunks(lambda start, stop: _survey(x, t_x, age, start, stop), x.size, size=CHUNK):
        found[:7] += part[:7]
        np.maximum(found[7:], part[7:], out=found[7:])
    for count, text in zip(found, _FAULTS, strict=False):
        if count:
            raise ValueError(text.format(count=int(count), n=x.size) + ".")
    largest = float(found[7]), float(found[8]), float(found[9])
    return Histories(x, t_x, age, shape, largest, found[5] == 0.0, int(found[6]))


def checked_weights(weights: npt.ArrayLike | None, n: int) -> Floats | None:
    """Weights of ``n`` customers as float64, or None where every customer counts once."""
    if weights is None:
        return None
    result = np.ascontiguousarray(np.asarray(weights, np.float64)).reshape(-1)
    if result.size != n:
        raise ValueError(f"weights must have one entry a customer: {n} expected, {result.size} found.")
    wrong = int(np.count_nonzero(~(np.isfinite(result) & (result >= 0.0))))
    if wrong:
        raise ValueError(f"weights must be finite and >= 0: {wrong} of {n} are not.")
    return result


def positive(name: str, value: float, *, zero: bool = False, infinite: bool = False) -> float:
    """``value`` as a float if it is > 0 (or also 0, or infinite, where allowed), else ``ValueError``.

    >>> positive("alpha", 2)
    2.0
    """
    number = float(value)
    if (number > 0.0 or (zero and number == 0.0)) and (infinite or number != float("inf")):
        return number
    allowed = f"{'>= 0' if zero else '> 0'}{'' if infinite else ' and finite'}"
    raise ValueError(f"{name} must be {allowed}, got {value!r}.")


def checked_counts(n: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Numbers of purchases as int64, else ``ValueError``.

    >>> checked_counts([0, 3.0])
    array([0, 3])
    """
    values = np.asarray(n, np.float64)
    if not (np.isfinite(values) & (values >= 0.0) & (values == np.floor(values))).all():
        raise ValueError("n counts purchases, so it must be whole numbers >= 0.")
    return values.astype(np.int64)
