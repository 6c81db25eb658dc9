"""Figures say their finding in the title, and a candidate keeps its colour."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from lifecycle.models.evaluation import Campaign, compare, evaluate, table
from lifecycle.models.evaluation.churn_figures import calibration, gains
from lifecycle.models.evaluation.palette import COLOURS, colour
from lifecycle.models.evaluation.value_figures import alive_matrix, by_frequency, cumulative, deciles, importance
from lifecycle.models.forecasting.forecast import Forecast, Outcome

RNG = np.random.default_rng(8)
N = 500
CHURN = RNG.random(N)
CHURNED = (RNG.random(N) < CHURN).astype(float)
VALUE = RNG.lognormal(3, 1, N)
SPEND = (1 - CHURNED) * RNG.gamma(2, 20, N)


def title(figure):
    return figure.axes[0].get_title(loc="left")


def test_titles_carry_the_numbers_they_show():
    assert "off by" in title(calibration("combined", CHURN, CHURNED))
    assert title(gains("combined", CHURN, CHURNED, VALUE, Campaign())).startswith("combined: contacting the first 10 %")
    figure = deciles("combined", SPEND * 1.1, SPEND)
    assert "off by +10.0%" in title(figure)
    tracked = cumulative("combined", [1, 2, 3], np.array([1.0, 2.0, 4.5]), np.array([1.0, 2.0, 5.0]))
    assert "-10.0%" in title(tracked)
    assert "recency carries 75%" in title(importance("lightgbm", ["recency", "spend"], np.array([3.0, 1.0])))
    counts = by_frequency("bgnbd", np.array([0.0, 0, 9, 9]), np.array([0.1, 0.1, 5, 5]), np.array([0, 0, 2, 2]))
    assert "7 or more" in title(counts)
    assert "too many" in title(counts)


def test_the_alive_matrix_reads_the_days_after_which_half_are_gone():
    since = np.linspace(0, 100, 101)
    alive = np.stack([1 / (1 + np.exp((since - 60) / 5)), 1 / (1 + np.exp((since - 30) / 5))])
    assert "within 30 to 60 days" in title(alive_matrix("mbgnbd", np.array([0.0, 1.0]), since, alive))


def test_colours_are_one_a_candidate():
    assert len(set(COLOURS.values())) == len(COLOURS)
    assert colour("something new") == colour("something new")
    drawn = deciles("lightgbm", SPEND, SPEND).axes[0].patches[0].get_facecolor()
    assert to_hex(drawn) == colour("lightgbm")


def test_the_comparison_names_the_winner_and_marks_it_once_a_metric():
    outcome = Outcome(CHURNED == 0, (CHURNED == 0).astype(np.int64), SPEND, np.zeros(N, bool), np.full(N, np.nan))
    missing = np.full(N, np.nan)
    sharp = Forecast(CHURN, missing, missing, 1 - CHURN, (1 - CHURN) * 40)
    flat = Forecast(np.full(N, 0.5), missing, missing, np.full(N, 0.5), np.full(N, 20.0))
    judged = {n: evaluate(f, outcome, value=VALUE, bootstrap=10) for n, f in {"naive": flat, "combined": sharp}.items()}
    assert compare(judged).get_suptitle().startswith("combined wins on churn_log_loss")
    rows = table(judged)
    assert (rows.groupby("metric")["best"].sum() == 1).all()
    assert rows.loc[rows["metric"].eq("churn_auc") & rows["best"], "candidate"].item() == "combined"


@pytest.mark.parametrize("churned", [np.zeros(N), np.ones(N)])
def test_one_sided_outcomes_still_draw(churned):
    assert title(calibration("naive", CHURN, churned))
    assert title(gains("naive", CHURN, churned, np.full(N, np.nan), Campaign()))
