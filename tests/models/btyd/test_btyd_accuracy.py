"""Against arithmetic of 50 digits, up to the corners: every relative error is at most 1e-10."""

import itertools

import mpmath as mp
import numpy as np
import pytest

from lifecycle.models.btyd import BgNbd, MbgNbd, ParetoNbd

LIMIT = 1e-10
DIGITS = 50

PARAMETERS = [
    (0.242595, 4.413602, 0.792922, 2.425907),
    (0.24, 30.9, 1.0, 2.43),  # a = 1: the textbook form divides by a − 1
    (0.24, 30.9, 1.0 + 1e-9, 2.43),
    (1.7, 0.05, 0.11, 0.23),  # a + b < 1
    (0.03, 800.0, 12.0, 0.04),
    (60.0, 40.0, 0.5, 300.0),
]
HISTORIES = [
    (0, 0.0, 0.0),
    (0, 0.0, 36_500.0),
    (1, 1.0, 1.0),
    (2, 30.43, 38.86),
    (3, 1.0, 36_500.0),
    (300, 700.0, 730.0),
    (10_000, 36_400.0, 36_500.0),
]
HORIZONS = [1e-6, 39.0, 1e6]


def error(value: float, truth: mp.mpf) -> float:
    if abs(truth) < mp.mpf(10) ** -300:  # below what a double holds
        return float(abs(value)) if abs(truth) < mp.mpf(10) ** -308 else 0.0
    return float(abs(mp.mpf(float(value)) / truth - 1))


def dropout_alive(model, x, t_x, T):
    r, alpha, a, b = map(mp.mpf, model.parameters)
    m = b + model.first
    if x == 0 and not model.first:
        return mp.mpf(1)
    odds = a / (m + x - 1) * ((alpha + mp.mpf(T)) / (alpha + mp.mpf(t_x))) ** (r + x)
    return 1 / (1 + odds)


def dropout_purchases(model, t, x, T):
    """Fader, Hardie and Lee's closed form after Euler's transformation, in enough digits to divide by a − 1."""
    r, alpha, a, b = map(mp.mpf, model.parameters)
    a = a + mp.mpf(10) ** -30 if a == 1 else a
    m = b + model.first + x
    A = alpha + mp.mpf(T)
    z = mp.mpf(t) / (A + mp.mpf(t))
    c = a + m - 1
    with mp.workdps(3 * DIGITS):
        return c / (a - 1) * (1 - (1 - z) ** (a - 1) * mp.hyp2f1(a - 1, a + m - 1 - r - x, c, z))


@pytest.mark.parametrize("parameters", PARAMETERS)
@pytest.mark.parametrize("kind", [BgNbd, MbgNbd])
def test_dropout_models_hold_ten_digits(kind, parameters):
    model = kind(*parameters)
    with mp.workdps(DIGITS):
        for x, t_x, T in HISTORIES:
            alive = dropout_alive(model, x, t_x, T)
            assert error(model.p_alive(x, t_x, T), alive) < LIMIT, (x, t_x, T)
            r, alpha = mp.mpf(model.r), mp.mpf(model.alpha)
            for t in HORIZONS:
                silent = ((alpha + T) / (alpha + T + mp.mpf(t))) ** (r + x)
                assert error(model.probability_no_purchase(t, x, t_x, T), 1 - alive + alive * silent) < LIMIT
                truth = alive * dropout_purchases(model, t, x, T)
                assert error(model.expected_purchases(t, x, t_x, T), truth) < LIMIT, (x, t_x, T, t)


@pytest.mark.parametrize("kind", [BgNbd, MbgNbd])
def test_expectation_of_new_customers_holds_ten_digits(kind):
    with mp.workdps(DIGITS):
        for parameters, t in itertools.product(PARAMETERS, HORIZONS):
            model = kind(*parameters)
            lives = mp.mpf(model.b) / (mp.mpf(model.a) + mp.mpf(model.b)) if model.first else 1
            assert error(model.expected_purchases_new(t), lives * dropout_purchases(model, t, 0, 0)) < LIMIT


