"""Whether an account is acceptable: it adds up, and not too much of a table was quarantined.

Of the optional tables only rows that name a customer are judged: most visits to a shop's pages, say, name none.
"""

from collections.abc import Mapping
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from lifecycle.features.records.account import REASONS, Account
from lifecycle.pipelines.ingest.refusals import REMEDIES
from lifecycle.pipelines.ingest.table_spec import IngestError, QuarantineLimits


def judged(account: Account, limits: QuarantineLimits, rows: Path, *, kept: bool) -> Account:
    """The account itself; an error that says what was found where the limits are exceeded.

    ``rows`` is the quarantine file, from which an example of each reason is taken; ``kept`` whether it stays there.
    """
    account.check()
    where = rows if kept else None
    remedy = f"{'' if where is None else f' The rows are in {where.name}.'} Mend the source or raise the limit."
    found = account.rows("quarantined")
    if account.quarantined_share > limits.max_share:
        counts = {x.reason: x.rows for x in account.lines if x.status == "quarantined"}
        raise IngestError(
            f"transactions: {found:,} of {account.input_rows:,} rows ({account.quarantined_share:.1%}) would be "
            f"quarantined, at most {limits.max_share:.1%} may be "
            f"({_exemplified(counts, rows, 'transactions')}).{remedy}"
        )
    for table in account.tables:
        nobody = table.rows(reason="customer_missing")
        found, named = table.rows("quarantined") - nobody, table.input_rows - nobody
        if named and found / named > limits.max_share:
            counts = {x.reason: x.rows for x in table.lines if x.status == "quarantined"}
            counts.pop("customer_missing", None)
            raise IngestError(
                f"{table.table}: {found:,} of {named:,} rows with a customer ({found / named:.1%}) would be "
                f"quarantined, at most {limits.max_share:.1%} may be "
                f"({_exemplified(counts, rows, table.table)}).{remedy}"
            )
    for reason, share in limits.by_reason.items():
        if reason not in REASONS:
            raise IngestError(f"quarantine limits: no reason {reason!r}; the reasons are {list(REASONS)}.")
        found = account.rows(reason=reason)
        if found > share * account.input_rows:
            raise IngestError(
                f"transactions: {found:,} of {account.input_rows:,} rows would be quarantined as {reason}, at most "
                f"{share:.1%} may be.{remedy}"
            )
    return account


def _exemplified(counts: Mapping[str, int], rows: Path, table: str) -> str:
    """The reasons with how many rows each has, an example of it, and what most often helps."""
    found = pq.read_table(rows, filters=pc.field("table") == table).to_pandas()
    told = []
    for reason, count in counts.items():
        mine = found[found["reason"] == reason].head(1)
        column = next((one for one in ("timestamp", "amount") if reason.startswith(one)), "source")
        example = str(mine[column].iloc[0])[:120] if len(mine) and column in mine else ""
        helps = f"; {REMEDIES[reason]}" if reason in REMEDIES else ""
        told.append(f"{count:,} {reason}{f', such as {example!r}' if example else ''}{helps}")
    return " | ".join(told)
