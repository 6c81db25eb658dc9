"""Keyed hashes in the place of customer ids, for everything that leaves this machine.

A pseudonym is the first 32 hexadecimal digits of HMAC-SHA-256 over the id's text in UTF-8 (whole numbers in decimal):
128 bits, so that two customers of a billion share one with a chance below 1e-20. Whoever holds the key can make it
again, in a database too; nobody else can turn it back. Ties and the draw of the control group rest on the ids
themselves, so that another key leaves the list and the control group as they are.
"""

import hmac
from dataclasses import dataclass, field

import pyarrow as pa

DIGITS = 32
SHORTEST = 16
"""Bytes that a key must have."""


class PseudonymError(ValueError):
    """Ids cannot be pseudonymised; the message names the remedy, never the key."""


@dataclass(frozen=True)
class Pseudonyms:
    """The key, which is written nowhere.

    >>> Pseudonyms(b"0123456789abcdef").of("C1")
    '9847d1d4a07bd1e7c7f37ba534196f13'
    """

    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse a key that can be guessed by trying."""
        if len(self.key) < SHORTEST:
            raise PseudonymError(
                f"output.pseudonym_key_env: the key must have at least {SHORTEST} bytes; found {len(self.key)}. "
                "Make one with `openssl rand -hex 32` and keep it: another key gives other pseudonyms."
            )

    def of(self, customer_id: str | int) -> str:
        """The pseudonym of one id."""
        keyed = hmac.digest(self.key, str(customer_id).encode(), "sha256")
        return keyed.hex()[:DIGITS]

    def of_all(self, customer_id: pa.Array) -> pa.Array:
        """The pseudonyms of an Arrow array of ids, as strings in the same order."""
        return pa.array((self.of(one) for one in customer_id.to_pylist()), pa.string(), size=len(customer_id))

    @property
    def digest(self) -> str:
        """What tells one key from another, and nothing else about it."""
        return hmac.digest(self.key, b"which key is this", "sha256").hex()
