"""Time: days as integers, and the window that separates what is known from what is predicted.

Inside the project a day is an ``int32`` count of days since 1970-01-01. ``Window`` is the only owner of "now": whatever
is computed as of a date sees nothing dated later, and the as-of day itself belongs to the past, at any time of day.
"""

import datetime as dt
from dataclasses import dataclass

import numpy as np

NEVER: int = int(np.iinfo(np.int32).max)
"""The day of what has not happened: a line that was never returned, an account that was never closed."""

UNKNOWN_DAY: int = int(np.iinfo(np.int32).min)
"""The day of what has no date in the source."""

_EPOCH = dt.date(1970, 1, 1)


def to_day(date: dt.date | int | str) -> int:
    """Days since 1970-01-01 of a date, a timestamp or an ISO text; an integer is taken as such a day already.

    Raises
    ------
    ValueError
        the text is no date written as year-month-day.

    Examples
    --------
    >>> to_day(dt.date(1997, 9, 30)), to_day("1997-09-30")
    (10134, 10134)
    """
    if isinstance(date, str):
        date = parsed_date(date)
    if isinstance(date, dt.datetime):
        date = date.date()
    if isinstance(date, dt.date):
        return (date - _EPOCH).days
    return int(date)


def parsed_date(text: str) -> dt.date:
    """The date of an ISO text, else a ``ValueError`` that says how dates are written."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"dates as text are written year-month-day, such as 1998-06-30; found {text!r}.") from None


def to_date(day: int) -> dt.date:
    """Date of a day count, the inverse of :func:`to_day`.

    >>> to_date(10134)
    datetime.date(1997, 9, 30)
    """
    return _EPOCH + dt.timedelta(days=int(day))


@dataclass(frozen=True, slots=True)
class Window:
    """What is known (up to and including ``as_of``) and what is predicted (the ``horizon`` days after it).

    ``as_of`` may be given as a date, a timestamp or an ISO text; it is kept as a date.

    >>> Window("1997-09-30", horizon=273).as_of
    datetime.date(1997, 9, 30)
    >>> window = Window(dt.date(1997, 9, 30), horizon=273)
    >>> window.end
    datetime.date(1998, 6, 30)
    """

    as_of: dt.date
    horizon: int

    def __post_init__(self) -> None:
        """Keep `as_of` as a plain date, and refuse an empty horizon."""
        if type(self.as_of) is not dt.date:
            object.__setattr__(self, "as_of", to_date(to_day(self.as_of)))
        if self.horizon <= 0:
            raise ValueError(f"Window: horizon must be at least 1 day, got {self.horizon}.")

    @property
    def as_of_day(self) -> int:
        """Last known day, as a day count."""
        return to_day(self.as_of)

    @property
    def end_day(self) -> int:
        """Last predicted day, as a day count."""
        return self.as_of_day + self.horizon

    @property
    def end(self) -> dt.date:
        """Last predicted day, as a date."""
        return to_date(self.end_day)
