"""Breadth, returns and baskets against a plain count over the lines, with codes missing and days returned."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle.features import table
from lifecycle.features.history import History

AS_OF = dt.date(2021, 6, 30)
LINES = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.integers(0, 800),
        st.sampled_from([-3, 0, 1, 2, 5]),
        st.sampled_from([None, "p", "q", "r"]),
        st.sampled_from([None, "x", "y"]),
    ),
    min_size=1,
    max_size=60,
)


def plainly(lines: pd.DataFrame, recent: pd.Series, name: str) -> list[float]:
    coded = lines[name].dropna()
    counts = coded.value_counts()
    index = (counts**2).sum() / coded.size**2 if coded.size else np.nan
    return [counts.size, lines.loc[recent, name].dropna().nunique(), index]


@settings(deadline=None, max_examples=40)
@given(LINES)
def test_distinct_codes_and_their_concentration(rows: list[tuple[str, int, int, str | None, str | None]]) -> None:
    log = pd.DataFrame(rows, columns=["customer_id", "day", "amount", "product", "channel"])
    log["timestamp"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(log["day"], unit="D")
    log = log.astype({"product": "str", "channel": "str"})
    history = History.from_frame(log, product="product", channel="channel")
    made = table.frame(history, AS_OF)
    # The history itself says which lines there are and when each was returned; the test counts what is left of them.
    per_day = np.diff(history.lines.offsets)
    day = np.repeat(history.day, per_day)
    owner = np.repeat(np.repeat(np.arange(history.n_customers), np.diff(history.offsets)), per_day)
    as_of = (AS_OF - dt.date(1970, 1, 1)).days
    names = {}
    for name, codes in (("product", history.lines.product), ("channel", history.lines.channel)):
        assert codes is not None
        names[name] = np.array([*codes.names.to_pylist(), None], object)[codes.code]
    kept = pd.DataFrame({"owner": owner, "day": day, "void": history.lines.void_day, **names})
    kept = kept[(kept["day"] <= as_of) & (kept["void"] > as_of)]
    assert sorted(history.customer_id[int(c)].as_py() for c in kept["owner"].unique()) == made.index.tolist()
    for place, mine in kept.groupby("owner"):
        customer = history.customer_id[int(place)].as_py()
        recent = as_of - mine["day"] < 365
        expected = [*plainly(mine, recent, "product"), *plainly(mine, recent, "channel"), mine.shape[0]]
        found = made.loc[customer, ["products", "products_365d", "product_concentration"]].tolist()
        found += made.loc[customer, ["channels", "channels_365d", "channel_concentration"]].tolist()
        found.append(made.loc[customer, "lines_per_purchase_day"] * mine["day"].nunique())
        assert found == pytest.approx(expected, nan_ok=True)
    assert made[["categories", "categories_365d", "category_concentration"]].isna().all(axis=None)
