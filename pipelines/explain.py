"""One customer: what happened, how alive they were along the way, the stages, the estimates and what to do."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from rich.cells import cell_len

from lifecycle.decisions.season_factor import season_of
from lifecycle.decisions.stages import stages_at
from lifecycle.decisions.vocabulary import STAGES, Language, Scheme, stage_name, strategy_name
from lifecycle.features import rfm
from lifecycle.features.history import History
from lifecycle.features.ragged import take
from lifecycle.features.window import Window, to_date
from lifecycle.models import forecasting
from lifecycle.pipelines.config import Config
from lifecycle.pipelines.credit import credit_row, show_file
from lifecycle.pipelines.ingest import HistoryStore
from lifecycle.pipelines.score.policies import pseudonyms as pseudonyms_of
from lifecycle.pipelines.score.present_scoring import present_scoring
from lifecycle.pipelines.score.scoring import ScoringError, champion_of
from lifecycle.pipelines.terminal import console, show_table
from lifecycle.pipelines.tracking.mlflow_store import open_tracker
from lifecycle.pipelines.train.training import known_until
from lifecycle.scoring.champion import Bundle
from lifecycle.scoring.model_reasons import Speaker
from lifecycle.scoring.pseudonyms import Pseudonyms
from lifecycle.words import experiment_texts, numbers
from lifecycle.words import report_texts as texts
from lifecycle.words.explain_texts import say

LAST_PURCHASES = 12
COLUMNS = 60
BARS = "▁▂▃▄▅▆▇█"
LETTERS = "PNGMDC"
"""One a stage, for the timeline."""

RANGES = ("expected_purchases", "expected_spend", "residual_value")
SHARES = ("churn_probability", "loss_probability", "decline_probability", "p_alive")
AMOUNTS = ("value_at_risk", "winback_value", "clv")


def explain(config: Config, customer_id: str) -> None:
    """Print one customer's story as of the configured date, in the language of the output.

    Where ids go out as pseudonyms, the customer may be named by either: the history is searched for the id whose
    pseudonym it is, which takes the key. What is printed shows the pseudonym.

    Raises
    ------
    ScoringError
        the customer was not scored on that date, or the scoring is not the present one.
    """
    store = HistoryStore.open(config.directory / "history")
    as_of = known_until(config, store)
    pseudonyms = pseudonyms_of(config)
    champion, bundle = champion_of(open_tracker(config))
    table, _ = present_scoring(config, as_of, champion)
    row = _scored(table, customer_id, pseudonyms)
    history = _history_of(store, row["customer_id"], pseudonyms)
    window = Window(as_of, bundle.horizon)
    output = config.output
    words = Words(output.language, output.scheme, config.money.currency)
    tell(row, history, Base(bundle, window, store.days_only, lambda: store.read(0)), words)
    credit = credit_row(config, as_of, row["customer_id"])
    if credit is not None:
        show_file(credit, output.language, config.money.currency)


@dataclass(frozen=True)
class Words:
    """Language, scheme of the stages' names, and currency of what is said."""

    language: Language = "en"
    scheme: Scheme = "canonical"
    currency: str = ""


@dataclass(frozen=True)
class Base:
    """What a customer is seen against: the champion, the date, the base's parts and one of them with its lines."""

    bundle: Bundle
    window: Window
    days: Iterable[History]
    first_part: Callable[[], History]


def tell(row: Mapping[str, Any], history: History | None, base: Base, words: Words) -> None:
    """Print the story of one customer.

    Parameters
    ----------
    row : Mapping[str, Any]
        the customer's row of the scores; one without the columns of a plan gets no advice.
    history : History | None
        the customer's own history; None where there is none.
    base : Base
        what the customer is seen against.
    words : Words
        language, scheme and currency.
    """
    story = _Story(row, base, words)
    console.print(story.say("head", id=row["customer_id"], date=base.window.as_of), style="bold")
    bought = history is not None and row["frequency"] is not None
    if history is not None and bought:
        story.show_timeline(history)
        story.show_purchases(history)
    story.show_stage()
    story.show_estimates()
    story.show_reasons(history if bought else None)
    if "strategy" in row:
        story.show_advice()


