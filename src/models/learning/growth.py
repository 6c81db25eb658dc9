"""How many trees: twice as many for as long as forecasts out of time gain by it beyond noise.

The default number suits logs in which chance decides most. Where a rhythm does (monthly fees, yearly gifts), the trees
have far more to learn than the probability model they start from knows, and the default leaves them halfway.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from models.learning.boosted import Boosted
from models.learning.forecast import FloatArray, Forecast, Outcome
from models.learning.pooling import Held, log_loss_of_pool, logit
from models.learning.snapshot import Snapshot, outcome_of

MOST_ROUNDS = 400
NOISE = 2.0  # standard errors by which more trees must be better, as in calibration.py
WORTH = 0.02  # of the loss: less than this is not worth twice the time
LEAST = 0.002  # nats a customer: nor is this, where nearly all is known already


def grow(boosted: Boosted, before: Sequence[Snapshot], at: Snapshot, forecast: Forecast, *, seed: int) -> Boosted:
    """Return the candidate with as many rounds as pay, at most MOST_ROUNDS.

    before: what it learns from; at: the snapshot that judges, its horizon unseen by all of these; forecast: of `at`, by
    the candidate as it is. Judged is who buys, by log loss with the level set right: it is learned elsewhere.
    """
    known, outcome = at.without_outcome(), outcome_of(at)
    found = boosted
    while 2 * found.settings.rounds <= MOST_ROUNDS:
        settings = dataclasses.replace(found.settings, rounds=2 * found.settings.rounds)
        larger = dataclasses.replace(found, settings=settings)
        further = larger.fit([*before, known], seed=seed).predict(known)
        loss = _losses(forecast, outcome)
        gain = loss - _losses(further, outcome)
        if gain.mean() <= max(LEAST, WORTH * loss.mean(), NOISE * gain.std() / np.sqrt(gain.size)):
            break
        found, forecast = larger, further
    return found


def _losses(forecast: Forecast, outcome: Outcome) -> FloatArray:
    held = Held(-logit(forecast.churn_probability)[None, :], outcome.bought.astype(np.float64))
    return log_loss_of_pool(np.ones(1), held)
