"""Sources of any kind in, a history store out; the engine that reads and spills is known here and nowhere else."""

from lifecycle.pipelines.ingest.ingesting import ingest
from lifecycle.pipelines.ingest.store import HistoryStore
from lifecycle.pipelines.ingest.table_spec import IngestError, QuarantineLimits, Tables, TableSpec

__all__ = ["HistoryStore", "IngestError", "QuarantineLimits", "TableSpec", "Tables", "ingest"]
