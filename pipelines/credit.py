"""The verb `lifecycle credit`: limits, terms and reviews of everybody with an invoice, from the present scoring."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from lifecycle.decisions.credit import credit_table
from lifecycle.decisions.credit.policy import GRADES, CreditPolicy
from lifecycle.decisions.vocabulary import STAGES, Language, stage_name
from lifecycle.models.credit.boosted import BoostedProbability
from lifecycle.models.credit.roll_rates import BUCKETS
from lifecycle.pipelines.atomic_files import replacing
from lifecycle.pipelines.config import Config
from lifecycle.pipelines.ingest import HistoryStore
from lifecycle.pipelines.score.policies import pseudonyms
from lifecycle.pipelines.score.present_scoring import present_scoring
from lifecycle.pipelines.score.scoring import champion_of
from lifecycle.pipelines.terminal import Progress, console, show_table
from lifecycle.pipelines.tracking.mlflow_store import Tracker
from lifecycle.pipelines.train.training import known_until
from lifecycle.scoring.credit_rows import CreditBase, CreditRows, credit_rows
from lifecycle.words.credit_texts import say
from lifecycle.words.numbers import count, money, share

REVIEWED = 10
"""Customers to review first that are shown."""


class CreditError(RuntimeError):
    """Credit cannot be decided; the message names the remedy."""


@dataclass(frozen=True, eq=False)
class Credit:
    """A finished decision on credit: where its table lies, and what is said of it."""

    as_of: dt.date
    path: Path
    table: pa.Table
    rows: CreditRows
    policy: CreditPolicy


def credit_path(config: Config, as_of: dt.date) -> Path:
    """Where the credit table of a date lies."""
    return config.directory / "credit" / f"{as_of}.parquet"


def credit_policy(config: Config) -> CreditPolicy:
    """The policy of credit: its defaults, and what the section [credit] sets."""
    return CreditPolicy(**config.credit.model_dump(exclude_none=True))


def decide_credit(config: Config, store: HistoryStore, tracker: Tracker, progress: Progress) -> Credit:
    """Decide on the credit of every customer with an invoice, and write `credit/<as_of>.parquet`.

    Raises
    ------
    CreditError
        there is no payments table, or no invoice by the date.
    ScoringError
        there is no present scoring of the date.
    """
    if config.tables.payments is None:
        raise CreditError(
            "credit needs invoices: add [tables.payments] with customer_id, invoiced_at, due_at, paid_at and amount, "
            "and run `lifecycle ingest` again."
        )
    as_of = known_until(config, store)
    champion, _ = champion_of(tracker)
    scored, _ = present_scoring(config, as_of, champion)
    policy = credit_policy(config)
    day = (as_of - dt.date(1970, 1, 1)).days
    outcome_days = max(min(policy.outcome_days, (as_of - store.first_day).days // 2), 1)
    progress("replaying invoices")
    base = CreditBase.of([store.read(b, with_lines=False) for b in range(store.n_buckets)], day, policy, outcome_days)
    if len(base.now) == 0:
        raise CreditError(f"the payments table has no invoice by {as_of}: nothing to decide on.")
    wanted = ["customer_id", "stage", "horizon_days", "expected_spend", "expected_spend_high"]
    scores = pq.read_table(scored, columns=wanted).to_pandas().set_index("customer_id")
    names = pseudonyms(config)
    if names is not None:
        base = base.renamed(names.of_all(pa.array(base.now.index)).to_pylist())
    progress("deciding")
    rows = credit_rows(
        base,
        scores,
        as_of,
        policy,
        outcome_days=outcome_days,
        margin=config.money.margin,
        yearly_rate=config.money.discount_rate_per_year,
    )
    table = credit_table.from_columns(rows.columns)
    path = credit_path(config, as_of)
    with replacing(path) as partial:
        pq.write_table(table, partial, compression="zstd")
    return Credit(as_of, path, table, rows, policy)


def credit_row(config: Config, as_of: dt.date, customer_id: object) -> dict[str, Any] | None:
    """The row of one customer in the credit table of a date; None without a table or a row."""
    path = credit_path(config, as_of)
    if not path.exists():
        return None
    found = pq.read_table(path, filters=[("customer_id", "=", customer_id)]).to_pylist()
    return found[0] if found else None


def show_credit(credit: Credit, config: Config) -> None:
    """Print exposure and loss by stage and grade, ageing, moves, decisions, reviews, and what is assumed."""
    language, currency = config.output.language, config.money.currency
    frame = credit.table.to_pandas()
    frame["stage"] = frame["stage"].map(
        {s: stage_name(s, language=language, scheme=config.output.scheme) for s in STAGES}
    )
    stages = [stage_name(s, language=language, scheme=config.output.scheme) for s in STAGES]
    frame["decision"] = frame["decision"].map({d: say(d, language) for d in frame["decision"].unique()})
    for title, key, order in (
        ("by_stage", "stage", stages),
        ("by_grade", "grade", list(GRADES)),
        ("by_decision", "decision", sorted(frame["decision"].unique())),
    ):
        _show_sums(frame, say(title, language, date=credit.as_of), key, order, language, currency)
    ages = credit.rows.ageing
    total = sum(ages.values())
    lines = [
        (bucket, money(value, currency, language), share(value / total if total else float("nan")))
        for bucket, value in zip(BUCKETS, ages.values(), strict=True)
    ]
    show_table(say("ageing", language), ("", say("amount", language), say("share", language)), lines, left=("",))
    moves = credit.rows.rolls.counts
    show_table(
        say("rolls", language),
        (say("before", language), *BUCKETS),
        [(bucket, *(count(v) for v in row)) for bucket, row in zip(BUCKETS, moves.to_numpy(), strict=True)],
        left=(say("before", language),),
    )
    first = frame[frame["triggers"] != ""].sort_values(["expected_loss", "open_amount"], ascending=False).head(REVIEWED)
    if len(first):
        reviewed = [
            (
                str(row["customer_id"]),
                money(row["expected_loss"], currency, language),
                money(row["open_amount"], currency, language),
                triggers_in_words(row["triggers"], language),
            )
            for row in first.to_dict("records")
        ]
        head = tuple(say(key, language) for key in ("customer", "loss", "open", "why"))
        show_table(say("review", language), head, reviewed, left=(head[0], head[3]))
    for line in notes(credit, language, currency):
        console.print(line)


def show_file(row: Mapping[str, Any], language: Language, currency: str) -> None:
    """Print the credit of one customer, from the customer's row of the credit table."""
    console.print(say("file", language), style="bold")
    amounts = {
        name: money(row[column], currency, language)
        for name, column in (("open", "open_amount"), ("overdue", "overdue_amount"), ("limit", "limit"))
    }
    decided = {"bound": say(f"bound_{row['limit_bound']}", language), "decision": say(row["decision"], language)}
    console.print(say("file_money", language, days=row["days_past_due"], terms=row["terms_days"], **amounts, **decided))
    loss, basis = money(row["expected_loss"], currency, language), say(f"basis_{row['pd_basis']}", language)
    console.print(say("file_risk", language, grade=row["grade"], pd=share(row["pd"]), basis=basis, loss=loss))
    if row["late_probability"] is not None:
        late, days = share(row["late_probability"]), f"{row['expected_days_late']:.1f}"
        console.print(say("file_late", language, late=late, days=days))
    if row["triggers"]:
        console.print(say("file_triggers", language, triggers=triggers_in_words(row["triggers"], language)))
    if row["settled"]:
        console.print(say("settled", language))


