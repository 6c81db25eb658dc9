"""What is gathered from the whole base, and that a customer's estimates do not rest on the batch they came in."""

import datetime as dt
import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from lifecycle.decisions.stage_policy import StagePolicy
from lifecycle.features.history import History
from lifecycle.features.ragged import customers_between
from lifecycle.features.window import Window
from lifecycle.models import forecasting
from lifecycle.models.btyd import GammaGamma, MbgNbd
from lifecycle.models.forecasting import Snapshot
from lifecycle.pipelines.score.score_parts import even_cuts
from lifecycle.scoring.champion import Bundle, features_digest
from lifecycle.scoring.estimates import estimate
from lifecycle.scoring.money_terms import MoneyTerms
from lifecycle.scoring.whole_base import prospects_then, whole_base

WINDOW = Window(dt.date(1998, 6, 30), 90)


def test_prospects_who_bought_unasked_are_counted_among_those_who_could() -> None:
    log = pd.DataFrame(
        {
            "customer_id": ["old", "old", "soon", "late", "shut"],
            "timestamp": pd.to_datetime(["1998-01-01", "1998-05-01", "1998-05-02", "1998-06-29", "1998-05-03"]),
            "amount": [5.0] * 5,
        }
    )
    people = pd.DataFrame(
        {
            "customer_id": ["old", "soon", "late", "never", "never2", "young", "unknown", "shut"],
            "registered_at": ["1997-01-01"] * 5 + ["1998-04-20", None, "1997-01-01"],
            "closed_at": [None] * 7 + ["1998-01-31"],
        }
    )
    history = History.from_frame(log, customers=people)
    assert prospects_then(history, WINDOW) == (4, 2), "soon, late, never and never2 waited on 1 April; two have bought"
    assert prospects_then(History.from_frame(log), WINDOW) == (0, 0)


def test_a_customers_estimates_do_not_rest_on_the_batch() -> None:
    package = importlib.util.find_spec("lifetimes")
    log = pd.read_csv(
        Path(package.origin).parent / "datasets/CDNOW_sample.txt", sep=r"\s+", header=None, names=list("abcde")
    )
    frame = pd.DataFrame({"customer_id": log["b"].map("{:04d}".format), "amount": log["e"]})
    history = History.from_frame(frame.assign(timestamp=pd.to_datetime(log["c"].astype(str), format="%Y%m%d")))
    now = Snapshot.of(history, WINDOW, with_outcome=False)
    value = MbgNbd.fit(now.frequency, now.recency, now.T)
    paying = now.monetary_value > 0
    forecaster = forecasting.candidates(["mbgnbd"])["mbgnbd"].fit([now], seed=7)
    bundle = Bundle(
        candidate="mbgnbd",
        as_of=WINDOW.as_of,
        horizon=WINDOW.horizon,
        has_money=True,
        features=features_digest(),
        forecaster=forecaster,
        judged=forecaster,
        value=value,
        spend=GammaGamma.fit(now.frequency[paying], now.monetary_value[paying]),
        stages=StagePolicy.from_rates(value.r, value.alpha, WINDOW.horizon),
    )
    money = MoneyTerms(margin=0.3, discount_rate=0.0003, value_horizon=365)
    buckets = [customers_between(history, 0, 700), customers_between(history, 700, history.n_customers)]
    base = whole_base(buckets, bundle, WINDOW, money, days=buckets)
    whole = estimate(history, bundle, WINDOW, base, money)
    cuts = even_cuts(history.n_customers, 700)
    parts = pa.concat_tables([estimate(customers_between(history, *cut), bundle, WINDOW, base, money) for cut in cuts])
    assert len(cuts) == 4
    for name in whole.column_names:
        one, other = whole[name].to_numpy(), parts[name].to_numpy()
        if one.dtype.kind == "f":
            np.testing.assert_allclose(other, one, rtol=1e-9, atol=1e-9, err_msg=name)
        else:
            np.testing.assert_array_equal(other, one, err_msg=name)
