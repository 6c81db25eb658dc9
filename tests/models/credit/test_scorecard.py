"""The scorecard: hand-made weights of evidence, points that add up, monotone bins, a simulated truth recovered."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from lifecycle.models.credit.binning import Bins, weight_of_evidence
from lifecycle.models.credit.boosted import BoostedProbability
from lifecycle.models.credit.scorecard import CreditModelError, Scale, Scorecard
from lifecycle.models.forecasting.lightgbm_training import Settings


def portfolio(n: int = 6000, seed: int = 1) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "late_days": rng.poisson(3, n).astype(float),
            "equity": rng.lognormal(10, 1, n),
            "trade": rng.choice(["shop", "mill", "farm"], n),
            "noise": rng.normal(size=n),
        }
    )
    frame.loc[rng.random(n) < 0.1, "equity"] = np.nan
    z = -2.5 + 0.35 * frame["late_days"] - 0.5 * (np.log(frame["equity"].fillna(20_000)) - 10)
    truth = special.expit(z + frame["trade"].map({"shop": 0.5, "mill": 0.0, "farm": -0.5})).to_numpy()
    return frame, (rng.random(n) < truth).astype(float), truth


FRAME, BAD, TRUTH = portfolio()
CARD = Scorecard.fit(FRAME, BAD)
COUNTS = st.lists(st.tuples(st.integers(1, 500), st.integers(1, 500)), min_size=2, max_size=8)


@given(COUNTS)
def test_woe_of_merged_bins_lies_between_and_information_is_never_negative(counts):
    good, bad = np.array(counts, float).T
    woe = weight_of_evidence(good, bad)
    merged = weight_of_evidence(np.r_[good[0] + good[1], good[2:]], np.r_[bad[0] + bad[1], bad[2:]])
    assert min(woe[:2]) - 1e-12 <= merged[0] <= max(woe[:2]) + 1e-12
    bins = Bins("x", tuple(range(len(counts) - 1)), tuple(good), tuple(bad))
    assert bins.information_value >= -1e-12
    assert bins.information_value == pytest.approx(((good / good.sum() - bad / bad.sum()) * woe).sum())


def test_points_add_up_to_the_score_and_the_score_is_the_probability():
    points = CARD.points(FRAME)
    assert np.abs(points.sum(axis=1) - CARD.score(FRAME)).max() < 1e-9
    odds = (1 - CARD.probability(FRAME)) / CARD.probability(FRAME)
    assert np.abs(Scale().score(np.log(odds)) - CARD.score(FRAME)).max() < 1e-9


@given(st.floats(-8, 8), st.sampled_from([Scale(), Scale(600, 19, 50)]))
def test_twice_the_odds_are_pdo_more_points_and_base_odds_are_base_points(log_odds, scale):
    one, two = scale.score(np.array([log_odds, log_odds + np.log(2)]))
    assert two - one == pytest.approx(scale.pdo, abs=1e-9)
    assert scale.score(np.array([np.log(scale.odds)]))[0] == pytest.approx(scale.base, abs=1e-9)


def test_bins_go_one_way_and_the_truth_is_recovered():
    assert {b.name for b in CARD.bins} == {"late_days", "equity", "trade"}, "noise says nothing"
    woe = {b.name: b.woe[: len(b.good)] for b in CARD.bins}
    assert (np.diff(woe["late_days"]) < 0).all()
    assert (np.diff(woe["equity"]) > 0).all()
    assert CARD.bins[[b.name for b in CARD.bins].index("trade")].categories == ("shop", "mill", "farm")
    found = CARD.probability(FRAME)
    for part in np.array_split(np.argsort(TRUTH), 5):
        assert abs(found[part].mean() - TRUTH[part].mean()) < 3 * np.sqrt(TRUTH[part].mean() / part.size)
    assert found.mean() == pytest.approx(BAD.mean(), abs=1e-3)


def test_a_known_sign_holds_even_where_the_data_say_otherwise():
    bins = Bins.fit("late_days", FRAME["late_days"], BAD, trend="falling")
    assert len(bins.good) == 1


def test_who_lies_outside_the_population_is_marked_and_documents_come_back():
    strange = FRAME.iloc[:3].copy()
    strange["equity"] = [1e12, 20_000.0, 20_000.0]
    strange["trade"] = ["shop", "bank", "shop"]
    again = Scorecard.from_document(CARD.to_document())
    assert again.extrapolated(strange).tolist() == [True, True, False]
    assert not again.extrapolated(FRAME).any()
    assert np.array_equal(again.score(FRAME), CARD.score(FRAME))


def test_a_log_without_defaults_is_refused_and_lateness_is_not_taken_for_default():
    with pytest.raises(CreditModelError, match=r"at least 20 .* found 0 and 6,000.*Late payment is not default"):
        Scorecard.fit(FRAME, np.zeros(len(FRAME)))
    with pytest.raises(CreditModelError, match="6,000 of 6,000 rows are neither"):
        Scorecard.fit(FRAME, np.full(len(FRAME), np.nan))


def test_reasons_are_the_points_lost_against_the_best_bin():
    lost = CARD.lost_points(FRAME)
    assert (lost.to_numpy() >= 0).all()
    worst = lost["late_days"].to_numpy() == lost["late_days"].max()
    assert FRAME["late_days"][worst].min() >= FRAME["late_days"][~worst].max()


def test_trees_go_the_known_way_and_come_back_from_their_document():
    small = Settings(rounds=40, leaves=6, rows_in_leaf=1 / 100, ridge=5.0, columns=1.0)
    model = BoostedProbability.fit(FRAME, BAD, trends={"late_days": "rising", "equity": "falling"}, settings=small)
    rows = FRAME.iloc[:200]
    ladder = np.stack([model.probability(rows.assign(late_days=float(d))) for d in range(12)])
    assert (np.diff(ladder, axis=0) >= 0).all()
    again = BoostedProbability.from_document(model.to_document())
    assert np.array_equal(again.probability(rows), model.probability(rows))
    raw = model.contributions(rows).sum(axis=1)
    assert np.corrcoef(raw, special.logit(model.probability(rows)))[0, 1] > 0.99
