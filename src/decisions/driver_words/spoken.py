"""The strongest drivers of many customers as phrases: what raises the risk, and what speaks for staying."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from decisions.driver_words.own import Own
from decisions.driver_words.purchases import silence
from decisions.driver_words.saying import sentence
from decisions.names import LANGUAGES, Language
from features.registry import FEATURES

STRONGEST: Final = 3
LEAST: Final = 0.05
"""Log odds below which a contribution is not worth a word: it moves a probability by 1.2 points at most."""

MODEL: Final = "btyd_"
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
    own: Sequence[Own],
    *,
    language: Language = "en",
) -> list[Spoken | None]:
    """Return the three strongest drivers of each customer in words; None where none is worth a word.

    Args:
        names: names of features.
        feature: int[n, k], places in `names`, strongest first, −1 where there is none.
        contribution: float[n, k], what each adds to the log odds of no purchase.
        own: the customers' numbers, those of the probability model included.
        language: of the phrases.

    >>> import datetime as dt
    >>> from decisions.driver_words.own import Terms
    >>> terms = Terms(dt.date(2011, 9, 4), 90, 1.0, 30.0)
    >>> own = Own({"frequency": 3.0, "recency": 94.0, "T": 188.0, "btyd_p_alive": 0.231}, terms)
    >>> spoken(["btyd_p_alive", "frequency"], np.array([[0, 1]]), np.array([[1.2, -0.4]]), [own])[0].against
    'the purchase model gives 23 % probability of being still active (last bought 94 days ago, usual gap 31 days)'
    """
    return [_of_one(names, feature[i], contribution[i], one, language) for i, one in enumerate(own)]


def _of_one(
    names: Sequence[str],
    feature: NDArray[np.int64],
    contribution: NDArray[np.float64],
    own: Own,
    language: Language,
) -> Spoken | None:
    told: list[tuple[str, str, bool]] = []
    for place, weight in zip(feature, contribution, strict=True):
        if place < 0 or not abs(weight) >= LEAST or len(told) == STRONGEST:
            continue
        text = sentence(names[place], own, language=language)
        if not any(text in other or other in text for _, other, _ in told):
            told.append((names[place], text, bool(weight > 0)))
    if not told:
        return None
    place = LANGUAGES.index(language)
    why = silence(own)[place]
    repeated = any(why in text or text in why for _, text, _ in told)
    phrases = [
        (text + _WITHIN[place].format(why) if name.startswith(MODEL) and not repeated else text, raises)
        for name, text, raises in told
    ]
    against, favour = (_JOIN[place].join(text for text, raises in phrases if raises is side) for side in (True, False))
    return Spoken(against, favour)
