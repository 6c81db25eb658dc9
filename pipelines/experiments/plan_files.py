"""The files that close the loop: what a scoring planned, and the rates that the next scoring uses."""

import datetime as dt
import hashlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lifecycle.decisions.actions import RetentionPolicy
from lifecycle.decisions.experiments import tables
from lifecycle.decisions.experiments.rates import ASSUMED, Rate, Rates
from lifecycle.decisions.priorities import Plan
from lifecycle.decisions.stages import stage_labels
from lifecycle.decisions.strategies import strategy_labels
from lifecycle.decisions.vocabulary import STAGES
from lifecycle.pipelines.config import Config
from lifecycle.scoring.planning import Parts
from lifecycle.scoring.pseudonyms import Pseudonyms


def files_by_date(folder: Path, ending: str, until: dt.date) -> list[tuple[dt.date, Path]]:
    """Files named by a date that is not after `until`, oldest first."""
    found = []
    for path in folder.glob(f"*.{ending}"):
        try:
            day = dt.date.fromisoformat(path.stem)
        except ValueError:
            continue
        if day <= until:
            found.append((day, path))
    return sorted(found)


def rates_as_of(config: Config, as_of: dt.date) -> tuple[Rates, str]:
    """The latest rates that were measured by a date, and a digest of them; none were: what the catalogue assumes."""
    found = files_by_date(config.directory / "rates", "parquet", as_of)
    if not found:
        return ASSUMED, ""
    path = found[-1][1]
    rows = tuple(Rate(**row) for row in pq.read_table(path).to_pylist())
    return Rates(rows), hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def write_plan(
    path: Path,
    parts: Parts,
    plan: Plan,
    policy: RetentionPolicy,
    rates: Rates,
    as_of: dt.date,
    pseudonyms: Pseudonyms | None,
) -> None:
    """Write whoever has a paying action, in the order of the estimates."""
    names = [action.name for action in policy.actions]
    assumed = np.array([action.rate for action in policy.actions])
    start, found = 0, []
    for part in parts.column_tables(["customer_id", "stage", "churn_probability", "expected_spend"]):
        rows = np.flatnonzero(plan.action[start : start + part.num_rows] >= 0)
        at = rows + start
        start += part.num_rows
        part = part.take(pa.array(rows))
        stage, action = part["stage"].to_numpy(), plan.action[at]
        rate = assumed[action].astype(np.float64)
        for position, name in enumerate(names):
            for code, label in enumerate(STAGES):
                known = rates.of(name, label)
                if known is not None:
                    rate[(action == position) & (stage == code)] = known.rate
        ids = part["customer_id"].combine_chunks()
        found.append(
            tables.table(
                tables.PLAN,
                {
                    "customer_id": ids.cast(pa.string()) if pseudonyms is None else pseudonyms.of_all(ids),
                    "as_of": pa.array([as_of] * rows.size, pa.date32()),
                    "stage": stage_labels(stage),
                    "strategy": strategy_labels(plan.strategy[at]),
                    "action": pa.array(names, pa.string()).take(pa.array(action.astype(np.int32))),
                    "targeted": plan.targeted[at],
                    "control": plan.control[at],
                    "explore": plan.explored[at] > 0,
                    "propensity": plan.propensity[at],
                    "movable": plan.movable[at],
                    "rate": rate,
                    "expected_gain": plan.expected_gain[at],
                    "break_even": plan.break_even_save_rate[at],
                    "churn_probability": part["churn_probability"].to_numpy(),
                    "expected_spend": part["expected_spend"].to_numpy(),
                },
            )
        )
    pq.write_table(pa.concat_tables(found), path, compression="zstd")
