import datetime as dt
import math

import numpy as np
import pandas as pd
import pytest

from lifecycle.features.history import History
from lifecycle.features.horizon_choice import default_horizon
from lifecycle.features.noise_floor import noise_floor
from lifecycle.features.outcomes import RateReference, base_level, observe
from lifecycle.features.window import Window

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


def plain_outcomes(rows: list[tuple[str, int, float]], as_of: int, horizon: int) -> tuple[pd.DataFrame, float, float]:
    """The definition told term by term: a row a customer with mu, eligible and declining; the basket's weight; S."""
    days = pd.DataFrame(rows, columns=["who", "day", "amount"]).groupby(["who", "day"], as_index=False)["amount"].sum()
    found = {}
    for who, mine in days[days["day"] <= as_of].groupby("who"):
        first = int(mine["day"].min())
        t_ref = min(as_of - first, max(365, horizon))
        repeats = mine[(as_of - mine["day"] < t_ref) & (mine["day"] > first)]
        inside = mine[(as_of - mine["day"] < t_ref) | ((mine["day"] == first) & (as_of - first <= t_ref))]
        x_ref = len(repeats) if as_of - first <= t_ref else len(inside)
        mu = (REFERENCE.r + x_ref) / (REFERENCE.alpha + t_ref) * horizon
        after = days[(days["who"] == who) & (days["day"] > as_of) & (days["day"] <= as_of + horizon)]
        found[who] = {
            "mu": mu,
            "eligible": t_ref >= horizon and mu >= 3,
            "n": len(inside),
            "total": inside["amount"].sum(),
            "squares": ((inside["amount"] - inside["amount"].mean()) ** 2).sum(),
            "purchases": len(after),
            "spend": after["amount"].sum(),
        }
    by = pd.DataFrame(found).T.infer_objects()
    base = by[by["n"] > 0]
    number, mean = base["n"].sum(), base["total"].sum() / base["n"].sum()
    within = base["squares"].sum() / (number - len(base))
    spread = (base["n"] * (base["total"] / base["n"] - mean) ** 2).sum() - (len(base) - 1) * within
    weight = within / (spread / (number - (base["n"] ** 2).sum() / number))
    by["basket"] = (by["total"] + weight * mean) / (by["n"] + weight)
    buyers = by[by["eligible"] & (by["purchases"] > 0)]
    season = 1.0
    if len(buyers) >= 50:
        season = min(max(buyers["spend"].sum() / (buyers["mu"] * buyers["basket"]).sum(), 0.5), 2.0)
    low = (by["purchases"] > 0) & (by["spend"] <= 0.5 * by["mu"] * by["basket"] * season)
    by["declining"] = low.astype(float).where(by["eligible"])
    return by, weight, season


@pytest.mark.parametrize(
    ("customers", "after", "clipped"), [(130, 0.7, None), (130, 0.1, 0.5), (130, 6.0, 2.0), (45, 0.7, 1.0)]
)
def test_outcomes_are_the_definition_term_by_term(customers: int, after: float, clipped: float | None) -> None:
    rng = np.random.default_rng(customers)
    rows = [("end", 900, 1.0)]
    for c in range(customers):
        day, mean = int(rng.integers(0, 500)), rng.gamma(4.0) * 10
        while day < 720:
            amount = mean * rng.gamma(2.0) / 2 * (1.0 if day <= 600 else after)
            rows.append((f"c{c:03d}", day, float(np.rint(amount * 100) / 100)))
            day += int(rng.integers(1, 30 if c % 3 else 14))
    rows += [("young", 590, 5.0), ("young", 595, 5.0), ("young", 605, 5.0), ("rare", 100, 9.0), ("rare", 610, 9.0)]
    plain, weight, season = plain_outcomes(rows, 600, 90)
    seen = observe(history_of(rows), Window(on(600), 90), reference=REFERENCE)
    assert clipped is None or season == clipped
    assert (seen.base.season, seen.base.basket_weight) == pytest.approx((season, weight), rel=1e-8)
    mine = plain.loc[seen.customer_id.to_pylist()]
    np.testing.assert_allclose(seen.expected, mine["mu"].to_numpy(float))
    for name in ("purchases", "eligible", "declining"):
        np.testing.assert_array_equal(getattr(seen, name), mine[name].to_numpy(float), err_msg=name)
    np.testing.assert_allclose(seen.spend, mine["spend"].to_numpy(float))
    assert 5 < np.nansum(seen.declining) < np.nansum(seen.eligible) / 2 or clipped is not None


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
    lapsed = [(f"l{c}", d, 1.0) for c in range(60) for d in (0, 100, 200)]
    assert default_horizon(history_of(weekly + lapsed), on(700)).days == 30, "whoever is overdue has no say"
    slow = [(f"s{c}", d, 1.0) for c in range(20) for d in range(c, 700, 150)]
    choice = default_horizon(history_of(slow), on(700))
    assert choice.days == 90, "a quarter of 700 days holds no longer one"
    assert choice.n_silence_is_normal == 20 and "for 20 repeat customers silence for 90 days is normal" in choice.reason


def test_no_gamma_distribution_is_refused() -> None:
    with pytest.raises(ValueError, match="positive and finite"):
        RateReference(0.0, 1.0)
