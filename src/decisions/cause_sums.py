"""What causes of single customers are judged against: the base's returns, sales by category and surveys, as sums."""

from dataclasses import dataclass
from datetime import date
from math import inf

import numpy as np
from numpy.typing import NDArray

from lifecycle.features.history import History
from lifecycle.features.window import to_day

_YEAR = 365

COMPLAINT = frozenset({"complaint", "complain", "投诉"})
RESOLUTION = frozenset({"resolution", "resolved", "complaint_resolved", "complaint_closed", "解决"})
SURVEY = frozenset({"survey", "satisfaction", "nps", "csat", "调查", "满意度"})


@dataclass(frozen=True, slots=True, eq=False)
class CauseSums:
    """Sums of one bucket, or of a whole base: they add up.

    Attributes
    ----------
    gross, returned : float
        amount (lines, for a log without amounts) bought in the last 365 days, and what of earlier days' purchases was
        returned in them.
    recent, before : dict[str, float]
        the same by category, of the last horizon and of the horizon that it is compared with: a year earlier where the
        log is long enough, else the one before.
    survey_low, survey_high : float
        range of all survey values so far; +inf and −inf without any.
    """

    gross: float
    returned: float
    recent: dict[str, float]
    before: dict[str, float]
    survey_low: float
    survey_high: float

    def __add__(self, other: "CauseSums") -> "CauseSums":
        """Add the sums of another bucket of the same base, date and horizon."""
        return CauseSums(
            self.gross + other.gross,
            self.returned + other.returned,
            _added(self.recent, other.recent),
            _added(self.before, other.before),
            min(self.survey_low, other.survey_low),
            max(self.survey_high, other.survey_high),
        )

    @property
    def return_share(self) -> float:
        """Share of what was bought that was returned; 0 without purchases."""
        return self.returned / self.gross if self.gross > 0 else 0.0

    def index(self, category: str) -> float:
        """Return the growth of a category over the growth of all: below 1 it fell against the base; 1 where unknown."""
        recent, before = sum(self.recent.values()), sum(self.before.values())
        own_before = self.before.get(category, 0.0)
        if own_before <= 0 or before <= 0 or recent <= 0:
            return 1.0
        return self.recent.get(category, 0.0) / own_before / (recent / before)


def cause_sums(history: History, as_of: date | int, horizon: int) -> CauseSums:
    """Return the sums of one bucket, of what was known at `as_of`."""
    today = to_day(as_of)
    lines = history.lines
    day = np.repeat(history.day, np.diff(lines.offsets))
    amount = np.ones(day.size) if lines.amount is None else lines.amount
    known = (day <= today) & (lines.void_day > today)
    year = (day <= today) & (day > today - _YEAR)
    links = history.returns
    undone = history.day[np.repeat(history.offsets[:-1], np.diff(links.offsets)) + links.target]
    later = (links.day <= today) & (links.day > today - _YEAR) & (links.day > undone)
    recent: dict[str, float] = {}
    before: dict[str, float] = {}
    if lines.category is not None:
        back = _YEAR if history.log_first_day <= today - _YEAR - horizon + 1 else horizon
        for sums, end in ((recent, today), (before, today - back)):
            rows = known & (day > end - horizon) & (day <= end) & (lines.category.code >= 0)
            total = np.bincount(lines.category.code[rows], amount[rows], minlength=len(lines.category.names))
            names = lines.category.names.to_pylist()
            sums.update({str(names[code]): float(total[code]) for code in np.flatnonzero(total)})
    surveys, _ = survey_answers(history, today)
    return CauseSums(
        gross=float(amount[year].sum()),
        returned=float((links.amount if lines.amount is not None else np.ones(links.day.size))[later].sum()),
        recent=recent,
        before=before,
        survey_low=float(surveys.min(initial=inf)),
        survey_high=float(surveys.max(initial=-inf)),
    )


def kind_mask(names: list[str], wanted: frozenset[str]) -> NDArray[np.bool_]:
    """Return which kinds of interactions are among the wanted; one entry more at the end for "no kind" (code −1).

    >>> kind_mask(["Complaint", "visit"], COMPLAINT).tolist()
    [True, False, False]
    """
    return np.array([*(name.strip().lower() in wanted for name in names), False], np.bool_)


def survey_answers(history: History, today: int) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Return the values of all surveys up to a day, and their days."""
    events = history.interactions
    if events is None:
        return np.empty(0), np.empty(0, np.int32)
    asked = kind_mask([str(name) for name in events.kind.names.to_pylist()], SURVEY)[events.kind.code]
    rows = asked & (events.day <= today) & ~np.isnan(events.value)
    return events.value[rows], events.day[rows]


def _added(left: dict[str, float], right: dict[str, float]) -> dict[str, float]:
    return {name: left.get(name, 0.0) + right.get(name, 0.0) for name in sorted(left.keys() | right.keys())}
