"""Why, in words: what the events say or what weighed most in the model, and what it may cost, for everybody at once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lifecycle.decisions.vocabulary import (
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
from lifecycle.words.sentences import Rows, joined, percent, sentences, thousands, whole

Codes = NDArray[np.int8]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Facts:
    """What reasons are made of, one entry a customer; NaN where there is nothing to say.

    Attributes
    ----------
    stage, cause : Codes
        codes of `decisions.vocabulary`; cause −1 outside decline.
    silence : Floats
        days since the last purchase.
    usual_gap : Floats
        own gap between purchase days.
    purchases : Floats
        purchase days so far.
    overdue : Flags
        second purchase overdue.
    returned : Flags
        came back after having churned.
    closed : Flags
        the account is closed.
    churn_probability : Floats
        P(no purchase in the horizon).
    value_at_risk : Floats
        money; not known of the churned.
    winback_value : Floats
        money; known of the churned alone.
    worth_acting : Flags
        an action with positive net value exists.
    let_go : Flags
        no action repays, which was judged.
    horizon : int
        days.
    overdue_after : float
        days since the first purchase after which the second is overdue.
    currency : str
        sign or code put behind money.
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
    winback_value: Floats
    worth_acting: Flags
    let_go: Flags
    horizon: int
    overdue_after: float
    currency: str = ""


@dataclass(frozen=True, eq=False)
class Drivers:
    """The model's drivers in words (`words.drivers`), one Arrow string a customer, null where rules speak.

    Attributes
    ----------
    against : pa.Array
        what raises the risk; null also where nothing does.
    favour : pa.Array
        what lowers it; null also where nothing does.
    """

    against: pa.Array
    favour: pa.Array

    @property
    def told(self) -> Flags:
        """Whose reasons come from the model."""
        return _valid(self.against) | _valid(self.favour)


_WORDS: Final[dict[str, tuple[str, str]]] = {
    "prospect": ("no purchase yet", "尚未购买"),
    "new": ("first purchase {since}", "{since}首次购买"),
    "overdue": (
        "second purchase overdue: {silence} days since the first, late after {overdue_after}",
        "第二次购买已逾期：距首购 {silence} 天，超过 {overdue_after} 天即为逾期",
    ),
    "active": (
        "bought on {purchases} days, last {since}, usually {every}",
        "共购买 {purchases} 次，最近一次在{since}，平常间隔 {gap} 天",
    ),
    "silent": (
        "silent for {silence} days, usually buys {every}",
        "已沉默 {silence} 天，平常间隔 {gap} 天",
    ),
    "let_go": ("no action pays for itself", "没有任何行动能够回本"),
    "gone": (
        "no purchase for {silence} days after {purchase_days}",
        "购买 {purchases} 次之后已 {silence} 天没有购买",
    ),
    "closed": ("account closed", "账户已关闭"),
    "returned": ("came back after having churned", "流失后重新购买"),
    "risk": (
        "{risk} probability of no purchase in the next {horizon} days",
        "未来 {horizon} 天内不购买的概率为 {risk}",
    ),
    "value": ("{value} at risk", "风险价值 {value}"),
    "winback": ("{back} to win back, unasked returns included", "挽回价值 {back}（含自行回归）"),
    "against": ("{against}", "{against}"),
    "favour": ("for staying: {favour}", "有利因素：{favour}"),
}

FAVOUR: Final = {language: _WORDS["favour"][place].format(favour="") for place, language in enumerate(LANGUAGES)}
"""What stands before the drivers that speak for staying, by language; they end the reasons."""

_UNLIKELY: Final = 0.5
"""From this probability of no purchase on, it is named as a reason."""


