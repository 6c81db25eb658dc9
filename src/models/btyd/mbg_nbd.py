"""MBG/NBD: BG/NBD whose customers may also stop after the first purchase (Batislam, Denizel and Filiztekin, 2007)."""

from dataclasses import dataclass
from typing import ClassVar

from lifecycle.models.btyd.stops_after_purchase import StopsAfterPurchase


@dataclass(frozen=True)
class MbgNbd(StopsAfterPurchase):
    """MBG/NBD. Fields ``r``, ``alpha``, ``a``, ``b``; times in the unit of the data.

    >>> model = MbgNbd(0.52484, 6.18309, 0.89136, 1.61400)
    >>> bool(model.p_alive(0, 0, 38.86) < 1)
    True
    """

    name: ClassVar[str] = "MBG/NBD"
    in_lifetimes: ClassVar[tuple[str, str]] = ("ModifiedBetaGeoFitter", "modified_beta_geometric_nbd_model")
    first: ClassVar[int] = 1
    remedy: ClassVar[str] = "Fit more customers or a longer period, or judge by repeat purchases alone."
