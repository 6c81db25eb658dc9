"""Drawing by chance that is the same in every run and on every machine: a keyed hash of the id."""

import hashlib

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def drawn(customer_id: pa.Array, *, share: float, salt: str) -> NDArray[np.bool_]:
    """Return whose hash of salt and id falls below the share.

    >>> ids = pa.array(["a", "b", "c"])
    >>> drawn(ids, share=0.5, salt="x").tolist() == drawn(ids, share=0.5, salt="x").tolist()
    True
    """
    key = hashlib.blake2b(salt.encode(), digest_size=32).digest()
    limit = int(share * 2**64)
    ids = customer_id.cast(pa.string()).to_pylist()
    below = (
        int.from_bytes(hashlib.blake2b(one.encode(), digest_size=8, key=key).digest(), "big") < limit for one in ids
    )
    return np.fromiter(below, np.bool_, len(ids))
