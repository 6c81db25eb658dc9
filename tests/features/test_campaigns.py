"""Contacts by campaigns: counted plainly, kept however a history is cut, and told apart from control groups."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from lifecycle.features import table
from lifecycle.features.contacts import days_since_contact
from lifecycle.features.history import History
from lifecycle.features.outcomes import RateReference
from lifecycle.features.ragged import concatenate, take
from lifecycle.features.registry import FAMILIES

AS_OF = pd.Timestamp("2021-06-30")
NAMES = [feature.name for feature in FAMILIES["campaigns"].features]


@pytest.fixture(scope="module")
def log() -> pd.DataFrame:
    ids = [f"c{i:02d}" for i in range(40)]
    return pd.DataFrame({"customer_id": ids, "timestamp": pd.Timestamp("2020-01-01"), "amount": 1.0})


@pytest.fixture(scope="module")
def sent() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"customer_id": rng.choice([f"c{i:02d}" for i in range(43)], 700)})  # three prospects
    frame["timestamp"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 700, 700), unit="D")
    frame["treatment"] = rng.choice(["mail", "call", "gift", None], 700)
    frame["cost"] = np.where(rng.random(700) < 0.8, rng.integers(0, 40, 700) / 4, np.nan)
    frame["control"] = rng.random(700) < 0.2
    return frame


def test_the_family_and_the_wait_are_what_a_plain_count_says(log: pd.DataFrame, sent: pd.DataFrame) -> None:
    history = History.from_frame(log, campaigns=sent)
    made = table.frame(history, AS_OF.date())
    since = days_since_contact(history, AS_OF.date())
    assert since is not None and since.size == history.n_customers == 43
    for place, customer in enumerate(history.customer_id.to_pylist()):
        mine = sent[(sent["customer_id"] == customer) & (sent["timestamp"] <= AS_OF)]
        contacts, held_back = mine[~mine["control"]], mine[mine["control"]]
        age = (AS_OF - contacts["timestamp"]).dt.days
        year = contacts[age < 365]
        expected = {
            "campaign_contacts_30d": (age < 30).sum(),
            "campaign_contacts_90d": (age < 90).sum(),
            "campaign_contacts_365d": (age < 365).sum(),
            "days_since_campaign": age.min(),
            "campaign_controls_365d": ((AS_OF - held_back["timestamp"]).dt.days < 365).sum(),
            "campaign_treatments_365d": year["treatment"].nunique(),
            "campaign_cost_365d": year["cost"].sum(),
        }
        assert list(expected) == NAMES
        assert since[place] == (age.min() if len(age) else np.inf)
        if customer in made.index:
            found = made.loc[customer, NAMES].to_dict()
            assert found == pytest.approx({k: float(v) for k, v in expected.items()}, nan_ok=True), customer


def test_what_the_campaigns_do_not_tell_is_missing(log: pd.DataFrame, sent: pd.DataFrame) -> None:
    without = History.from_frame(log)
    assert table.frame(without, AS_OF.date())[NAMES].isna().all(axis=None)
    assert days_since_contact(without, AS_OF.date()) is None
    bare = History.from_frame(log, campaigns=sent[["customer_id", "timestamp"]])
    made = table.frame(bare, AS_OF.date())
    assert made[["campaign_treatments_365d", "campaign_cost_365d"]].isna().all(axis=None)
    assert (made["campaign_controls_365d"] == 0).all() and (made["campaign_contacts_365d"] > 0).any()
    nobody = History.from_frame(log, campaigns=sent.head(0))
    counts = [name for name in NAMES if name != "days_since_campaign"]
    assert (table.frame(nobody, AS_OF.date())[counts] == 0).all(axis=None)
    since = days_since_contact(nobody, AS_OF.date())
    assert since is not None and np.isinf(since).all()


def test_parts_put_together_are_the_whole(log: pd.DataFrame, sent: pd.DataFrame) -> None:
    whole = History.from_frame(log, campaigns=sent)
    places = np.random.default_rng(1).permutation(whole.n_customers)
    joined = concatenate([take(whole, places[:13]), take(whole, places[13:30]), take(whole, places[30:])])
    assert joined.customer_id.equals(whole.customer_id)
    pd.testing.assert_frame_equal(table.frame(joined, AS_OF.date()), table.frame(whole, AS_OF.date()), check_exact=True)
    np.testing.assert_array_equal(days_since_contact(joined, AS_OF.date()), days_since_contact(whole, AS_OF.date()))
    batches = table.build(
        whole, [AS_OF.date()], horizon=30, reference=RateReference(0.5, 60.0), rows_per_batch=7, workers=1
    )
    by_batch = pd.concat([batch.to_pandas() for batch in batches]).set_index("customer_id")
    pd.testing.assert_frame_equal(
        by_batch[NAMES], table.frame(whole, AS_OF.date())[NAMES], check_exact=True, check_index_type=False
    )


def test_the_as_of_day_is_past_and_the_next_is_not_yet(log: pd.DataFrame) -> None:
    late = pd.DataFrame({"customer_id": ["c00", "c01"], "timestamp": ["2021-06-30 23:59", "2021-07-01 00:00"]})
    since = days_since_contact(History.from_frame(log, campaigns=late), dt.date(2021, 6, 30))
    assert since is not None and since[:3].tolist() == [0.0, np.inf, np.inf]