@dataclass(frozen=True)
class _Story:
    """What is told of one customer, each method a part of it."""

    row: Mapping[str, Any]
    base: Base
    words: Words

    @property
    def language(self) -> Language:
        return self.words.language

    def say(self, key: str, **values: object) -> str:
        return say(key, self.language, **values)

    def days(self, n: int) -> str:
        return self.say("day") if n == 1 else self.say("days", n=f"{n:,}")

    def stage(self, name: str) -> str:
        return stage_name(name, language=self.language, scheme=self.words.scheme)

    def show_timeline(self, history: History) -> None:
        """Purchases, P(alive) and stages side by side over time, each as it was known then."""
        window, bundle = self.base.window, self.base.bundle
        known = history.purchases(window.as_of)
        start, end = int(known.day[0]), window.as_of_day
        width = max(1, -(-(end - start + 1) // COLUMNS))
        ends = np.arange(start + width - 1, end + width, width).clip(max=end)
        counts = np.bincount((known.day - start) // width, minlength=ends.size)
        season = season_of(self.base.days, bundle.stages, last_day=end)
        every = stages_at(history, list(range(start, end + 1)), bundle.stages, season=season)[0]
        alive = [_alive(history, bundle, int(day)) for day in ends]
        bars = "".join(BARS[min(int(one * len(BARS)), len(BARS) - 1)] for one in alive)
        lines = (
            ("row_purchases", "".join("·" if n == 0 else str(n) if n < 10 else "+" for n in counts), ""),
            ("row_alive", bars, self.say("alive_now", p=numbers.share(alive[-1], 0))),
            ("row_stage", "".join(LETTERS[code] for code in every[ends - start]), ""),
        )
        console.print(self.say("timeline", first=to_date(start), last=window.as_of, days=self.days(width)))
        room = max(cell_len(self.say(key)) for key, _, _ in lines) + 2
        for key, drawn, more in lines:
            label = self.say(key)
            console.print(f"{label}{' ' * (room - cell_len(label))}{drawn}  {more}".rstrip(), highlight=False)
        changes = np.flatnonzero(np.diff(every, prepend=-2))
        path = " → ".join(
            f"{LETTERS[every[i]]} {self.stage(STAGES[every[i]])} ({to_date(start + int(i))})" for i in changes
        )
        console.print(self.say("stage_path", path=path) + "\n")

    def show_purchases(self, history: History) -> None:
        """The last purchase days with gaps and amounts."""
        known = history.purchases(self.base.window.as_of)
        gaps = np.diff(known.day, prepend=known.day[:1])
        first = max(0, known.day.size - LAST_PURCHASES)
        rows = [
            (
                to_date(int(known.day[i])),
                self.say("first_day") if i == 0 else self.say("after", days=self.days(int(gaps[i]))),
                *((f"{known.amount[i]:,.2f} {self.words.currency}",) if known.amount is not None else ()),
            )
            for i in range(first, known.day.size)
        ]
        head = ["col_day", "col_gap", *(["col_amount"] if known.amount is not None else [])]
        title = "the_last" if first else "purchase_day" if known.day.size == 1 else "purchase_days"
        said = self.say(title, n=known.day.size, shown=LAST_PURCHASES)
        show_table(said, [self.say(key) for key in head], rows)

    def show_stage(self) -> None:
        """The present stage and since when."""
        since = self.say("since", date=self.row["stage_since"]) if self.row["stage_since"] else ""
        name = self.stage(self.row["stage"])
        console.print("\n" + self.say("stage_now", stage=name, since=since))

    def show_estimates(self) -> None:
        """Forecasts with intervals, probabilities, values."""
        row, horizon = self.row, self.row["horizon_days"]
        rows = [
            (
                self.say(name, days=horizon),
                _number(row[name], ",.2f"),
                ""
                if row[f"{name}_low"] is None
                else self.say(
                    "from_to", low=_number(row[f"{name}_low"], ",.2f"), high=_number(row[f"{name}_high"], ",.2f")
                ),
            )
            for name in RANGES
        ]
        rows += [(self.say(name, days=horizon), _share(row[name]), "") for name in SHARES]
        rows += [(self.say(name), _number(row[name], ",.2f"), "") for name in AMOUNTS]
        stated = [one for one in rows if one[1] != numbers.MISSING]
        if not stated:
            console.print(self.say("no_estimates"))
            return
        head = [self.say(key) for key in ("col_what", "col_value", "col_interval")]
        show_table(self.say("estimates"), head, stated, left=head[:1])

    def show_reasons(self, history: History | None) -> None:
        """The reasons of the scores table; where these are by rules, also what the model says."""
        by_model = self.row.get("reasons_from") == "model"
        if "reasons" in self.row:
            console.print(self.say("why_model" if by_model else "why_rules", reasons=self.row["reasons"]))
        if by_model or history is None or not forecasting.has_drivers(self.base.bundle.forecaster):
            return
        bundle, window = self.base.bundle, self.base.window
        speaker = Speaker.of(
            self.base.first_part(), bundle, window, language=self.language, currency=self.words.currency
        )
        [drivers] = speaker.say(history)
        if drivers is not None:
            separator = "; " if self.language == "en" else "；"
            reasons = separator.join(part for part in (drivers.against, drivers.favour) if part)
            console.print(self.say("model_says", reasons=reasons))

    def show_advice(self) -> None:
        """Strategy and action, what it is assumed to bring, and whether the customer is on the list."""
        row = self.row
        console.print(self.say("strategy", strategy=strategy_name(row["strategy"], language=self.language)))
        if row["action"] is None:
            console.print(self.say("no_action"))
            return
        role = "role_selected" if row["selected"] else "role_control" if row["control"] else "role_none"
        console.print(
            self.say(
                "advice",
                action=self._named("action", row["action"]),
                channel=self._named("channel", row["channel"]),
                gain=_number(row["expected_gain"], ",.2f"),
                rate=_share(row["break_even_save_rate"]),
                role=self.say(role),
                priority=f"{row['priority']:,}",
            )
        )
        basis = experiment_texts.say(f"basis_{row['gain_basis']}", self.language)
        low, high = (_number(row[f"expected_gain_{end}"], ",.2f") for end in ("low", "high"))
        console.print(experiment_texts.say("explain_gain_basis", self.language, basis=basis, low=low, high=high))

    def _named(self, kind: str, name: str) -> str:
        key = f"{kind}_{name}"
        return texts.text(key, self.language) if texts.has(key) else name.replace("_", " ")


def _scored(path: Path, customer_id: str, pseudonyms: Pseudonyms | None) -> dict[str, Any]:
    kind = pq.read_schema(path).field("customer_id").type
    names = [customer_id] if pseudonyms is None else [pseudonyms.of(customer_id), customer_id]
    try:
        wanted = pa.array(names).cast(kind)
    except pa.ArrowInvalid:
        raise ScoringError(f"customer ids are of type {kind} in this log; found {customer_id!r}.") from None
    found = pq.read_table(path, filters=pc.field("customer_id").isin(wanted)).to_pylist()
    if not found:
        raise ScoringError(f"customer {customer_id!r} is not among those scored as of {path.stem}; is the id complete?")
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


def _alive(history: History, bundle: Bundle, day: int) -> float:
    """P(alive) as it was known at the end of a day."""
    summary = rfm.summarise(history, day)
    found = bundle.value.p_alive(*(summary[name].to_numpy() for name in ("frequency", "recency", "T")))
    return float(found[0]) if found.size else 1.0


def _number(value: object, form: str) -> str:
    return "–" if value is None else format(value, form)


def _share(value: float | None) -> str:
    return numbers.MISSING if value is None else numbers.share(value)
