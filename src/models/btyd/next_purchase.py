"""When the next purchase comes, if it comes within a stated window."""

import numpy as np
import numpy.typing as npt

from lifecycle.models.btyd.bg_nbd import BgNbd
from lifecycle.models.btyd.inputs import Floats, positive
from lifecycle.models.btyd.mbg_nbd import MbgNbd


def next_purchase_in(
    model: BgNbd | MbgNbd, *, within: float, share: float, frequency: npt.ArrayLike, T: npt.ArrayLike
) -> Floats:
    """Return the time from now by which the given share of next purchases has come, of those that come in the window.

    Given alive, purchases come at a rate λ ~ Gamma(r + x, α + T), whatever the silence: that has told how likely it is
    to be alive at all. So the time to the next one is Lomax (Pareto II), P(later than t) =
    ((α + T)/(α + T + t))^(r + x). It is cut at the window: the endless tail of a rare buyer says nothing of a date.

    Parameters
    ----------
    model : BgNbd | MbgNbd
        purchases; its unit of time is that of all times here.
    within : float
        the window, > 0.
    share : float
        in (0, 1): 0.5 is the median, what is to be expected.
    frequency, T : array_like
        repeat purchases and age, n.

    Returns
    -------
    ndarray
        time from now, in (0, within), n.

    Raises
    ------
    ValueError
        the share or the window is out of range.

    Examples
    --------
    >>> from lifecycle.models.btyd import MbgNbd
    >>> model = MbgNbd(0.525, 6.18, 0.891, 1.614)
    >>> next_purchase_in(model, within=52, share=0.5, frequency=[0, 26], T=[31, 31]).round(2)
    array([17.61,  0.98])
    """
    if not 0.0 < share < 1.0:
        raise ValueError(f"share must be between 0 and 1, got {share!r}. The median is 0.5.")
    window = positive("within", within)
    shape = model.r + np.asarray(frequency, dtype=np.float64)
    scale = model.alpha + np.asarray(T, dtype=np.float64)
    comes = -np.expm1(-shape * np.log1p(window / scale))
    return np.asarray(scale * np.expm1(-np.log1p(-share * comes) / shape), dtype=np.float64)
