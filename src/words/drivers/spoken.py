"""The strongest drivers of many customers as phrases: what raises the risk, and what speaks for staying."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lifecycle.decisions.vocabulary import LANGUAGES, Language
from lifecycle.features.registry import FEATURES
from lifecycle.words.drivers.own import Own
from lifecycle.words.drivers.saying import sentence

STRONGEST: Final = 3
LEAST: Final = 0.05
"""Log odds below which a contribution is not worth a word: it moves a probability by 1.2 points at most."""

SILENCE: Final = "days_since_last_purchase"
SILENT: Final = (SILENCE, "recency", "overdue_ratio", "silence_rank")
RHYTHM: Final = ("btyd_purchase_probability", "btyd_p_alive", "btyd_expected_purchases", "btyd_expected_spend")
"""What the probability model concludes from the silence is told together with it."""

_JOIN: Final = ("; ", "；")
_WITHIN: Final = (" ({})", "（{}）")
_ONE_TOPIC: Final = {
    "overdue_ratio": "recency",
    "silence_rank": "recency",
    "purchase_rate_change": "windows",
    "spend_rate_change": "windows",
}
"""Features that a reader counts with another family than the one that computes them."""


@dataclass(frozen=True)
class Spoken:
    """Phrases of one customer, joined: what raises the risk of no purchase, and what lowers it; either may be empty."""

    against: str
    favour: str


def families() -> dict[str, str]:
    """Return the family of each registered feature, as a reader sees them: silence is one thing, not two."""
    return {name: feature.family for name, feature in FEATURES.items()} | _ONE_TOPIC


def spoken(
    names: Sequence[str],
    feature: NDArray[np.int64],
    contribution: NDArray[np.float64],
    value: NDArray[np.float64],
    own: Sequence[Own],
    *,
    language: Language = "en",
) -> list[Spoken | None]:
    """Return the three strongest drivers of each customer in words; None where none is worth a word.

    Parameters
    ----------
    names : Sequence[str]
        names of features.
    feature : NDArray[np.int64]
        int[n, k], places in `names`, strongest first, −1 where there is none.
    contribution : NDArray[np.float64]
        float[n, k], what each adds to the log odds of no purchase.
    value : NDArray[np.float64]
        float[n, k], the numbers that the model saw; they serve where `own` has none, as for the probability model's.
    own : Sequence[Own]
        the customers' numbers.
    language : Language
        of the phrases.

    >>> import datetime as dt
    >>> from lifecycle.words.drivers.own import Terms
    >>> terms = Terms(dt.date(2011, 9, 4), 90, 1.0, 30.0)
    >>> own = Own({"frequency": 3.0, "recency": 94.0, "T": 188.0}, terms)
    >>> names, seen = ["btyd_p_alive", "frequency"], np.array([[0.231, 3.0]])
    >>> spoken(names, np.array([[0, 1]]), np.array([[1.2, -0.4]]), seen, [own])[0].against
    'last bought 94 days ago, usual gap 31 days (purchase model alone: 23 % probability of being still active)'
    """
    return [_of_one(names, feature[i], contribution[i], value[i], one, language) for i, one in enumerate(own)]


def _of_one(
    names: Sequence[str],
    feature: NDArray[np.int64],
    contribution: NDArray[np.float64],
    value: NDArray[np.float64],
    own: Own,
    language: Language,
) -> Spoken | None:
    told: list[tuple[str, bool]] = []
    within = _WITHIN[LANGUAGES.index(language)]
    for place, weight, seen in zip(feature, contribution, value, strict=True):
        if place < 0 or not abs(weight) >= LEAST:
            continue
        name = names[place]
        known = own if name in own.facts else Own({**own.facts, name: float(seen)}, own.terms)
        text = sentence(name, known, language=language)
        if name in RHYTHM:
            text = f"{sentence(SILENCE, own, language=language)}{within.format(text)}"
        part = next((i for i, (other, _) in enumerate(told) if other in text), None)
        if part is not None:
            told[part] = (text, told[part][1])
        elif len(told) < STRONGEST and not any(text in other for other, _ in told):
            told.append((text, bool(weight > 0) or _overdue(name, own)))
    if not told:
        return None
    join = _JOIN[LANGUAGES.index(language)]
    against, favour = (join.join(text for text, raises in told if raises is side) for side in (True, False))
    return Spoken(against, favour)


def _overdue(name: str, own: Own) -> bool:
    """Whether a driver is a silence beyond the usual gap: less than in the average customer, it still is no merit."""
    return name in (*RHYTHM, *SILENT) and own.silence > own.usual_gap
