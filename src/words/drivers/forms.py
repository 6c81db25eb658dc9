"""Numbers and words inside a sentence: both languages at once, as people would write them."""

from math import isfinite
from typing import NamedTuple


class Said(NamedTuple):
    """The same in English and Chinese."""

    en: str
    zh: str


def number(value: float) -> str:
    """Return a number with the figures that matter and no others.

    >>> [number(one) for one in (3.0, 1234.4, 12.34, 1.0 / 3.0, 0.001, -2.5)]
    ['3', '1,234', '12.3', '0.33', '< 0.01', '−2.5']
    """
    size = abs(value)
    if 0 < size < 0.005:
        return "< 0.01" if value > 0 else "> −0.01"
    text = f"{size:,.{0 if size >= 100 else 1 if size >= 10 else 2}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return f"−{text}" if value < 0 and text != "0" else text


def whole(value: float) -> str:
    """Return a rounded whole number with thousands.

    >>> whole(1234.6), whole(-0.2)
    ('1,235', '0')
    """
    text = f"{abs(round(value)):,}"
    return f"−{text}" if round(value) < 0 else text


def counted(value: float, one: str, many: str = "") -> str:
    """Return a number of things, in English.

    >>> counted(1, "purchase"), counted(0, "purchase"), counted(3, "category", "categories")
    ('1 purchase', 'no purchase', '3 categories')
    """
    if round(value) == 0:
        return f"no {one}"
    return f"{whole(value)} {one if round(value) == 1 else many or one + 's'}"


def percent(value: float) -> str:
    """Return a share as whole per cents, never rounded to a certainty that is not one.

    >>> [percent(one) for one in (0.126, 0.9999, 0.0001, 0.0)]
    ['13 %', '> 99 %', '< 1 %', '0 %']
    """
    if 0.99 < value < 1:
        return "> 99 %"
    if 0 < value < 0.01:
        return "< 1 %"
    return f"{whole(100 * value)} %"


def money(value: float, currency: str) -> str:
    """Return an amount with its currency: cents where they matter, a sign in front, a code behind.

    >>> money(1234.5, "GBP"), money(4.5, "USD"), money(-120.0, "£"), money(3.0, "")
    ('1,234 GBP', '4.50 USD', '−£120', '3.00')
    """
    size = abs(value)
    text = f"{size:,.2f}" if 0 < size < 9.995 else f"{size:,.0f}"
    sign = "−" if value < 0 and text.strip("0.,") else ""
    if len(currency) == 1:
        return f"{sign}{currency}{text}"
    return f"{sign}{text} {currency}".rstrip()


def ago(days: float) -> Said:
    """Return how long ago something was.

    >>> ago(0).en, ago(1).zh, ago(94).en
    ('today', '昨天', '94 days ago')
    """
    near = {0: Said("today", "今天"), 1: Said("yesterday", "昨天")}
    return near.get(round(days), Said(f"{whole(days)} days ago", f"{whole(days)} 天前"))


def span(days: float) -> Said:
    """Return a length of time in whole days, one at least where it is not nothing.

    >>> span(1.2).en, span(0.4).en, span(12.34).zh, span(0).en
    ('1 day', '1 day', '12 天', '0 days')
    """
    text = whole(max(days, 1.0) if days > 0 else 0.0)
    return Said(f"{text} day" if text == "1" else f"{text} days", f"{text} 天")


def known(value: float) -> bool:
    """Return whether a number is one."""
    return isfinite(value)
