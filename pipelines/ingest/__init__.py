"""Sources of any kind in, a history store out; the engine that reads and spills is known here and nowhere else."""

from pipelines.ingest.run import ingest
from pipelines.ingest.spec import IngestError, QuarantineLimits, Tables, TableSpec
from pipelines.ingest.store import HistoryStore

__all__ = ["HistoryStore", "IngestError", "QuarantineLimits", "TableSpec", "Tables", "ingest"]