@pytest.mark.parametrize("rate", [1e-6, 0.0027, 2.0])
@pytest.mark.parametrize(
    "history", [(2, 30.43, 38.86), (0, 0.0, 0.0), (300, 700.0, 730.0), (10_000, 36_400.0, 36_500.0)]
)
def test_discounted_purchases_hold_ten_digits(rate, history):
    model = MbgNbd(*PARAMETERS[1])
    r, alpha, a, b = map(mp.mpf, model.parameters)
    x, t_x, T = history
    k, A, m = r + x, alpha + mp.mpf(T), b + 1 + x
    with mp.workdps(30):

        def purchases_rate(t):
            u = t / A  # after Pfaff's transformation the series knows x only in its denominator
            return mp.exp(-rate * t) * k / A * (1 + u) ** (-a) * mp.hyp2f1(a, a + m - k - 1, a + m, u / (1 + u))

        ends = [0, A / 50, A, 1 / mp.mpf(rate), 10 / mp.mpf(rate), 90 / mp.mpf(rate)]
        truth = mp.quad(purchases_rate, sorted(ends)) * dropout_alive(model, x, t_x, T)
        assert error(model.dert(rate, x, t_x, T), truth) < LIMIT


def pareto_alive(model, x, t_x, T):
    r, alpha, s, beta = map(mp.mpf, model.parameters)
    k = r + x

    def dies(v):  # death at T − v·(T − t_x) … in a variable that resolves a sharp start
        tau = t_x + (mp.mpf(T) - t_x) * v
        return mp.exp(-k * mp.log((alpha + tau) / (alpha + T)) - (s + 1) * mp.log((beta + tau) / (beta + T)))

    points = sorted({mp.mpf(0), mp.mpf(1), *(mp.mpf(10) ** -i for i in range(1, 8))})
    gone = s * (mp.mpf(T) - t_x) / (beta + T) * mp.quad(dies, points) if t_x < T else mp.mpf(0)
    return 1 / (1 + gone)


@pytest.mark.parametrize(
    "parameters", [PARAMETERS[0], (0.55328, 10.57768, 0.60624, 11.66874), (20.0, 0.05, 1.0, 900.0)]
)
def test_pareto_holds_ten_digits(parameters):
    model = ParetoNbd(*parameters)
    r, alpha, s, beta = map(mp.mpf, model.parameters)
    with mp.workdps(30):
        for x, t_x, T in HISTORIES:
            alive = pareto_alive(model, x, t_x, T)
            assert error(model.p_alive(x, t_x, T), alive) < LIMIT, (x, t_x, T)
            B = beta + mp.mpf(T)
            for t in HORIZONS:
                z = mp.mpf(t) / B
                length = mp.log(1 + z) if s == 1 else (1 - (1 + z) ** (1 - s)) / (s - 1)
                truth = alive * (r + x) / (alpha + T) * B * length
                assert error(model.expected_purchases(t, x, t_x, T), truth) < LIMIT, (x, t_x, T, t)


@pytest.mark.parametrize("rate", [1e-6, 0.0027, 2.0])
def test_discounted_lifetimes_of_pareto_hold_ten_digits(rate):
    """Against Tricomi's function: ∫ e^(−δt) (1 + t/B)^(−s) dt = B·U(1, 2 − s, δB) (Fader, Hardie and Lee 2005)."""
    model = ParetoNbd(0.55328, 10.57768, 0.60624, 11.66874)
    r, alpha, s, beta = map(mp.mpf, model.parameters)
    with mp.workdps(DIGITS):
        for x, T in [(0, 0.0), (4, 730.0), (10_000, 36_500.0)]:
            B = beta + mp.mpf(T)
            truth = (r + x) / (alpha + T) * B * mp.hyperu(1, 2 - s, mp.mpf(rate) * B)
            value = model.dert(rate, x, T, T)  # last purchase now: alive for certain
            assert error(value, truth) < LIMIT, (x, T)


def test_counts_hold_ten_digits():
    n = np.array([0, 1, 2, 10, 60])
    with mp.workdps(8 * DIGITS):  # one minus a sum that is nearly one
        for parameters, t in itertools.product(PARAMETERS, [0.01, 39.0, 3650.0]):
            r, alpha, a, b = map(mp.mpf, parameters)
            z = mp.mpf(t) / (alpha + mp.mpf(t))
            values = BgNbd(*parameters).pmf(n, t)
            for count, value in zip(n.tolist(), values, strict=True):
                chances = [
                    mp.gamma(r + j) / mp.gamma(r) / mp.factorial(j) * (1 - z) ** r * z**j for j in range(count + 1)
                ]
                truth = mp.beta(a, b + count) / mp.beta(a, b) * chances[count]
                if count:
                    truth += mp.beta(a + 1, b + count - 1) / mp.beta(a, b) * (1 - mp.fsum(chances[:count]))
                assert error(value, truth) < LIMIT, (parameters, t, count)
