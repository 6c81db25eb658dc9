"""Who moved between stages from one day to another, and who came back: the stages put to the proof."""

import datetime as dt

from decisions.names import STAGES, Language, Scheme, stage_name
from pipelines.base_counts import Moves, count_moves
from pipelines.config import Config
from pipelines.console import console, show_table
from pipelines.ingest import HistoryStore
from pipelines.scoring import ScoringError, champion_of
from pipelines.tracking import open_tracker

NOBODY = "·"


def show_moves(config: Config, first: dt.date, second: dt.date) -> None:
    """Print the transition matrix between two dates and the return rate of each stage after the first.

    Raises:
        ScoringError: the dates are not in order, or not within the log.
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
    moves = count_moves(store, bundle.stages, (first - epoch).days, (second - epoch).days, days=days)
    output = config.output
    names = {one: stage_name(one, language=output.language, scheme=output.scheme) for one in STAGES}
    rows = [
        (names.get(str(origin), "first seen"), *(f"{row[goal]:,}" if row[goal] else NOBODY for goal in STAGES))
        for origin, row in moves.transitions.iterrows()
        if row.sum()
    ]
    show_table(f"From {first} (rows) to {second} (columns)", ("stage", *names.values()), rows, left=("stage",))
    show_return_rates(moves, first, language=output.language, scheme=output.scheme)


def show_return_rates(moves: Moves, first: dt.date, *, language: Language, scheme: Scheme) -> None:
    """Print by stage what share bought again, so that the stages prove themselves."""
    rows = [
        (stage_name(str(name), language=language, scheme=scheme), f"{row['customers']:,.0f}", f"{row['returned']:.1%}")
        for name, row in moves.return_rates.iterrows()
        if row["customers"]
    ]
    show_table(
        f"Bought again within {moves.days} days, by the stage on {first}",
        ("stage", "customers", "bought again"),
        rows,
        left=("stage",),
    )
    if not rows:
        console.print(f"Nobody was a customer on {first}.")
