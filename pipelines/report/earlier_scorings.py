"""What earlier scorings in the output folder said of the base, so that a report can say what has changed since."""

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow.parquet as pq

from lifecycle.decisions import scores
from lifecycle.decisions.base_summary import value_by_stage
from lifecycle.decisions.kpis import PERIODS
from lifecycle.decisions.stage_policy import StagePolicy
from lifecycle.pipelines.config import Config
from lifecycle.pipelines.score.score_manifest import manifest_path

STAGE_COLUMNS: Final = (
    "stage",
    "residual_value",
    "value_at_risk",
    "winback_value",
    "expected_spend",
    "expected_gain",
    "churn_probability",
    "targeted",
    "selected",
)
VALUE_KPIS: Final = {
    "forecast": "churn_probability",
    "residual_value": "residual_value",
    "value_at_risk": "value_at_risk",
    "winback_value": "winback_value",
}
"""KPIs that rest on a model and are known only where there was a scoring, and the columns they come from."""

_YEAR: Final = 365


@dataclass(frozen=True)
class EarlierScoring:
    """A scoring of an earlier date: its stages with their value, and the rules they were assigned by."""

    as_of: dt.date
    stages: pd.DataFrame
    policy: StagePolicy | None


def stages_of(table: Path) -> pd.DataFrame:
    """Customers, value and risk by stage of a scores table, `decisions.base_summary.value_by_stage`."""
    with pq.ParquetFile(table, read_dictionary=["stage"]) as file:
        return value_by_stage(part.to_pandas() for part in file.iter_batches(columns=list(STAGE_COLUMNS)))


def last_scoring(config: Config, before: dt.date) -> EarlierScoring | None:
    """The latest scoring of an earlier date; None where there is none."""
    dates = sorted(
        date
        for path in (config.directory / "scores").glob("*.parquet")
        if (date := dt.date.fromisoformat(path.stem)) < before and _facts(config, date) is not None
    )
    return scoring_of(config, dates[-1]) if dates else None


def scoring_of(config: Config, as_of: dt.date) -> EarlierScoring | None:
    """The scoring of one date; None where there is none, or its table has another shape."""
    facts, table = _facts(config, as_of), config.directory / "scores" / f"{as_of}.parquet"
    if facts is None or facts.get("table_version") != scores.VERSION or not table.exists():
        return None
    policy = facts.get("stage_policy")
    return EarlierScoring(as_of, stages_of(table), None if policy is None else StagePolicy(**policy))


def value_kpis(config: Config, as_of: dt.date, horizon: int, stages: pd.DataFrame) -> pd.DataFrame:
    """Return the KPIs of `VALUE_KPIS` in the columns of `decisions.kpis.kpi_table`; NaN for dates without a scoring."""
    dates = (as_of - dt.timedelta(days=horizon), as_of - dt.timedelta(days=_YEAR))
    return value_kpi_table(stages, *(getattr(scoring_of(config, date), "stages", None) for date in dates))


def value_kpi_table(*stages: pd.DataFrame | None) -> pd.DataFrame:
    """Return the KPIs of `VALUE_KPIS` from the stages of now, a horizon ago and a year ago, as far as given."""
    table = pd.DataFrame(float("nan"), index=pd.Index(VALUE_KPIS, name="kpi"), columns=list(PERIODS))
    for period, found in zip(PERIODS, stages, strict=False):
        if found is not None:
            table[period] = found.loc["total", list(VALUE_KPIS.values())].to_numpy(dtype=float)
    table["change_before"] = table["now"] - table["before"]
    table["change_last_year"] = table["now"] - table["last_year"]
    return table


def _facts(config: Config, as_of: dt.date) -> Mapping[str, Any] | None:
    manifest = manifest_path(config, as_of.isoformat())
    return json.loads(manifest.read_text()) if manifest.exists() else None
