"""Who moved between stages from one day to another, and who came back: the stages put to the proof."""

import datetime as dt
from collections.abc import Mapping
from typing import Final

from lifecycle.decisions.vocabulary import LANGUAGES, STAGES, Language, Scheme, stage_name
from lifecycle.pipelines.config import Config
from lifecycle.pipelines.ingest import HistoryStore
from lifecycle.pipelines.score.scoring import ScoringError, champion_of
from lifecycle.pipelines.terminal import console, show_table
from lifecycle.pipelines.tracking.mlflow_store import open_tracker
from lifecycle.scoring.base_counts import Moves, count_moves

NOBODY = "·"

TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "from_to": ("From {first} (rows) to {second} (columns)", "由 {first}（行）到 {second}（列）"),
    "stage": ("stage", "阶段"),
    "unknown": ("first seen", "首次出现"),
    "returned": (
        "Bought again within {days} days, by the stage on {first}",
        "按 {first} 的阶段，{days} 天内再次购买的比例",
    ),
    "customers": ("customers", "客户数"),
    "bought": ("bought again", "再次购买"),
    "nobody": ("Nobody was a customer on {first}.", "{first} 时还没有客户。"),
}
"""What is printed, in English and in Chinese."""


def show_moves(config: Config, first: dt.date, second: dt.date) -> None:
    """Print the transition matrix between two dates and the return rate of each stage after the first.

    Raises
    ------
    ScoringError
        the dates are not in order, or not within the log.
    """
    store = HistoryStore.open(config.directory / "history")
    if not store.first_day <= first < second <= store.last_day:
        raise ScoringError(
            f"two dates of the log, the earlier one first, are needed: {store.first_day} to {store.last_day}; "
            f"found {first} and {second}."
        )
    _, bundle = champion_of(open_tracker(config))
    epoch = dt.date(1970, 1, 1)
    days = min(bundle.horizon, (second - first).days)
    moves = count_moves(store.days_only, bundle.stages, (first - epoch).days, (second - epoch).days, days=days)
    output = config.output
    names = {one: stage_name(one, language=output.language, scheme=output.scheme) for one in STAGES}
    head = _say("stage", output.language)
    unknown = _say("unknown", output.language)
    rows = [
        (names.get(str(origin), unknown), *(f"{row[goal]:,}" if row[goal] else NOBODY for goal in STAGES))
        for origin, row in moves.transitions.iterrows()
        if row.sum()
    ]
    title = _say("from_to", output.language, first=first, second=second)
    show_table(title, (head, *names.values()), rows, left=(head,))
    show_return_rates(moves, first, language=output.language, scheme=output.scheme)


def show_return_rates(moves: Moves, first: dt.date, *, language: Language, scheme: Scheme) -> None:
    """Print by stage what share bought again, so that the stages prove themselves."""
    rows = [
        (stage_name(str(name), language=language, scheme=scheme), f"{row['customers']:,.0f}", f"{row['returned']:.1%}")
        for name, row in moves.return_rates.iterrows()
        if row["customers"]
    ]
    head = [_say(key, language) for key in ("stage", "customers", "bought")]
    show_table(_say("returned", language, days=moves.days, first=first), head, rows, left=head[:1])
    if not rows:
        console.print(_say("nobody", language, first=first))


def _say(key: str, language: Language, **values: object) -> str:
    return TEXTS[key][LANGUAGES.index(language)].format(**values)
