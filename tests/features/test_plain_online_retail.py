"""Every feature of every customer of a real log, computed again in plain pandas, column by column."""

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from lifecycle.features import table
from lifecycle.features.history import History
from lifecycle.features.registry import FEATURES

AS_OF = pd.Timestamp("2011-11-20")
NEVER = pd.Timestamp.max
DAY = pd.Timedelta(days=1)


@pytest.fixture(scope="module")
def log(shared_data: Path) -> pd.DataFrame:
    path = shared_data / "online_retail/transactions.parquet"
    if not path.is_file():
        pytest.skip("the online retail log is not beside the project")
    return pd.read_parquet(path)


def net_plainly(lines: pd.DataFrame, returns: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Returns one after the other, each against the latest open lines of its order and product, order, product, any."""
    order = ["customer_id", "day", "amount", "product_id", "order_id"]
    lines = lines.sort_values(order, kind="stable").reset_index(drop=True)
    returns = returns.sort_values(order, kind="stable")
    left = np.rint(lines["amount"].to_numpy() * 1e6).astype(int)
    void = np.full(len(lines), NEVER, dtype=object)
    mine = {customer: rows.to_numpy() for customer, rows in lines.groupby("customer_id").groups.items()}
    days, orders, products = (lines[c].to_numpy() for c in ("day", "order_id", "product_id"))
    links = []
    for event, r in enumerate(returns.itertuples()):
        due = round(-r.amount * 1e6)
        rows = mine.get(r.customer_id, np.array([], int))[::-1]
        rows = rows[days[rows] <= np.datetime64(r.day)]
        same_order, same_product = orders[rows] == r.order_id, products[rows] == r.product_id
        for rule in (same_order & same_product, same_order, same_product, np.ones(rows.size, bool)):
            for i in rows[rule]:
                take = min(left[i], due)
                if take:
                    left[i] -= take
                    due -= take
                    links.append((r.customer_id, event, r.day, days[i], i, take / 1e6))
                    if left[i] == 0:
                        void[i] = r.day
                if due == 0:
                    break
    lines["void"] = pd.to_datetime(pd.Series(void))
    names = ["customer_id", "event", "day", "bought", "line", "amount"]
    return lines, pd.DataFrame(links, columns=names).assign(bought=lambda f: pd.to_datetime(f["bought"]))


def recomputed(log: pd.DataFrame) -> pd.DataFrame:
    log = log[log["customer_id"].notna()].drop_duplicates()
    log = log.assign(day=log["ts"].dt.normalize())
    lines, links = net_plainly(log[log["amount"] >= 0], log[log["amount"] < 0])
    links = links[links["day"] <= AS_OF]
    gross = lines[lines["day"] <= AS_OF].assign(taken=0.0)
    gross["taken"] = links.groupby("line")["amount"].sum().reindex(gross.index).fillna(0.0)
    gross["open"] = gross["void"] > AS_OF
    by_day = gross.groupby(["customer_id", "day"])
    days = by_day.agg(amount=("amount", "sum"), taken=("taken", "sum"), open=("open", "any")).reset_index()
    returned_days = days[~days["open"]].groupby("customer_id").size()
    all_gross = days.groupby("customer_id")["amount"].sum()
    days = (
        days[days["open"]].assign(net=lambda f: (f["amount"] - f["taken"]).round(6)).drop(columns=["amount", "taken"])
    )
    by = days.groupby("customer_id")
    ids = pd.Index(sorted(by.groups))
    first, last, number = by["day"].min(), by["day"].max(), by.size()
    days["first"], days["last"], days["number"] = (days["customer_id"].map(s) for s in (first, last, number))
    days["age"] = (AS_OF - days["day"]).dt.days
    days["t"] = (days["day"] - days["first"]).dt.days
    days["gap"] = by["day"].diff().dt.days
    days["order"] = by.cumcount()
    by = days.groupby("customer_id")
    out = pd.DataFrame(index=ids)
    out["frequency"] = number - 1
    out["recency"] = (last - first).dt.days
    out["T"] = (AS_OF - first).dt.days
    out["monetary_value"] = days[days["order"] > 0].groupby("customer_id")["net"].mean()
    out["days_since_last_purchase"] = (AS_OF - last).dt.days
    out["spend"] = by["net"].sum()
    out["last_amount"], out["largest_amount"], out["amount_std"] = by["net"].last(), by["net"].max(), by["net"].std()
    earlier = days[days["order"] < days["number"] - 1].groupby("customer_id")["net"].mean()
    out["last_amount_ratio"] = (out["last_amount"] / earlier.where(earlier > 0)).reindex(ids)
    for w in (7, 14, 30, 60, 90, 180, 365):
        now, before = days[days["age"] < w], days[(days["age"] >= w) & (days["age"] < 2 * w)]
        n, s = (
            now.groupby("customer_id").size().reindex(ids, fill_value=0),
            now.groupby("customer_id")["net"].sum().reindex(ids, fill_value=0.0),
        )
        m, z = (
            before.groupby("customer_id").size().reindex(ids, fill_value=0),
            before.groupby("customer_id")["net"].sum().reindex(ids, fill_value=0.0),
        )
        out[f"purchases_{w}d"], out[f"spend_{w}d"], out[f"mean_amount_{w}d"] = n, s, s / n.where(n > 0)
        out[f"purchases_ratio_{w}d"], out[f"spend_ratio_{w}d"] = n / m.where(m > 0), s / z.where(z > 0)
    silence = out["days_since_last_purchase"]
    out["gap_mean"], out["gap_std"], out["gap_last"] = (
        by["gap"].mean(),
        by["gap"].std(),
        by["gap"].last().where(number > 1),
    )
    out["gap_longest"] = by["gap"].max()
    out["overdue_ratio"] = silence / out["gap_mean"]
    gaps = days[days["gap"].notna()]
    shorter = gaps["gap"] <= gaps["customer_id"].map(silence)
    out["silence_rank"] = shorter.groupby(gaps["customer_id"]).mean()
    out["regularity"] = 1 / (1 + (out["gap_std"] / out["gap_mean"]) ** 2)
    slope = {c: np.polyfit(g["t"], g["net"], 1)[0] for c, g in by if len(g) > 1}
    out["amount_slope"] = pd.Series(slope)
    gap_slope = {c: np.polyfit(np.arange(len(g) - 1), g["gap"].iloc[1:], 1)[0] for c, g in by if len(g) > 2}
    out["gap_slope"] = pd.Series(gap_slope)
    older = out["T"] - 90
    n_before = number - out["purchases_90d"]
    out["purchase_rate_change"] = ((out["purchases_90d"] / 90) / (n_before / older)).where(older > 0)
    spent_before = (out["spend"] - out["spend_90d"]).where(lambda x: x > 1e-9)
    out["spend_rate_change"] = ((out["spend_90d"] / 90) / (spent_before / older)).where(older > 0)
    for w in (30, 90):  # the log is younger than a year on this date
        out[f"purchases_year_ago_{w}d"] = out[f"spend_year_ago_{w}d"] = np.nan
    for i, name in enumerate(["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]):
        out[f"share_{name}"] = (days["day"].dt.day_of_week == i).groupby(days["customer_id"]).mean()
    for i in range(12):
        name = pd.Timestamp(2000, i + 1, 1).strftime("%B").lower()
        out[f"share_{name}"] = (days["day"].dt.month == i + 1).groupby(days["customer_id"]).mean()
    standing = gross[gross["open"]]
    counts = standing.groupby(["customer_id", "product_id"]).size()
    recent = standing[(AS_OF - standing["day"]).dt.days < 365]
    out["products"] = counts.groupby("customer_id").size()
    out["products_365d"] = recent.groupby("customer_id")["product_id"].nunique()
    out["product_concentration"] = (
        ((counts / counts.groupby("customer_id").transform("sum")) ** 2).groupby("customer_id").sum()
    )
    out["lines_per_purchase_day"] = standing.groupby("customer_id").size() / number
    out["items_per_purchase_day"] = standing.groupby("customer_id")["quantity"].sum() / number
    back, off = links[links["day"] > links["bought"]], links[links["day"] == links["bought"]]
    recent_back = back[(AS_OF - back["day"]).dt.days < 365]

    def each(series: pd.Series) -> pd.Series:
        return series.reindex(ids).fillna(0.0)

    out["returns"], out["returns_365d"] = (
        each(back.groupby("customer_id")["event"].nunique()),
        each(recent_back.groupby("customer_id")["event"].nunique()),
    )
    out["days_returned"] = each(returned_days)
    out["days_since_return"] = (AS_OF - back.groupby("customer_id")["day"].max()).dt.days
    out["returned_amount"], out["returned_amount_365d"] = (
        each(back.groupby("customer_id")["amount"].sum()),
        each(recent_back.groupby("customer_id")["amount"].sum()),
    )
    some = all_gross.reindex(ids).where(lambda x: x > 0)
    out["returned_share"] = out["returned_amount"] / some
    out["discount_share"] = each(off.groupby("customer_id")["amount"].sum()) / some
    out["free_days_share"] = (days["net"] == 0).groupby(days["customer_id"]).mean()
    out["cohort"] = (first - pd.Timestamp("1970-01-01")) / DAY / 365.25
    out["cohort_month"] = first.dt.month
    out["first_amount"] = by["net"].first()
    out["days_to_second_purchase"] = days[days["order"] == 1].set_index("customer_id")["gap"]
    early = days[days["t"] <= 90].groupby("customer_id")["net"].agg(["size", "sum"])
    out["purchases_first_90d"], out["spend_first_90d"] = (
        early["size"].where(out["T"] >= 90),
        early["sum"].where(out["T"] >= 90),
    )
    return out


def test_every_column_agrees_for_every_customer(log: pd.DataFrame) -> None:
    history = History.from_frame(log, timestamp="ts", order_id="order_id", product="product_id", quantity="quantity")
    mine = table.frame(history, AS_OF.date())
    plain = recomputed(log)
    assert mine.index.tolist() == plain.index.tolist()
    assert len(mine) > 4_000
    for name in plain.columns:
        scale = np.nanmax(np.abs(plain[name].to_numpy(float)), initial=1.0)
        np.testing.assert_allclose(
            mine[name].to_numpy(float), plain[name].to_numpy(float), rtol=1e-9, atol=1e-9 * scale, err_msg=name
        )
    assert list(mine.columns) == list(FEATURES)
    for name in set(FEATURES) - set(plain.columns):
        assert mine[name].isna().all(), f"{name} needs a table that this log has not"


def test_the_account_is_the_readmes(log: pd.DataFrame) -> None:
    history = History.from_frame(log, timestamp="ts", order_id="order_id", product="product_id")
    account = history.account
    assert account is not None
    assert account.check().input_rows == 541_909
    assert round(float(account.input_amount), 2) == 9_747_747.93
    assert account.rows(reason="customer_missing") == 135_080
    assert history.n_customers == 4_372
    seen = history.purchases(dt.date(2011, 6, 30))
    log = log[log["customer_id"].notna() & (log["ts"] < "2011-07-01")]
    assert log["customer_id"].nunique() == 3_002
    bought = set(log.loc[log["amount"] >= 0, "customer_id"])
    known = set(history.customer_id.filter(pa.array(np.diff(seen.offsets) > 0)).to_pylist())
    assert known < bought
    spent = log[log["customer_id"].isin(bought - known)].drop_duplicates().groupby("customer_id")["amount"].sum()
    assert (spent < 1e-6).all(), "who bought but has no purchase day returned everything by then"
