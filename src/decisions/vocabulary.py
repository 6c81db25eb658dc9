"""Names of stages and strategies: one canonical word each, English and Chinese, and the words of other schemes.

The canonical names (``prospect`` … ``churned``) are what tables hold; everything here is for people. Codes are the
positions in `STAGES` and are what the compiled functions work on.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, get_args

Language = Literal["en", "zh"]
Scheme = Literal["canonical", "five_stage", "clm", "relationship"]

LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
SCHEMES: Final[tuple[Scheme, ...]] = get_args(Scheme)

STAGES: Final = ("prospect", "new", "growth", "mature", "decline", "churned")
PROSPECT, NEW, GROWTH, MATURE, DECLINE, CHURNED = range(6)

STRATEGIES: Final = (
    "convert",
    "activate",
    "develop",
    "retain",
    "rescue",
    "respond",
    "improve",
    "let_go",
    "win_back",
)

_STAGE_NAMES: Final[Mapping[Scheme, Mapping[str, tuple[str, str]]]] = MappingProxyType(
    {
        "canonical": {
            "prospect": ("Prospect", "潜在期"),
            "new": ("New", "开发期"),
            "growth": ("Growth", "成长期"),
            "mature": ("Mature", "成熟期"),
            "decline": ("Decline", "衰退期"),
            "churned": ("Churned", "终止期"),
        },
        "five_stage": {
            "prospect": ("Potential customer", "潜在客户"),
            "new": ("First purchase", "首次购买"),
            "growth": ("Repeat purchase", "重复购买"),
            "mature": ("Loyal customer", "忠诚客户"),
            "decline": ("Early loss", "早期流失"),
            "churned": ("Lost customer", "流失客户"),
        },
        "clm": {
            "prospect": ("Acquisition", "获取"),
            "new": ("Acquisition to development", "获取→发展"),
            "growth": ("Development", "发展"),
            "mature": ("Retention", "维系"),
            "decline": ("Churn prevention", "流失预防"),
            "churned": ("Win-back", "挽回"),
        },
        "relationship": {
            "prospect": ("Initial: interest", "初始期·意向"),
            "new": ("Initial: first purchase", "初始期·首购"),
            "growth": ("Development", "发展期"),
            "mature": ("Mature", "成熟期"),
            "decline": ("Mature to ending", "成熟期→结束期"),
            "churned": ("Ended", "结束期"),
        },
    }
)

_STRATEGY_NAMES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "convert": ("Win the first purchase", "促成首购"),
        "activate": ("Get to the second purchase", "促成复购"),
        "develop": ("Develop and cross-sell", "培育与交叉销售"),
        "retain": ("Keep loyal", "维系忠诚"),
        "rescue": ("Rescue", "急救"),
        "respond": ("Respond to the market", "应对"),
        "improve": ("Mend our own fault", "完善"),
        "let_go": ("Let go", "放弃"),
        "win_back": ("Win back", "挽回"),
    }
)

_CAUSE_NAMES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "complaint": ("an open complaint", "有未解决的投诉"),
        "satisfaction": ("satisfaction low or fallen", "满意度低或下降"),
        "returns": ("returns far above the base's", "退货率远高于整体水平"),
        "category_lost": ("stopped one category, others go on", "停购某一品类而其他品类照常"),
        "market": ("main category fell against the base's index", "主要品类相对整体指数下滑"),
        "silence": ("silent for longer than usual", "沉默时间超过平常"),
        "volume": ("buys less often than the own rate expects", "购买频次低于自身水平"),
    }
)

CAUSES: Final = tuple(_CAUSE_NAMES)


def stage_name(stage: str, *, language: Language = "en", scheme: Scheme = "canonical") -> str:
    """Return the name of a canonical stage in a language and scheme.

    Raises
    ------
    ValueError
        if the stage, language or scheme is not one of `STAGES`, `LANGUAGES`, `SCHEMES`.

    >>> stage_name("decline"), stage_name("decline", language="zh"), stage_name("mature", scheme="five_stage")
    ('Decline', '衰退期', 'Loyal customer')
    """
    _require("stage", stage, STAGES)
    _require("scheme", scheme, SCHEMES)
    return _pick(_STAGE_NAMES[scheme][stage], language)


def strategy_name(strategy: str, *, language: Language = "en") -> str:
    """Return the name of a strategy in a language.

    >>> strategy_name("let_go"), strategy_name("let_go", language="zh")
    ('Let go', '放弃')
    """
    _require("strategy", strategy, STRATEGIES)
    return _pick(_STRATEGY_NAMES[strategy], language)


def cause_name(cause: str, *, language: Language = "en") -> str:
    """Return a cause of decline in words.

    >>> cause_name("complaint", language="zh")
    '有未解决的投诉'
    """
    _require("cause", cause, CAUSES)
    return _pick(_CAUSE_NAMES[cause], language)


def _pick(pair: tuple[str, str], language: Language) -> str:
    _require("language", language, LANGUAGES)
    return pair[LANGUAGES.index(language)]


def _require(what: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{what} must be one of {', '.join(allowed)}; found {value!r}.")
