"""Numbers for people: thousands, money and shares in the manner of each language."""

from datetime import date
from math import floor, isfinite, log10

from lifecycle.decisions.vocabulary import Language

MISSING = "–"


_GAP = "\u00a0"
"""Between a number and its unit, so that no line breaks there."""


def count(value: float) -> str:
    """Return a whole number with thousands.

    >>> count(23570), count(float("nan"))
    ('23,570', '–')
    """
    return f"{value:,.0f}".replace("-", "−") if isfinite(value) else MISSING


def money(value: float, currency: str, language: Language) -> str:
    """Return an amount with three or four figures that matter, in millions or 万 where it is large.

    >>> [one.replace(_GAP, " ") for one in (money(2500315.63, "USD", "en"), money(2500315.63, "USD", "zh"))]
    ['2.50 M USD', '250.0 万 USD']
    >>> money(41.5, "£", "en")
    '£41.50'
    """
    if not isfinite(value):
        return MISSING
    steps = ((1e9, f"{_GAP}bn"), (1e6, f"{_GAP}M")) if language == "en" else ((1e8, f"{_GAP}亿"), (1e4, f"{_GAP}万"))
    size = abs(value)
    unit, name = next(((unit, name) for unit, name in steps if size >= unit), (1.0, ""))
    scaled = size / unit
    if name:
        number = f"{scaled:.{max(0, 2 - max(0, floor(log10(scaled))))}f}" if language == "en" else f"{scaled:,.1f}"
    else:
        number = f"{scaled:,.0f}" if size >= 1000 else f"{scaled:,.2f}"
    sign = "−" if value < 0 else ""
    if len(currency) == 1:
        return f"{sign}{currency}{number}{name}"
    return f"{sign}{number}{name}{_GAP}{currency}".rstrip(_GAP)


def share(value: float, digits: int = 1) -> str:
    """Return a share in per cent; what is not quite nothing or not quite all is not rounded to it.

    >>> [share(one).replace(_GAP, " ") for one in (0.1234, 0.9999, 0.0001, 1.0, float("nan"))]
    ['12.3 %', '> 99.9 %', '< 0.1 %', '100.0 %', '–']
    """
    if not isfinite(value):
        return MISSING
    step = 10.0 ** -(digits + 2)
    if 1 - step / 2 <= value < 1:
        return f">{_GAP}{100 * (1 - step):.{digits}f}{_GAP}%"
    if 0 < value < step / 2:
        return f"<{_GAP}{100 * step:.{digits}f}{_GAP}%"
    return f"{100 * value:.{digits}f}{_GAP}%".replace("-", "−")


def change(value: float, *, points: bool, language: Language) -> str:
    """Return a change with its sign: percentage points of shares, else a count.

    >>> change(0.021, points=True, language="en").replace(_GAP, " "), change(-12.0, points=False, language="en")
    ('+2.1 pts', '−12')
    """
    if not isfinite(value):
        return MISSING
    if points:
        unit = "pts" if language == "en" else "个百分点"
        number = f"{100 * value:+.1f}" if abs(value) >= 5e-4 else "0.0"
        return f"{number}{_GAP}{unit}".replace("-", "−")
    return f"{value:+,.0f}".replace("-", "−") if abs(value) >= 0.5 else "0"


def points(value: float, language: Language) -> str:
    """Return a share as percentage points with the two figures that matter.

    >>> [points(one, "en").replace(_GAP, " ") for one in (0.4, 0.0512, 0.00034)]
    ['40 pts', '5.1 pts', '0.034 pts']
    """
    if not isfinite(value):
        return MISSING
    size = 100 * abs(value)
    digits = max(0, 1 - floor(log10(size))) if size > 0 else 0
    unit = "pts" if language == "en" else "个百分点"
    return f"{100 * value:.{digits}f}{_GAP}{unit}".replace("-", "−")


def day(value: date, language: Language) -> str:
    """Return a date as people write it.

    >>> day(date(2011, 9, 4), "en"), day(date(2011, 9, 4), "zh")
    ('4 September 2011', '2011年9月4日')
    """
    if language == "zh":
        return f"{value.year}年{value.month}月{value.day}日"
    return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"


_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
