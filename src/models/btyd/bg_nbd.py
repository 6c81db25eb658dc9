"""BG/NBD: beta-geometric dropout, gamma-Poisson purchases (Fader, Hardie and Lee, Marketing Science 24, 2005)."""

from dataclasses import dataclass
from typing import ClassVar

from lifecycle.models.btyd.stops_after_purchase import StopsAfterPurchase


@dataclass(frozen=True)
class BgNbd(StopsAfterPurchase):
    """BG/NBD. A customer can stop only after a repeat purchase, so that one-time buyers count as alive for certain.

    Fields ``r``, ``alpha``, ``a``, ``b`` are the paper's; times in the unit of the data.

    >>> model = BgNbd(0.242595, 4.413602, 0.792922, 2.425907)
    >>> round(float(model.expected_purchases(39, 2, 30.43, 38.86)), 3)
    1.226
    """

    name: ClassVar[str] = "BG/NBD"
    in_lifetimes: ClassVar[tuple[str, str]] = ("BetaGeoFitter", "beta_geometric_nbd_model")
    first: ClassVar[int] = 0
    remedy: ClassVar[str] = "MBG/NBD, in which the first purchase may be the last, often has a maximum on such data."
