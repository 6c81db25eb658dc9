"""How many trees: twice as many for as long as forecasts out of time gain by it beyond noise.

The default number suits logs in which chance decides most. Where a rhythm does (monthly fees, yearly gifts), the trees
have far more to learn than the probability model they start from knows, and the default leaves them halfway.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from lifecycle.models.forecasting.forecast import FloatArray, Outcome
from lifecycle.models.forecasting.lightgbm_candidate import Boosted, FittedBoosted
from lifecycle.models.forecasting.snapshot import Snapshot, outcome_of
from lifecycle.models.forecasting.stacking import Held, log_loss_of_pool, logit

MOST_ROUNDS = 400
NOISE = 2.0  # standard errors by which more trees must be better, as in calibration.py
WORTH = 0.02  # of the loss: less than this is not worth twice the time
LEAST = 0.002  # nats a customer: nor is this, where nearly all is known already


def grow(boosted: Boosted, before: Sequence[Snapshot], at: Snapshot, fitted: FittedBoosted, *, seed: int) -> Boosted:
    """Return the candidate with as many rounds as pay, at most MOST_ROUNDS.

    before: what it learns from; at: the snapshot that judges, its horizon unseen by all of these; fitted: the candidate
    as it is, fitted to these. Judged is who buys, by log loss with the level set right: it is learned elsewhere. Where
    the second half of the trees did not pay, no more are tried.
    """
    known, outcome, found = at.without_outcome(), outcome_of(at), boosted
    loss = _losses(fitted, known, outcome)
    pays = fitted.rounds > 1 and _pays(_losses(fitted.first(fitted.rounds // 2), known, outcome), loss)
    while pays and 2 * found.settings.rounds <= MOST_ROUNDS:
        larger = dataclasses.replace(
            found, settings=dataclasses.replace(found.settings, rounds=2 * found.settings.rounds)
        )
        further = _losses(larger.fit([*before, known], seed=seed), known, outcome)
        pays = _pays(loss, further)
        if pays:
            found, loss = larger, further
    return found


def _pays(fewer: FloatArray, more: FloatArray) -> bool:
    """Whether losses with more trees are lower than with fewer, beyond noise and by enough."""
    gain = fewer - more
    noise = NOISE * float(gain.std()) / np.sqrt(gain.size)
    return bool(gain.mean() > max(LEAST, WORTH * float(fewer.mean()), noise))


def _losses(fitted: FittedBoosted, known: Snapshot, outcome: Outcome) -> FloatArray:
    odds = -logit(fitted.churn_probability(known))
    return log_loss_of_pool(np.ones(1), Held(odds[None, :], outcome.bought.astype(np.float64)))
