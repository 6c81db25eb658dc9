"""Whether an account is acceptable: it adds up, and not too much of a table was quarantined.

Of the optional tables only rows that name a customer are judged: most visits to a shop's pages, say, name none.
"""

from pathlib import Path

from lifecycle.features.records.account import REASONS, Account
from lifecycle.pipelines.ingest.table_spec import IngestError, QuarantineLimits


def judged(account: Account, limits: QuarantineLimits, where: Path | None) -> Account:
    """The account itself; an error that says what was found where the limits are exceeded.

    ``where`` is the quarantine file, if one was kept.
    """
    account.check()
    remedy = f"{'' if where is None else f' The rows are in {where.name}.'} Mend the source or raise the limit."
    found = account.rows("quarantined")
    if account.quarantined_share > limits.max_share:
        reasons = ", ".join(f"{x.rows:,} {x.reason}" for x in account.lines if x.status == "quarantined")
        raise IngestError(
            f"transactions: {found:,} of {account.input_rows:,} rows ({account.quarantined_share:.1%}) would be "
            f"quarantined, at most {limits.max_share:.1%} may be ({reasons}).{remedy}"
        )
    for table in account.tables:
        nobody = table.rows(reason="customer_missing")
        found, rows = table.rows("quarantined") - nobody, table.input_rows - nobody
        if rows and found / rows > limits.max_share:
            reasons = ", ".join(
                f"{x.rows:,} {x.reason}"
                for x in table.lines
                if x.status == "quarantined" and x.reason != "customer_missing"
            )
            raise IngestError(
                f"{table.table}: {found:,} of {rows:,} rows with a customer ({found / rows:.1%}) would be quarantined, "
                f"at most {limits.max_share:.1%} may be ({reasons}).{remedy}"
            )
    for reason, share in limits.by_reason.items():
        if reason not in REASONS:
            raise IngestError(f"quarantine limits: no reason {reason!r}; the reasons are {list(REASONS)}.")
        rows = account.rows(reason=reason)
        if rows > share * account.input_rows:
            raise IngestError(
                f"transactions: {rows:,} of {account.input_rows:,} rows would be quarantined as {reason}, at most "
                f"{share:.1%} may be.{remedy}"
            )
    return account
