"""Netting against a plain re-telling of its rules, and examples worked by hand."""

from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle.features.history import History
from lifecycle.features.window import NEVER

Line = dict[str, Any]


def plainly(lines: list[Line]) -> tuple[dict[int, int], dict[int, float], list[tuple[int, int, float]]]:
    """Void days, matched amounts and links of one customer's lines, by rules applied one after the other."""
    bought = sorted(
        (x for x in lines if x["amount"] >= 0), key=lambda x: (x["day"], x["amount"], x["product"], x["order"])
    )
    back = sorted(
        (x for x in lines if x["amount"] < 0), key=lambda x: (x["day"], x["amount"], x["product"], x["order"])
    )
    left = {id(x): x["amount"] for x in bought}
    void = {x["row"]: NEVER for x in bought}
    matched, links = {}, []
    for r in back:
        due = -r["amount"]
        same = [
            lambda x, r=r: x["order"] == r["order"] and x["product"] == r["product"],
            lambda x, r=r: x["order"] == r["order"],
            lambda x, r=r: x["product"] == r["product"],
            lambda _: True,
        ]
        for rule in same:
            for x in reversed([x for x in bought if x["day"] <= r["day"] and rule(x)]):
                take = min(left[id(x)], due)
                if take > 0:
                    left[id(x)] -= take
                    due -= take
                    links.append((r["row"], x["row"], take))
                    if left[id(x)] == 0:
                        void[x["row"]] = r["day"]
        matched[r["row"]] = -r["amount"] - due
    return void, matched, links


line = st.fixed_dictionaries(
    {
        "day": st.integers(0, 12),
        "amount": st.integers(-6, 9),
        "product": st.sampled_from("abc"),
        "order": st.sampled_from(["o1", "o2", "o3"]),
    }
)


@settings(max_examples=150, deadline=None)
@given(st.lists(line, min_size=1, max_size=25), st.randoms(use_true_random=False))
def test_netting_agrees_with_its_rules_told_plainly(lines: list[Line], random: Any) -> None:
    frame = pd.DataFrame(lines)
    frame["row"] = range(len(frame))  # no two lines are equal, so that none is a duplicate
    frame["timestamp"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(frame["day"], unit="D")
    frame["customer_id"] = "a"
    void, matched, links = plainly(frame.to_dict("records"))
    first = 18262
    shuffled = frame.sample(frac=1, random_state=random.randint(0, 999))
    history = History.from_frame(shuffled, order_id="order", product="product")

    bought = frame[frame["amount"] >= 0]
    days = bought.assign(void=bought["row"].map(void)).groupby("day")
    expected_void = np.where(days["void"].max() == NEVER, NEVER, days["void"].max() + first)
    assert history.day.tolist() == (np.array(list(days.groups), dtype=int) + first).tolist()
    assert history.void_day.tolist() == expected_void.tolist()
    assert history.amount is not None and history.amount.tolist() == days["amount"].sum().tolist()

    for as_of in range(13):
        net = dict.fromkeys(bought.loc[bought["day"] <= as_of, "day"], 0.0)
        for row in bought.itertuples():
            if row.day <= as_of:
                net[row.day] += row.amount
        for r, x, amount in links:
            if frame.loc[r, "day"] <= as_of:
                net[frame.loc[x, "day"]] -= amount
        standing = {row.day for row in bought.itertuples() if row.day <= as_of and void[row.row] > as_of}
        known = history.purchases(first + as_of)
        assert known.amount is not None
        assert dict(zip((known.day - first).tolist(), known.amount.tolist(), strict=True)) == {
            d: net[d] for d in sorted(standing)
        }

    account = history.account
    assert account is not None
    orphans = [r for r, m in matched.items() if m == 0]
    assert account.rows(reason="return_without_purchase") == len(orphans)
    partly = [r for r, m in matched.items() if 0 < m < -frame.loc[r, "amount"]]
    assert account.rows(reason="return_beyond_purchases") == len(partly)
    assert float(account.unmatched_returns) == sum(-frame.loc[r, "amount"] - matched[r] for r in partly)


def test_a_return_undoes_its_own_order_before_a_later_purchase() -> None:
    log = pd.DataFrame(
        [
            ("a", "2020-01-01", 10.0, "o1", "x"),
            ("a", "2020-02-01", 10.0, "o2", "x"),
            ("a", "2020-03-01", -10.0, "o1", "x"),
        ],
        columns=["customer_id", "timestamp", "amount", "order_id", "product"],
    ).assign(timestamp=lambda f: pd.to_datetime(f["timestamp"]))
    by_order = History.from_frame(log, order_id="order_id", product="product").purchases(
        pd.Timestamp("2020-03-01").date()
    )
    by_day = History.from_frame(log).purchases(pd.Timestamp("2020-03-01").date())
    assert by_order.day.tolist() == [18293]  # 1 February stays
    assert by_day.day.tolist() == [18262]  # without orders the latest day goes


def test_a_return_is_not_known_before_its_day() -> None:
    log = pd.DataFrame(
        {
            "customer_id": ["a", "a"],
            "amount": [10.0, -10.0],
            "timestamp": pd.to_datetime(["2020-01-01 20:00", "2020-01-05 08:00"]),
        }
    )
    history = History.from_frame(log)
    assert history.purchases(18265).day.size == 1
    assert history.purchases(18266).day.size == 0  # the day of the return belongs to the past


def test_a_free_line_is_never_returned_and_makes_a_purchase_day() -> None:
    log = pd.DataFrame(
        {
            "customer_id": ["a"] * 3,
            "amount": [0.0, 5.0, -5.0],
            "timestamp": pd.to_datetime(["2020-01-01", "2020-01-01", "2020-01-02"]),
        }
    )
    known = History.from_frame(log).purchases(18263)
    assert known.amount is not None and known.amount.tolist() == [0.0]
    ignoring = History.from_frame(log, zero_amount="ignore")
    assert ignoring.purchases(18263).day.size == 0
    assert ignoring.account is not None and ignoring.account.rows(reason="zero_amount") == 1


def test_many_returns_of_one_customer_stay_quick() -> None:
    n = 60_000
    rng = np.random.default_rng(0)
    log = pd.DataFrame(
        {
            "customer_id": ["cash"] * (2 * n),
            "amount": np.concatenate([np.full(n, 2.0), np.full(n, -1.0)]),
            "product": rng.integers(0, 50, 2 * n).astype(str),
            "timestamp": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 700, 2 * n), unit="D"),
        }
    )
    account = History.from_frame(log, product="product").account
    assert account is not None and account.check().input_rows == 2 * n
