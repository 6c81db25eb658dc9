"""Exploration: a few customers of the list, and as many just outside it, are treated by the toss of a coin.

Without it nothing can be learned outside today's list. What those within leave by chance pays for those outside: the
money and the numbers of contacts of an action stay as planned.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lifecycle.decisions.draw import drawn
from lifecycle.decisions.gains import Floats

Flags = NDArray[np.bool_]
COIN: Final = 0.5


@dataclass(frozen=True, eq=False)
class Explored:
    """Who is explored, positions in the arrays that were given.

    Attributes
    ----------
    inside, outside : NDArray[np.int64]
        of the list, and of those just not on it.
    left_alone : NDArray[np.int64]
        those of both whom the coin leaves alone.
    """

    inside: NDArray[np.int64]
    outside: NDArray[np.int64]
    left_alone: NDArray[np.int64]


def explore(
    customer_id: pa.Array,
    listed: Flags,
    action: NDArray[np.int64],
    gain: Floats,
    cost: Floats,
    *,
    share: float,
    salt: str,
) -> Explored:
    """Draw who is explored among customers with a paying action.

    Parameters
    ----------
    customer_id : pa.Array
        (n,) ids; the draw is a hash of them.
    listed : Flags
        (n,) who is on the list.
    action : NDArray[np.int64]
        (n,) position of the action in the catalogue.
    gain, cost : Floats
        (n,) net gain and cost of the action; those with the largest gain are "just not on the list".
    share : float
        of the list, and of as many who are just not on it.
    """
    none = np.empty(0, np.int64)
    out = np.flatnonzero(~listed)
    if share <= 0 or not out.size or not listed.any():
        return Explored(none, none, none)
    near = out[np.argsort(-gain[out], kind="stable")][: int(listed.sum())]
    chosen = drawn(customer_id, share=share, salt=f"{salt} explore")
    alone = drawn(customer_id, share=COIN, salt=f"{salt} coin")
    inside = np.flatnonzero(listed & chosen)
    money, contacts = np.zeros(int(action.max()) + 1), np.zeros(int(action.max()) + 1)
    np.add.at(money, action[inside[alone[inside]]], cost[inside[alone[inside]]])
    np.add.at(contacts, action[inside[alone[inside]]], 1.0)
    outside = []
    for i in near[chosen[near]]:
        if not alone[i]:
            money[action[i]] -= cost[i]
            contacts[action[i]] -= 1
            if money[action[i]] < 0 or contacts[action[i]] < 0:
                break
        outside.append(i)
    if not outside:
        return Explored(none, none, none)
    both = np.concatenate([inside, np.array(outside, np.int64)])
    return Explored(inside, np.array(outside, np.int64), both[alone[both]])