def triggers_in_words(triggers: str, language: Language) -> str:
    """The triggers of a row in words."""
    return ("、" if language == "zh" else ", ").join(say(name, language) for name in triggers.split(", "))


def notes(credit: Credit, language: Language, currency: str) -> list[str]:
    """What the numbers rest on: learned or assumed, the log's length, lateness, and the budget of loss."""
    rows, policy = credit.rows, credit.policy
    model = rows.default_model
    told = {"rows": count(model.rows), "defaults": count(model.defaults)}
    said = []
    if model.model is None:
        said.append(say("assumed", language, pd=share(model.assumed), **told))
    else:
        name = "LightGBM" if isinstance(model.model, BoostedProbability) else "scorecard"
        said.append(say("learned", language, days=rows.outcome_days, model=name, **told))
    if rows.outcome_days < policy.outcome_days:
        said.append(say("shorter", language, asked=policy.outcome_days, days=rows.outcome_days))
    if rows.late_model.bound:
        said.append(say(rows.late_model.bound, language))
    said.append(say("sales_outstanding", language, days=count(rows.days_sales_outstanding)))
    budget = money(policy.loss_budget, currency, language)
    if not rows.budget.feasible:
        said.append(say("infeasible", language, budget=budget, excess=money(rows.budget.excess, currency, language)))
    elif rows.budget.multiplier > 0:
        said.append(say("multiplier", language, budget=budget, multiplier=f"{1 + rows.budget.multiplier:.2f}"))
    said.append(say("silent", language))
    return said


def _show_sums(frame: pd.DataFrame, title: str, key: str, order: list[str], language: Language, currency: str) -> None:
    """Print customers, open and overdue money, expected loss and limits by a column, with their total."""
    columns = ["open_amount", "overdue_amount", "expected_loss", "limit_now", "limit"]
    sums = frame.groupby(key)[columns].sum()
    sizes = frame.groupby(key).size()
    lines = [
        (name, count(sizes[name]), *(money(float(sums[c][name]), currency, language) for c in columns))
        for name in order
        if name in sizes.index
    ]
    every = (money(float(frame[c].sum()), currency, language) for c in columns)
    lines.append((say("total", language), count(len(frame)), *every))
    head = [say(name, language) for name in (key, "customers", "open", "overdue", "loss", "limit_now", "limit")]
    show_table(title, head, lines, left=(head[0],))
