"""Which function words which feature, and the sentence of any feature, one of the user's own included."""

import re
from collections.abc import Callable
from typing import Final

from lifecycle.decisions.vocabulary import Language
from lifecycle.features.registry import FEATURES
from lifecycle.words.drivers.forms import Said, money, number, percent, span, whole
from lifecycle.words.drivers.own import NotKnownError, Own
from lifecycle.words.feature_names import feature_words

Sayer = Callable[..., Said]

_SAYERS: Final[list[tuple[re.Pattern[str], Sayer]]] = []
ATTRIBUTE: Final = "attribute_"
_BETWEEN: Final = re.compile(r"(?<=[一-鿿])(?=\d)")
"""Where a number follows a Chinese character: a space belongs there."""


def about(*patterns: str) -> Callable[[Sayer], Sayer]:
    """Register the function below for features whose whole name matches a pattern; its groups become arguments."""

    def register(sayer: Sayer) -> Sayer:
        _SAYERS.extend((re.compile(pattern), sayer) for pattern in patterns)
        return sayer

    return register


def sayers_of(name: str) -> list[tuple[Sayer, tuple[str, ...]]]:
    """Return the functions that word a feature, with their arguments; there should be one."""
    found = ((sayer, pattern.fullmatch(name)) for pattern, sayer in _SAYERS)
    return [(sayer, match.groups()) for sayer, match in found if match is not None]


def sentence(name: str, own: Own, *, language: Language = "en") -> str:
    """Return a feature in words with the customer's own numbers.

    A feature that is registered by a user is told by its meaning and value, a column of the customers table by its
    name and value; a number that is missing is told as such.
    """
    said = _said(name, own)
    return said.en if language == "en" else _BETWEEN.sub(" ", said.zh)


def _said(name: str, own: Own) -> Said:
    try:
        for sayer, groups in sayers_of(name):
            return sayer(own, *groups)
        return _by_value(name, own)
    except NotKnownError:
        return Said(f"{_english(name)}: not known", f"{_chinese(name)}：未知")


def _by_value(name: str, own: Own) -> Said:
    unit = FEATURES[name].unit if name in FEATURES else ""
    if isinstance(own.facts.get(name), str):
        text = Said(*[own.text(name)] * 2)
    elif unit == "money":
        text = Said(*[money(own[name], own.terms.currency)] * 2)
    elif unit == "share":
        text = Said(*[percent(own[name])] * 2)
    elif unit == "days":
        text = span(own[name])
    else:
        value = own[name]
        text = Said(*[whole(value) if value == round(value) else number(value)] * 2)
    return Said(f"{_english(name)}: {text.en}", f"{_chinese(name)}：{text.zh}")


def _english(name: str) -> str:
    return _given(name) or feature_words(name)


def _chinese(name: str) -> str:
    return _given(name) or feature_words(name, language="zh")


def _given(name: str) -> str:
    """A column of the user's own keeps the user's word for it."""
    return name.removeprefix(ATTRIBUTE).replace("_", " ") if name.startswith(ATTRIBUTE) else ""