def reasons(facts: Facts, *, language: Language = "en", drivers: Drivers | None = None) -> pa.Array:
    """Return one string a customer: the stage's own reason first, then risk and value.

    Where the model has something to say, its drivers stand in the place of the stage's own reason: what raises the
    risk first, what speaks for staying last.

    >>> one, no = np.ones(1), np.zeros(1, bool)
    >>> facts = Facts(np.array([4], np.int8), np.array([5], np.int8), 64 * one, 21 * one, 9 * one, no, no, no,
    ...               0.62 * one, 120 * one, 0 * one, ~no, no, 90, 80.0, "GBP")
    >>> reasons(facts)[0].as_py().split("; ")[::2]
    ['silent for 64 days, usually buys every 21 days', '120 GBP at risk']
    """
    stage, closed = facts.stage, facts.closed
    nothing = pa.nulls(stage.size, pa.string())
    model = Drivers(nothing, nothing) if drivers is None else drivers
    raised, lowered, by_rule = _valid(model.against), _valid(model.favour), ~model.told
    holes: dict[str, Callable[[Rows], pa.Array]] = {
        "silence": lambda rows: whole(facts.silence[rows]),
        "since": lambda rows: _since(facts.silence[rows], language),
        "gap": lambda rows: whole(np.maximum(facts.usual_gap[rows], 1.0)),
        "every": lambda rows: _every(np.maximum(facts.usual_gap[rows], 1.0)),
        "purchases": lambda rows: whole(facts.purchases[rows]),
        "purchase_days": lambda rows: _purchase_days(facts.purchases[rows]),
        "overdue_after": lambda rows: whole(np.full(rows.size, facts.overdue_after)),
        "risk": lambda rows: percent(facts.churn_probability[rows]),
        "horizon": lambda rows: whole(np.full(rows.size, float(facts.horizon))),
        "value": lambda rows: _money(facts.value_at_risk[rows], facts.currency),
        "back": lambda rows: _money(facts.winback_value[rows], facts.currency),
        "against": lambda rows: model.against.take(pa.array(rows)),
        "favour": lambda rows: model.favour.take(pa.array(rows)),
    }
    active = (stage == GROWTH) | (stage == MATURE)
    declining = stage == DECLINE
    by_silence = declining & (facts.silence > facts.usual_gap)
    overdue = (stage == NEW) & facts.overdue
    gone = stage == CHURNED
    doubtful = ~gone & (facts.churn_probability >= _UNLIKELY)
    rules: list[tuple[str, Flags]] = [
        ("prospect", stage == PROSPECT),
        ("overdue", overdue & by_rule),
        ("new", (stage == NEW) & ~overdue & by_rule),
        ("active", active & by_rule),
        ("silent", by_silence & by_rule),
        ("closed", gone & closed),
        ("gone", gone & ~closed & by_rule),
        ("against", raised),
        ("returned", facts.returned & ~gone),
        ("risk", doubtful),
        ("value", ~gone & facts.worth_acting & (facts.value_at_risk >= 1)),
        ("winback", gone & facts.worth_acting & (facts.winback_value >= 1)),
        ("let_go", facts.let_go),
        ("favour", lowered),
    ]
    phrases = [sentences(_WORDS[name][LANGUAGES.index(language)], where, **holes) for name, where in rules]
    spoken = [None if cause == "silence" else cause_name(cause, language=language) for cause in CAUSES]
    causes = pa.array(spoken, pa.string()).take(pa.array(facts.cause.astype(np.int32), mask=facts.cause < 0))
    return joined([causes, *phrases], language)


def _valid(text: pa.Array) -> Flags:
    return np.asarray(text.is_valid().to_numpy(zero_copy_only=False), dtype=np.bool_)


def _since(silence: Floats, language: Language) -> pa.Array:
    today, yesterday, ago = ("today", "yesterday", " days ago") if language == "en" else ("今天", "昨天", " 天前")
    text = pc.binary_join_element_wise(whole(silence), pa.scalar(ago), pa.scalar(""), null_handling="emit_null")
    text = pc.if_else(pa.array(silence < 1), pa.scalar(today), text)
    return pc.if_else(pa.array((silence >= 1) & (silence < 2)), pa.scalar(yesterday), text)


def _purchase_days(purchases: Floats) -> pa.Array:
    text = pc.binary_join_element_wise(
        whole(purchases), pa.scalar(" purchase days"), pa.scalar(""), null_handling="emit_null"
    )
    return pc.if_else(pa.array(purchases == 1), pa.scalar("the only purchase day"), text)


def _every(gap: Floats) -> pa.Array:
    text = pc.binary_join_element_wise(
        pa.scalar("every "), whole(gap), pa.scalar(" days"), pa.scalar(""), null_handling="emit_null"
    )
    return pc.if_else(pa.array(gap < 1.5), pa.scalar("every day"), text)


def _money(values: Floats, currency: str) -> pa.Array:
    if not currency:
        return thousands(values)
    return pc.binary_join_element_wise(
        thousands(values), pa.scalar(currency), pa.scalar(" "), null_handling="emit_null"
    )
