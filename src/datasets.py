"""Logs to try things on: CDNOW, which ships in the ``lifetimes`` package."""

from importlib.metadata import distribution
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def cdnow() -> "pd.DataFrame":
    """All purchases of 23,570 customers of an online music shop who first bought in the first quarter of 1997.

    Returns
    -------
    pandas.DataFrame
        69,659 rows: ``customer_id`` (text), ``date`` (datetime64, 1997-01-01 to 1998-06-30), ``quantity`` (CDs) and
        ``amount`` (US dollars, 2,500,315.63 in all).

    References
    ----------
    Fader and Hardie, "Forecasting repeat sales at CDNOW: a case study", Interfaces 31 (2001), S94-S107.

    Examples
    --------
    >>> log = cdnow()
    >>> len(log), log["customer_id"].nunique(), round(log["amount"].sum(), 2)
    (69659, 23570, np.float64(2500315.63))
    """
    return _read("CDNOW_master.txt", skip=1, columns=["customer_id", "date", "quantity", "amount"])


def cdnow_sample() -> "pd.DataFrame":
    """Every tenth customer of :func:`cdnow`, the sample on which the published models are fitted.

    Returns
    -------
    pandas.DataFrame
        6,919 rows of 2,357 customers: ``customer_id`` (text), ``date`` (datetime64), ``quantity`` (CDs) and ``amount``
        (US dollars). Ids are those of the sample, 0001 to 2357.

    Examples
    --------
    >>> log = cdnow_sample()
    >>> len(log), log["customer_id"].nunique()
    (6919, 2357)
    """
    log = _read("CDNOW_sample.txt", skip=0, columns=["master_id", "customer_id", "date", "quantity", "amount"])
    return log.drop(columns="master_id")


def _read(name: str, *, skip: int, columns: list[str]) -> "pd.DataFrame":
    import pandas as pd

    # Read beside the package: importing lifetimes sets an option of pandas, and lifetimes.datasets needs pkg_resources.
    path = distribution("lifetimes").locate_file(f"lifetimes/datasets/{name}")
    log = pd.read_csv(str(path), sep=r"\s+", skiprows=skip, header=None, names=columns, dtype={"customer_id": "str"})
    return log.assign(date=pd.to_datetime(log["date"].astype("str"), format="%Y%m%d"))
