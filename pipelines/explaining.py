"""One customer: what happened, how alive they were along the way, the stages, the estimates and what to do."""

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from decisions.names import STAGES, stage_name, strategy_name
from decisions.season import season_of
from decisions.stages import stages_at
from features import rfm
from features.combine import take
from features.history import History
from features.window import to_date
from pipelines.bundle import Bundle
from pipelines.config import Config
from pipelines.console import console, show_table
from pipelines.ingest import HistoryStore
from pipelines.pseudonyms import Pseudonyms
from pipelines.scoring import ScoringError, champion_of
from pipelines.tracking import open_tracker
from pipelines.training import known_until

LAST_PURCHASES = 12
PATH_POINTS = 40
BARS = "▁▂▃▄▅▆▇█"
RANGES = (
    ("purchases in the horizon", "expected_purchases", ",.2f"),
    ("spend in the horizon", "expected_spend", ",.2f"),
    ("residual value", "residual_value", ",.2f"),
)


def explain(config: Config, customer_id: str) -> None:
    """Print one customer's story as of the configured date.

    Where ids go out as pseudonyms, the customer may be named by either: the history is searched for the id whose
    pseudonym it is, which takes the key. What is printed shows the pseudonym.

    Raises:
        ScoringError: the customer was not scored on that date, or there is no scoring.
    """
    store = HistoryStore.open(config.directory / "history")
    as_of = known_until(config, store)
    pseudonyms = Pseudonyms.of_config(config)
    row = _scored(config, as_of, customer_id, pseudonyms)
    _, bundle = champion_of(open_tracker(config))
    history = _history_of(store, row["customer_id"], pseudonyms)
    language = config.output.language
    console.print(f"[bold]Customer {row['customer_id']}[/] as of {as_of}", highlight=False)
    if history is not None and row["frequency"] is not None:
        _show_purchases(history, as_of, config.money.currency)
        _show_path(history, bundle, as_of)
        _show_stages(store, history, bundle, as_of)
    since = f" since {row['stage_since']}" if row["stage_since"] else ""
    console.print(f"\nStage: [bold]{stage_name(row['stage'], language=language)}[/]{since}.")
    rows = [
        (
            label,
            _number(row[name], form),
            f"{_number(row[name + '_low'], form)} to {_number(row[name + '_high'], form)}",
        )
        for label, name, form in RANGES
    ]
    rows += [
        (f"P(no purchase in {row['horizon_days']} days)", _number(row["churn_probability"], ".1%"), ""),
        ("P(lost for good by then)", _number(row["loss_probability"], ".1%"), ""),
        ("P(spends at most half of the usual)", _number(row["decline_probability"], ".1%"), ""),
        ("P(alive), from purchases alone", _number(row["p_alive"], ".1%"), ""),
        ("value at risk", _number(row["value_at_risk"], ",.2f"), ""),
        ("lifetime value, past and future", _number(row["clv"], ",.2f"), ""),
    ]
    show_table("Estimates", ("what", "value", "90 % interval"), rows, left=("what",))
    console.print(f"Why: {row['reasons']}.")
    console.print(f"Strategy: {strategy_name(row['strategy'], language=language)}. {_advice(row)}")


def _scored(config: Config, as_of: dt.date, customer_id: str, pseudonyms: Pseudonyms | None) -> dict[str, Any]:
    path = config.directory / "scores" / f"{as_of}.parquet"
    if not path.exists():
        raise ScoringError(f"there is no scoring as of {as_of} in {config.directory}: run `lifecycle score` first.")
    kind = pq.read_schema(path).field("customer_id").type
    names = [customer_id] if pseudonyms is None else [pseudonyms.of(customer_id), customer_id]
    try:
        wanted = pa.array(names).cast(kind)
    except pa.ArrowInvalid:
        raise ScoringError(f"customer ids are of type {kind} in this log; found {customer_id!r}.") from None
    found = pq.read_table(path, filters=pc.field("customer_id").isin(wanted)).to_pylist()
    if not found:
        raise ScoringError(f"customer {customer_id!r} is not among those scored as of {as_of}; is the id complete?")
    return dict(found[0])


def _history_of(store: HistoryStore, shown: object, pseudonyms: Pseudonyms | None) -> History | None:
    """The own history of the customer who is shown under this id, cut out of its bucket."""
    for bucket in range(store.n_buckets):
        history = store.read(bucket)
        ids = history.customer_id if pseudonyms is None else pseudonyms.of_all(history.customer_id)
        place = pc.index(ids, pa.scalar(shown, ids.type)).as_py()
        if place >= 0:
            return take(history, np.array([place], np.int64))
    return None


def _show_purchases(history: History, as_of: dt.date, currency: str) -> None:
    known = history.purchases(as_of)
    money = known.amount is not None
    gaps = np.diff(known.day, prepend=known.day[:1])
    first = max(0, known.day.size - LAST_PURCHASES)
    rows = [
        (
            to_date(int(known.day[i])),
            "first" if i == 0 else f"{gaps[i]} days after",
            f"{known.amount[i]:,.2f} {currency}" if known.amount is not None else "–",
        )
        for i in range(first, known.day.size)
    ]
    left_out = f" (the last {LAST_PURCHASES})" if first else ""
    show_table(f"{known.day.size} purchase days{left_out}", ("day", "gap", "net amount" if money else ""), rows)


def _show_path(history: History, bundle: Bundle, as_of: dt.date) -> None:
    """P(alive) from the first purchase to as_of, as small bars; each as it was known then."""
    start = int(history.purchases(as_of).day[0])
    end = (as_of - dt.date(1970, 1, 1)).days
    days = np.unique(np.linspace(start, end, min(PATH_POINTS, end - start + 1)).round().astype(int))
    path = []
    for day in days:
        summary = rfm.summarise(history, int(day))
        if not summary.empty:
            alive = bundle.value.p_alive(*(summary[name].to_numpy() for name in ("frequency", "recency", "T")))
            path.append(float(alive[0]))
    bars = "".join(BARS[min(int(value * len(BARS)), len(BARS) - 1)] for value in path)
    console.print(f"P(alive) from {to_date(start)} to {as_of}: {bars}  now {path[-1]:.0%}")


def _show_stages(store: HistoryStore, history: History, bundle: Bundle, as_of: dt.date) -> None:
    """The stages the customer went through, with the day on which each began."""
    end = (as_of - dt.date(1970, 1, 1)).days
    start = int(history.purchases(as_of).day[0])
    season = season_of((store.read(b) for b in range(store.n_buckets)), bundle.stages, last_day=end)
    days = np.arange(start, end + 1)
    codes = stages_at(history, [int(day) for day in days], bundle.stages, season=season)[0]
    changes = np.flatnonzero(np.diff(codes, prepend=-2))
    parts = [f"{STAGES[codes[i]]} ({to_date(int(days[i]))})" for i in changes if codes[i] >= 0]
    console.print("Stages: " + " → ".join(parts))


def _advice(row: dict[str, Any]) -> str:
    if row["action"] is None:
        return "No action of the catalogue pays for itself."
    gain = _number(row["expected_gain"], ",.2f")
    role = "selected" if row["selected"] else "left alone as control" if row["control"] else "not within the budget"
    return f"Action: {row['action']} by {row['channel']}, assumed gain {gain}; {role}, priority {row['priority']}."


def _number(value: object, form: str) -> str:
    return "–" if value is None else format(value, form)
