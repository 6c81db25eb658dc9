"""The scoring of a date, checked for being one of the present champion, software and language before it is shown."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

from lifecycle.decisions import scores
from lifecycle.pipelines.config import Config
from lifecycle.pipelines.score.score_manifest import manifest_path
from lifecycle.pipelines.score.scoring import ScoringError
from lifecycle.pipelines.tracking.model_registry import VERSION_TAG, Registered


def present_scoring(config: Config, as_of: dt.date, champion: Registered) -> tuple[Path, dict[str, Any]]:
    """Return the scores table of a date, and its manifest.

    Raises
    ------
    ScoringError
        there is none, or it was made by another model or software, or in another language.
    """
    day = as_of.isoformat()
    table, manifest = config.directory / "scores" / f"{day}.parquet", manifest_path(config, day)
    if not (table.exists() and manifest.exists()):
        raise ScoringError(f"there is no scoring as of {day} in {config.directory}: run `lifecycle score` first.")
    facts: dict[str, Any] = json.loads(manifest.read_text())
    wanted = {
        "table_version": scores.VERSION,
        "model_version": champion.tags[VERSION_TAG],
        "language": config.output.language,
    }
    found = {name: facts.get(name) for name in wanted}
    if found != wanted:
        told = "; ".join(f"{name} {found[name]}, now {wanted[name]}" for name in wanted if found[name] != wanted[name])
        raise ScoringError(f"the scoring as of {day} is not the present one ({told}): run `lifecycle score` again.")
    return table, facts
