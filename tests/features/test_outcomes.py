import datetime as dt
import math

import numpy as np
import pandas as pd
import pytest

from features.history import History
from features.horizon_choice import default_horizon
from features.noise import noise_floor
from features.outcomes import RateReference, base_level, observe
from features.window import Window

START = pd.Timestamp("2020-01-01")
REFERENCE = RateReference(0.5, 20.0)


def history_of(rows: list[tuple[str, int, float]]) -> History:
    log = pd.DataFrame(rows, columns=["customer_id", "day", "amount"])
    return History.from_frame(log.assign(timestamp=START + pd.to_timedelta(log["day"], unit="D")).drop(columns="day"))


def on(day: int) -> dt.date:
    return (START + pd.to_timedelta(day, unit="D")).date()


def test_a_label_worked_by_hand() -> None:
    weekly = [("steady", d, 10.0) for d in range(0, 400, 7)]
    fading = [("fading", d, 10.0) for d in range(0, 301, 7)] + [("fading", 310, 10.0)]
    gone = [("gone", d, 10.0) for d in range(0, 301, 7)]
    rare = [("rare", 0, 10.0), ("rare", 200, 10.0), ("rare", 320, 10.0)]
    window = Window(on(301), 60)
    seen = observe(history_of(weekly + fading + gone + rare), window, reference=REFERENCE)
    by = {c: i for i, c in enumerate(seen.customer_id.to_pylist())}
    assert seen.purchases[[by["steady"], by["fading"], by["gone"], by["rare"]]].tolist() == [8, 1, 0, 1]
    assert seen.spend[[by["steady"], by["fading"], by["gone"]]].tolist() == [80.0, 10.0, 0.0]
    # T_ref = 301 (the whole age), x_ref = 43 repeat days, μ = (.5 + 43) / (20 + 301) · 60
    assert seen.expected[by["steady"]] == pytest.approx((0.5 + 43) / (20 + 301) * 60)
    assert seen.base.season == 1.0, "fewer than 50 eligible buyers"
    assert seen.declining[[by["steady"], by["fading"], by["gone"]]].tolist() == [0.0, 1.0, 0.0]
    assert not seen.eligible[by["rare"]] and math.isnan(seen.declining[by["rare"]])


def test_the_reference_period_is_a_year_at_most_and_a_horizon_at_least() -> None:
    rows = [("old", d, 1.0) for d in range(0, 800, 10)] + [("young", 760 + d, 1.0) for d in range(0, 40, 2)]
    rows += [("x", 1_000, 1.0)]
    history = history_of(rows)
    seen = observe(history, Window(on(790), 60), reference=REFERENCE)
    by = {c: i for i, c in enumerate(seen.customer_id.to_pylist())}
    # (790 − 365, 790] holds the days 430 … 790
    assert seen.expected[by["old"]] == pytest.approx((0.5 + 37) / (20 + 365) * 60)
    assert seen.expected[by["young"]] > 3 and not seen.eligible[by["young"]], "30 days of age are less than the horizon"


def test_the_season_takes_what_the_whole_base_did_and_no_attrition() -> None:
    rng = np.random.default_rng(0)
    rows = []
    for c in range(120):
        rows += [(f"c{c:03d}", d, 10.0) for d in range(int(rng.integers(0, 5)), 300, 5)]
        rows += [(f"c{c:03d}", d, 7.0) for d in range(301, 361, 5)] if c < 100 else []
    history = history_of([*rows, ("end", 400, 1.0)])
    window = Window(on(300), 60)
    level = base_level(history, window, reference=REFERENCE)
    assert level.n_season == 100
    seen = observe(history, window, reference=REFERENCE)
    buyers = seen.eligible & seen.bought
    assert level.season == pytest.approx(seen.spend[buyers].sum() / (seen.expected[buyers] * 10.0).sum(), rel=1e-6)
    assert 0.5 < level.season < 0.8
    assert np.nansum(seen.declining) == 0, "everybody fell with the season"


