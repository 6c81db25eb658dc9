"""What winning a lost customer back is worth net of the risk of lending to them again, for the one knapsack."""

import numpy as np
from numpy.typing import NDArray

from lifecycle.decisions.credit.policy import GRADES, CreditPolicy

F64 = NDArray[np.float64]


def new_grade(before: NDArray[np.int64], now: NDArray[np.int64], written_off: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the grade of the new terms: as now, but at most one below the old; E (prepaid) after a write-off.

    >>> new_grade(np.array([0, 0, 2]), np.array([0, 3, 2]), np.array([False, False, True])).tolist()
    [0, 1, 4]
    """
    return np.where(written_off, len(GRADES) - 1, np.minimum(now, before + 1)).astype(np.int64)


def net_winback(
    winback_value: F64,
    p_return: F64,
    spend_a_day: F64,
    pd_: F64,
    lgd: F64,
    grade: NDArray[np.int64],
    cost: F64,
    policy: CreditPolicy,
) -> F64:
    """Return winback_value − expected loss of the exposure on the new terms − cost, in money (n,).

    The exposure of who comes back is what is bought within the terms and the grace: spend a day·(terms + grace);
    nothing where the grade is prepaid. It is lost with P(return)·PD·LGD.
    """
    days = np.array(policy.terms_days)[grade]
    exposure = np.where(days > 0, np.maximum(spend_a_day, 0.0) * (days + policy.grace_days), 0.0)
    return winback_value - p_return * pd_ * lgd * exposure - cost
