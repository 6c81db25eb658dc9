"""The manifest of a scoring: what was scored by what, how long it took, and how the outputs can be told to be whole."""

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from math import isnan, nan
from pathlib import Path
from typing import Any

from lifecycle.decisions.plan_summary import Detectable, PlanSummary
from lifecycle.pipelines.atomic_files import replacing
from lifecycle.pipelines.config import Config
from lifecycle.pipelines.tracking.code_version import code_version


def manifest_path(config: Config, day: str) -> Path:
    """Where the manifest of a scoring lies."""
    return config.directory / "manifests" / f"{day}.json"


def finished(config: Config, day: str, key: str) -> dict[str, Any] | None:
    """The manifest of a scoring that is this very one, its outputs unchanged since; else None.

    A checkout with uncommitted changes may score otherwise than the same commit did before: it always scores again.
    """
    path = manifest_path(config, day)
    if not path.exists() or code_version().endswith("+changes"):
        return None
    facts: dict[str, Any] = json.loads(path.read_text())
    outputs = {config.directory / name: digest for name, digest in facts["outputs"].items()}
    same = facts["key"] == key and all(one.exists() and _digest(one) == digest for one, digest in outputs.items())
    return facts if same else None


def listed(facts: Mapping[str, Any]) -> PlanSummary:
    """The list in numbers, as a manifest holds them: null where there is no number, for JSON has no other word."""
    given: Mapping[str, Any] = facts["list"]
    document: dict[str, Any] = {
        name: nan if value is None and name != "budget" else value for name, value in given.items()
    }
    pairs = tuple((float(rate), float(gain)) for rate, gain in document["by_rate"])
    effects: dict[str, Any] = {name: nan if value is None else value for name, value in document["detectable"].items()}
    return PlanSummary(**{**document, "by_rate": pairs, "detectable": Detectable(**effects)})


def digests(config: Config, outputs: Sequence[Path]) -> dict[str, str]:
    """Digests of files below the output folder, by their path in it."""
    return {str(one.relative_to(config.directory)): _digest(one) for one in outputs}


def write_manifest(config: Config, day: str, facts: Mapping[str, object]) -> Path:
    """Write the manifest in one piece."""
    path = manifest_path(config, day)
    document = {**facts, "written_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds")}
    with replacing(path) as partial:
        partial.write_text(json.dumps(_without_nan(document), indent=1, allow_nan=False) + "\n")
    return path


def _without_nan(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and isnan(value) else value


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