def test_parts_of_a_base_give_what_the_whole_gives() -> None:
    rng = np.random.default_rng(1)
    rows = [
        (f"c{rng.integers(0, 90):02d}", int(rng.integers(0, 500)), float(rng.integers(1, 99))) for _ in range(6_000)
    ]
    halves = [history_of([r for r in rows if int(r[0][1:]) % 2 == k] + [(f"end{k}", 520, 1.0)]) for k in (0, 1)]
    whole = history_of([*rows, ("end0", 520, 1.0), ("end1", 520, 1.0)])
    window = Window(on(400), 90)
    level = base_level(whole, window, reference=REFERENCE)
    assert base_level(halves, window, reference=REFERENCE) == level
    assert base_level(iter(halves), window, reference=REFERENCE) == level, "one pass is enough"


def test_a_return_in_the_horizon_counts_only_against_the_horizon() -> None:
    rows = [("a", 0, 10.0), ("a", 110, 30.0), ("a", 120, -40.0), ("b", 300, 1.0)]
    seen = observe(history_of(rows), Window(on(100), 60), reference=REFERENCE)
    assert (seen.purchases[0], seen.spend[0], bool(seen.bought[0])) == (0, 0.0, False)
    kept = [("a", 0, 10.0), ("a", 110, 30.0), ("a", 120, -12.5), ("b", 300, 1.0)]
    seen = observe(history_of(kept), Window(on(100), 60), reference=REFERENCE)
    assert (seen.purchases[0], seen.spend[0]) == (1, 17.5)


def test_an_incomplete_horizon_is_refused() -> None:
    with pytest.raises(ValueError, match="the log ends 40 days earlier"):
        observe(history_of([("a", 0, 1.0), ("a", 80, 1.0)]), Window(on(60), 60), reference=REFERENCE)


def test_the_noise_floor_is_the_share_among_customers_who_do_not_change() -> None:
    rng = np.random.default_rng(4)
    rows = []
    for c in range(4_000):
        rate = rng.gamma(3.0) / 60.0
        days = np.cumsum(rng.exponential(1 / rate, 200))
        days = np.unique(days[days < 520].astype(int))
        mean = rng.gamma(20.0) * 2
        rows += [(f"c{c:04d}", 0, float(np.rint(mean * 100) / 100))]
        rows += [(f"c{c:04d}", int(d) + 1, float(np.rint(mean * rng.gamma(4.0) / 4.0 * 100) / 100)) for d in days]
    history = history_of([*rows, ("end", 530, 1.0)])
    window, reference = Window(on(400), 90), RateReference(3.0, 60.0)
    seen = observe(history, window, reference=reference)
    floor = noise_floor(history, window, reference=reference)
    real = float(np.nanmean(seen.declining))
    error = math.sqrt(real * (1 - real) / seen.eligible.sum() + floor.standard_error**2)
    assert floor.n_eligible == int(seen.eligible.sum()) > 1_500
    assert abs(floor.share - real) < 4 * error
    assert floor == noise_floor(history, window, reference=reference), "the same seed, the same number"


def test_the_default_horizon_fits_the_rhythm_and_the_log() -> None:
    weekly = [(f"w{c}", d, 1.0) for c in range(20) for d in range(c % 7, 700, 7)]
    assert default_horizon(history_of(weekly), on(700)).days == 30
    monthly = [(f"m{c}", d, 1.0) for c in range(20) for d in range(c, 700, 40)]
    assert default_horizon(history_of(monthly), on(700)).days == 90
    slow = [(f"s{c}", d, 1.0) for c in range(20) for d in range(c, 700, 150)]
    choice = default_horizon(history_of(slow), on(700))
    assert choice.days == 90, "a quarter of 700 days holds no longer one"
    assert choice.n_silence_is_normal == 20 and "for 20 repeat customers silence for 90 days is normal" in choice.reason


def test_no_gamma_distribution_is_refused() -> None:
    with pytest.raises(ValueError, match="positive and finite"):
        RateReference(0.0, 1.0)
