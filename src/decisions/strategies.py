"""What a stage asks for, and in decline, which of the four answers its cause asks for."""

from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lifecycle.decisions.vocabulary import CAUSES, CHURNED, DECLINE, STAGES, STRATEGIES

_BY_STAGE: Final = ("convert", "activate", "develop", "retain", "rescue", "win_back")
_BY_CAUSE: Final = {
    "complaint": "improve",
    "satisfaction": "improve",
    "returns": "improve",
    "category_lost": "respond",
    "market": "respond",
    "silence": "rescue",
    "volume": "rescue",
}

NO_CAUSE: Final = -1
LET_GO: Final = STRATEGIES.index("let_go")


def assign(stage: NDArray[np.int8], cause: NDArray[np.int8]) -> NDArray[np.int8]:
    """Return strategy codes (positions in `decisions.vocabulary.STRATEGIES`) before it is known what pays.

    Parameters
    ----------
    stage : NDArray[np.int8]
        codes of `decisions.vocabulary.STAGES`.
    cause : NDArray[np.int8]
        codes of `decisions.vocabulary.CAUSES`, `NO_CAUSE` outside decline.

    >>> [STRATEGIES[code] for code in assign(np.array([1, 4, 4], np.int8), np.array([-1, 0, 5], np.int8))]
    ['activate', 'improve', 'rescue']
    """
    by_stage = np.array([STRATEGIES.index(name) for name in _BY_STAGE], np.int8)
    by_cause = np.array([STRATEGIES.index(_BY_CAUSE[name]) for name in CAUSES], np.int8)
    if stage.size and (stage.min() < 0 or stage.max() >= len(STAGES)):
        raise ValueError(
            f"stages must be codes 0 to {len(STAGES) - 1}; found {stage.min()} to {stage.max()}. "
            "Leave out customers who are not yet known (−1)."
        )
    strategy = by_stage[stage]
    declining = (stage == DECLINE) & (cause >= 0)
    strategy[declining] = by_cause[cause[declining]]
    return strategy


def let_go(stage: NDArray[np.int8], strategy: NDArray[np.int8], best_net: NDArray[np.float64]) -> NDArray[np.int8]:
    """Return the strategies with those declining and churned let go whom no action repays; why they decline stays told.

    Parameters
    ----------
    best_net : NDArray[np.float64]
        largest net value of any action that fits the customer; −inf where none fits or none could be valued: nobody is
        let go unjudged.
    """
    hopeless = np.isin(stage, (DECLINE, CHURNED)) & np.isfinite(best_net) & (best_net <= 0)
    return np.where(hopeless, np.int8(LET_GO), strategy).astype(np.int8)


def strategy_labels(codes: NDArray[np.int8]) -> pa.Array:
    """Return canonical names of strategy codes as Arrow strings."""
    return pa.array(STRATEGIES, pa.string()).take(pa.array(codes.astype(np.int32)))


def cause_labels(codes: NDArray[np.int8]) -> pa.Array:
    """Return names of cause codes as Arrow strings; `NO_CAUSE` becomes null.

    >>> cause_labels(np.array([0, -1], np.int8)).to_pylist()
    ['complaint', None]
    """
    return pa.array(CAUSES, pa.string()).take(pa.array(codes.astype(np.int32), pa.int32(), mask=codes < 0))
