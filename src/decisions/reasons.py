"""Why, in words: what the events say, what it may cost, what weighed most in the model, for everybody at once."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from decisions.names import (
    CAUSES,
    CHURNED,
    DECLINE,
    GROWTH,
    LANGUAGES,
    MATURE,
    NEW,
    PROSPECT,
    Language,
    cause_name,
)
from decisions.wording import joined, percent, sentences, thousands, whole

Codes = NDArray[np.int8]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Facts:
    """What reasons are made of, one entry a customer; NaN where there is nothing to say.

    Attributes:
        stage, cause: codes of `decisions.names`; cause −1 outside decline.
        silence: days since the last purchase.
        usual_gap: own gap between purchase days.
        purchases: purchase days so far.
        overdue: second purchase overdue.
        returned: came back after having churned.
        closed: the account is closed.
        churn_probability: P(no purchase in the horizon).
        value_at_risk: money.
        worth_acting: an action with positive net value exists.
        horizon: days.
        base_gap: the base's usual gap in days.
        currency: sign or code put behind money.
    """

    stage: Codes
    cause: Codes
    silence: Floats
    usual_gap: Floats
    purchases: Floats
    overdue: Flags
    returned: Flags
    closed: Flags
    churn_probability: Floats
    value_at_risk: Floats
    worth_acting: Flags
    horizon: int
    base_gap: float
    currency: str = ""


_WORDS: Final[dict[str, tuple[str, str]]] = {
    "prospect": ("no purchase yet", "尚未购买"),
    "new": ("first purchase {since}", "{since}首次购买"),
    "overdue": (
        "second purchase overdue: {silence} days since the first, usual gap {base_gap}",
        "第二次购买已逾期：距首购 {silence} 天，一般间隔 {base_gap} 天",
    ),
    "active": (
        "bought on {purchases} days, last {since}, usually every {gap}",
        "共购买 {purchases} 次，最近一次在{since}，平常间隔 {gap} 天",
    ),
    "silent": (
        "silent for {silence} days, usually buys every {gap}",
        "已沉默 {silence} 天，平常间隔 {gap} 天",
    ),
    "gone": (
        "no purchase for {silence} days after {purchases} purchase days",
        "购买 {purchases} 次之后已 {silence} 天没有购买",
    ),
    "closed": ("account closed", "账户已关闭"),
    "returned": ("came back after having churned", "流失后重新购买"),
    "risk": (
        "{risk} probability of no purchase in the next {horizon} days",
        "未来 {horizon} 天内不购买的概率为 {risk}",
    ),
    "value": ("{value} at risk", "风险价值 {value}"),
}

_UNLIKELY: Final = 0.5
"""From this probability of no purchase on, it is named as a reason."""


def reasons(facts: Facts, *, language: Language = "en") -> pa.Array:
    """Return one string a customer: the stage's own reason first, then risk and value.

    >>> one, no = np.ones(1), np.zeros(1, bool)
    >>> facts = Facts(np.array([4], np.int8), np.array([5], np.int8), 64 * one, 21 * one, 9 * one, no, no, no,
    ...               0.62 * one, 120 * one, ~no, 90, 80.0, "GBP")
    >>> reasons(facts)[0].as_py()
    'silent for 64 days, usually buys every 21; 62 % probability of no purchase in the next 90 days; 120 GBP at risk'
    """
    stage, closed = facts.stage, facts.closed
    n = stage.size
    columns = {
        "silence": whole(facts.silence),
        "since": _since(facts.silence, language),
        "gap": whole(np.maximum(facts.usual_gap, 1.0)),
        "purchases": whole(facts.purchases),
        "base_gap": whole(np.full(n, facts.base_gap)),
        "risk": percent(facts.churn_probability),
        "horizon": whole(np.full(n, float(facts.horizon))),
        "value": _money(facts.value_at_risk, facts.currency),
    }
    active = (stage == GROWTH) | (stage == MATURE)
    declining = stage == DECLINE
    by_silence = declining & (facts.silence > facts.usual_gap)
    overdue = (stage == NEW) & facts.overdue
    gone = stage == CHURNED
    rules: list[tuple[str, Flags]] = [
        ("prospect", stage == PROSPECT),
        ("overdue", overdue),
        ("new", (stage == NEW) & ~overdue),
        ("active", active),
        ("silent", by_silence),
        ("closed", gone & closed),
        ("gone", gone & ~closed),
        ("returned", facts.returned & ~gone),
        ("risk", ~gone & (facts.churn_probability >= _UNLIKELY)),
        ("value", facts.worth_acting & (facts.value_at_risk >= 1)),
    ]
    phrases = [sentences(_WORDS[name][LANGUAGES.index(language)], where, **columns) for name, where in rules]
    causes = [
        sentences(cause_name(cause, language=language), declining & (facts.cause == code))
        for code, cause in enumerate(CAUSES)
        if cause != "silence"
    ]
    return joined([*causes, *phrases], language)


def _since(silence: Floats, language: Language) -> pa.Array:
    ago = sentences("{n} days ago" if language == "en" else " {n} 天前", np.isfinite(silence), n=whole(silence))
    today, yesterday = ("today", "yesterday") if language == "en" else ("今天", "昨天")
    ago = pc.if_else(pa.array(silence < 1), pa.scalar(today), ago)
    return pc.if_else(pa.array((silence >= 1) & (silence < 2)), pa.scalar(yesterday), ago)


def _money(values: Floats, currency: str) -> pa.Array:
    if not currency:
        return thousands(values)
    return pc.binary_join_element_wise(
        thousands(values), pa.scalar(currency), pa.scalar(" "), null_handling="emit_null"
    )
