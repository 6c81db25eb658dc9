"""As-of dates to train and to test on: nothing a candidate learns from may reach into the window that judges it."""

import dataclasses
import datetime

from lifecycle.features.window import to_date, to_day

PER_HORIZON = 3
MOST = 6
FOLDS = 3
"""Of the dates that lie a whole horizon after an earlier one, so many, the latest, judge out of time."""
YEAR = 365
LEAST_HISTORY = 28
"""Days of log without which nothing is learned from a date."""


@dataclasses.dataclass(frozen=True)
class Origins:
    """Training as-of dates for one test date, oldest first, and what they can and cannot support, in words."""

    test_as_of: datetime.date
    training: tuple[datetime.date, ...]
    statement: str


def least_history(horizon: int) -> int:
    """Days of log that an as-of date should have behind it to be learned from: half a horizon, at least four weeks."""
    return max(LEAST_HISTORY, horizon // 2)


def origins(
    first_day: int, horizon: int, test_as_of: datetime.date, *, most: int = MOST, spacing: int | None = None
) -> Origins:
    """Choose training dates for a test date: the latest whose horizon ends by then, and earlier ones at even steps.

    The embargo is training as_of + horizon ≤ test as_of; nothing more is left out. Steps are a third of the horizon, so
    that there are dates whose horizon ends before later ones begin (folds out of time). Where two years lie before the
    test date, the date a year before it comes first, with the same season ahead; features look back a year, so with
    less behind it, it would teach something else. A log too short for a date with half a horizon behind it is learned
    from with four weeks behind; one that does not even hold these and a horizon has no training dates, and only models
    that need no outcome can be fitted. first_day: first day of the log.

    Raises
    ------
    ValueError
        fewer than four weeks lie before the test date.

    >>> found = origins(to_day(datetime.date(2024, 1, 1)), 30, datetime.date(2024, 5, 1))
    >>> [str(day) for day in found.training]
    ['2024-02-11', '2024-02-21', '2024-03-02', '2024-03-12', '2024-03-22', '2024-04-01']
    """
    test = to_day(test_as_of)
    latest = test - horizon
    if test - first_day < LEAST_HISTORY:
        found = max(test - first_day, 0)
        longest = longest_horizon(test + horizon - first_day)
        shorter = f"a horizon of at most {longest} days, which moves the test date on, " if longest else ""
        raise ValueError(
            f"The log is too short to learn out of time: {found} days lie before {test_as_of}, {LEAST_HISTORY} are "
            f"needed to look back on. Take {shorter}a later date, or a longer log."
        )
    if latest < first_day + LEAST_HISTORY:
        return Origins(test_as_of, (), _nothing(horizon, test_as_of))
    earliest = min(first_day + least_history(horizon), latest)
    step = spacing or max(7, horizon // PER_HORIZON)
    count = min(most, (latest - earliest) // step + 1)
    days = [latest - step * k for k in range(count)][::-1]
    if test - 2 * YEAR >= first_day and test - YEAR < days[0]:
        days = [test - YEAR, *days]
    folds = sum(day - horizon >= days[0] for day in days)
    dates = tuple(to_date(day) for day in days)
    return Origins(test_as_of, dates, _statement(count, folds, horizon, test_as_of))


def longest_horizon(days: int) -> int:
    """Longest horizon that a log of so many days can be tested on; 0 if there is none.

    One horizon to test must fit, and what is needed to look back on.

    >>> longest_horizon(45), longest_horizon(27)
    (17, 0)
    """
    return max(days - LEAST_HISTORY, 0)


def _nothing(horizon: int, test_as_of: datetime.date) -> str:
    return (
        f"No {horizon}-day horizon with four weeks of log before it ends by {test_as_of}: only models that need no "
        "outcome (buy-till-you-die, and their pool) are fitted and judged."
    )


def _statement(count: int, folds: int, horizon: int, test_as_of: datetime.date) -> str:
    told = f"{count} training dates whose {horizon}-day horizons end by {test_as_of}"
    if folds == 0:
        return (
            f"{told}; none of them lies a whole horizon after another, so weights and calibration cannot be judged out "
            "of time: the combination holds to its even weights, and the probabilities stay as they are."
        )
    lie = "1 of them lies" if folds == 1 else f"{folds} of them lie"
    latest = "chooses" if folds == 1 else f"the latest {min(folds, FOLDS)} choose"
    joined = " and" if folds == 1 else ";"
    return f"{told}; {lie} a whole horizon after an earlier one{joined} {latest} weights and calibration."


def rolling(
    first_day: int, last_day: int, horizon: int, *, count: int = 4, spacing: int | None = None
) -> tuple[Origins, ...]:
    """Choose test dates for a rolling-origin backtest, oldest first; each brings its own training dates.

    The last test date is last_day − horizon, so that its outcome is complete; earlier ones follow at steps of half a
    horizon. Fewer than `count` come back where the log does not allow more.

    Raises
    ------
    ValueError
        the log is too short for one test date.
    """
    step = spacing or max(7, horizon // 2)
    latest = last_day - horizon
    first_possible = first_day + horizon + least_history(horizon)
    if latest < first_possible:
        needed = 2 * horizon + least_history(horizon)
        raise ValueError(
            f"The log is too short for a backtest: it spans {last_day - first_day} days, a horizon of {horizon} "
            f"days needs {needed} (half a horizon, at least 28 days, to look back on, one horizon to train and one to "
            f"test). Take a shorter horizon or a longer log."
        )
    found = min(count, (latest - first_possible) // step + 1)
    return tuple(origins(first_day, horizon, to_date(latest - step * k)) for k in range(found))[::-1]
