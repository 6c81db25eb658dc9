"""What models and data have to say to a reader: kinds with their numbers, worded in English and in Chinese."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, isnan, nan
from typing import Final, Literal

from lifecycle.decisions.vocabulary import LANGUAGES, Language

ChoiceKind = Literal["better", "aged", "alone", "by_hand"]


@dataclass(frozen=True, slots=True)
class Note:
    """Something to know about a fit or an assumption.

    Attributes
    ----------
    kind : str
        a key of `NOTES`.
    model : str
        the model it is about, by its name.
    value : float
        the number it rests on; NaN where there is none.
    """

    kind: str
    model: str = ""
    value: float = nan


@dataclass(frozen=True, slots=True)
class Choice:
    """Why the model in use is in use.

    Attributes
    ----------
    kind : ChoiceKind
        "better" than the one before it beyond noise; not worse than an "aged" one; "alone", nothing to compare with;
        "by_hand".
    metric : str
        the figure that decided; gain, low, high: by how much it is better, with its 90 % interval.
    words : str
        the reason that was given by hand.
    """

    kind: ChoiceKind
    metric: str = ""
    gain: float = nan
    low: float = nan
    high: float = nan
    words: str = ""


NOTES: Final[Mapping[str, tuple[str, str]]] = {
    "prior": (
        "{model}: these customers' purchases do not settle all parameters, so a weak prior was needed; what is said of "
        "the far future rests on it in part.",
        "{model}：客户的购买记录不足以确定全部参数，因此使用了弱先验；远期结果部分依赖该先验。",
    ),
    "left_out": (
        "{model}: customers who came back only for purchases of amount 0 were left out of its fit.",
        "{model}：重复购买金额均为 0 的客户未参与拟合。",
    ),
    "frequency and value": (
        "Customers who buy more often do not spend the same a purchase (correlation {value}), as the probability model "
        "of amounts assumes; the learned forecast of spend takes precedence where it validates better.",
        "购买频次与每次金额相关（相关系数 {value}），而金额概率模型假定两者独立；学习模型的消费预测在验证更好时优先。",
    ),
    "regularity of gaps": (
        "Customers buy more regularly than the probability models assume (shape {value} against 1), so silence says "
        "more than they know; the learned probability of no purchase takes precedence.",
        "客户购买比概率模型所假定的更有规律（形状参数 {value}，假定为 1），沉默所含信息更多；"
        "以学习模型的不购买概率为先。",
    ),
    "dispersion of frequencies": (
        "The number of purchases varies {value} times as much between customers as the probability model expects: it "
        "misjudges very frequent and very rare buyers.",
        "客户之间购买次数的差异为概率模型预期的 {value} 倍：该模型对极频繁与极少购买的客户判断不准。",
    ),
    "mean of spend": (
        "The amounts do not settle by themselves what a purchase is worth on average (q = {value}): the mean was held "
        "at what was observed, so that one-time buyers get a sensible value.",
        "金额本身不足以确定每次购买的平均价值（q = {value}）：均值固定为观测值，使一次性客户的价值合理。",
    ),
    "drift between cohorts": (
        "Newer customers buy {value} times as much as older ones did at the same age: forecasts of the probability "
        "models, which know no cohort, lean towards the older ones.",
        "新客户在同样账龄下的购买量为老客户的 {value} 倍：概率模型不区分客群，其预测偏向老客户。",
    ),
    "repeat values": (
        "Too few customers came back with money to learn repeat amounts from ({value}); first purchases are counted as "
        "if they were repeat purchases.",
        "有付费重复购买的客户太少（{value} 位），不足以单独学习；首次购买也计入金额模型。",
    ),
}

_CHOICES: Final[Mapping[str, tuple[str, str]]] = {
    "better": (
        "The model in use was promoted because it is better than the one before it beyond noise: {metric} by {gain}.",
        "当前模型优于此前模型且超出噪声：{metric} 改善 {gain}。",
    ),
    "aged": (
        "The model in use was promoted because the one before it was older than the horizon and this one is not worse "
        "beyond noise: {metric} by {gain}.",
        "此前模型的训练时间已超过预测期，当前模型并未显著变差，因此替换：{metric} 变化 {gain}。",
    ),
    "alone": (
        "The model in use won against the others here; there was no model before it that it could be compared with.",
        "当前模型在下列模型中胜出；此前没有可比较的模型。",
    ),
    "by_hand": ("The model in use was chosen by hand: {words}", "当前模型由人工指定：{words}"),
}


def note_in_words(note: Note, language: Language) -> str:
    """Return a note as a sentence.

    >>> note_in_words(Note("repeat values", value=17.0), "zh")[:18]
    '有付费重复购买的客户太少（17 位）'
    """
    number = f"{note.value:.2f}".rstrip("0").rstrip(".").replace("-", "−")
    value = number if isfinite(note.value) else "" if isnan(note.value) else "∞"
    return NOTES[note.kind][LANGUAGES.index(language)].format(model=note.model, value=value)


def choice_in_words(choice: Choice, metric: str, language: Language) -> str:
    """Return why a model is in use; `metric` is the name of the figure that decided, in the language."""
    gain = f"{choice.gain:+.4f} [{choice.low:+.4f}, {choice.high:+.4f}]".replace("-", "−")
    return _CHOICES[choice.kind][LANGUAGES.index(language)].format(metric=metric, gain=gain, words=choice.words)
