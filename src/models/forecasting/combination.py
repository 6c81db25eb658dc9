"""The combination: probability models and boosting pooled with weights, level and calibration learned out of time."""

import dataclasses
import datetime
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from scipy import special

from lifecycle.features.window import to_day
from lifecycle.models.forecasting import calibration
from lifecycle.models.forecasting import power_calibration as sharpness
from lifecycle.models.forecasting import stacking as pooling
from lifecycle.models.forecasting.candidate import Candidate, Fitted, check, check_horizon
from lifecycle.models.forecasting.count_dispersion import Counts
from lifecycle.models.forecasting.design_matrix import given_buying
from lifecycle.models.forecasting.fixed_order_sums import mix
from lifecycle.models.forecasting.forecast import FloatArray, Forecast, Outcome
from lifecycle.models.forecasting.level_correction import Level
from lifecycle.models.forecasting.level_correction import learn as learn_level
from lifecycle.models.forecasting.lightgbm_candidate import Boosted, FittedBoosted
from lifecycle.models.forecasting.origins import FOLDS
from lifecycle.models.forecasting.purchase_models import FittedPurchasing, Purchasing
from lifecycle.models.forecasting.serialization import MODEL, to_json
from lifecycle.models.forecasting.snapshot import Snapshot, complete, outcome_of
from lifecycle.models.forecasting.spend_dispersion import Spread
from lifecycle.models.forecasting.tree_count import grow

MEMBERS = ("bgnbd", "mbgnbd", "paretonbd", "lightgbm")
TREES = 0.75  # held to in amounts: the trees start from theory already, a quarter more keeps a pool of both
MOST_TREES = 0.9
HALF_TRUST = 100.0  # customers with the rarer outcome at which half of that is held to
ALIVE = "mbgnbd"
COVERAGE = 0.9


@dataclasses.dataclass(frozen=True)
class Pool:
    """All that is learned about the members, beside the members themselves."""

    buys: pooling.Weights
    amount: pooling.Weights
    sharpness: sharpness.Sharpness
    level: Level
    calibration: calibration.Calibration
    spread: Spread
    counts: Counts

    def to_document(self) -> dict[str, Any]:
        """Return a JSON-ready document."""
        return {
            "buys": dataclasses.asdict(self.buys),
            "amount": dataclasses.asdict(self.amount),
            "sharpness": self.sharpness.to_document(),
            "level": self.level.to_document(),
            "calibration": self.calibration.to_document(),
            "spread": self.spread.to_document(),
            "counts": self.counts.to_document(),
        }

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """Rebuild from to_document."""
        return cls(
            buys=pooling.Weights(tuple(document["buys"]["values"]), document["buys"]["reason"]),
            amount=pooling.Weights(tuple(document["amount"]["values"]), document["amount"]["reason"]),
            sharpness=sharpness.Sharpness.from_document(document["sharpness"]),
            level=Level.from_document(document["level"]),
            calibration=calibration.Calibration.from_document(document["calibration"]),
            spread=Spread.from_document(document["spread"]),
            counts=Counts.from_document(document["counts"]),
        )

    def log_odds(self, members: Sequence[Forecast]) -> FloatArray:
        """Pooled log odds to buy, before calibration."""
        return mix(np.asarray(self.buys.values, dtype=np.float64), _log_odds(members))

    def amounts(self, members: Sequence[Forecast]) -> tuple[FloatArray, FloatArray]:
        """Pooled purchases and sharpened spend, before the level."""
        weights = np.asarray(self.amount.values, dtype=np.float64)
        spend = self.sharpness.apply(mix(weights, _stack(members, "expected_spend")))
        return mix(weights, _stack(members, "expected_purchases")), spend

    def levelled(self, members: Sequence[Forecast], as_of: datetime.date) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Probability to buy, purchases and spend, at the level of the date."""
        correction = self.level.at(as_of)
        purchases, spend = self.amounts(members)
        likely = np.asarray(special.expit(self.log_odds(members) + correction.buying), dtype=np.float64)
        return (
            self.calibration.apply(likely),
            purchases * np.exp(correction.purchases),
            spend * np.exp(correction.spend),
        )

    def settled(self, members: Sequence[Forecast], learned: Level) -> Self:
        """Return the pool whose sums over these forecasts are those of the level; sharpening keeps them."""
        weights = np.asarray(self.amount.values, dtype=np.float64)
        spend = mix(weights, _stack(members, "expected_spend"))
        pool = self
        if np.isfinite(spend).all():
            pool = dataclasses.replace(self, sharpness=self.sharpness.scaled_to(spend))
        theory = members[MEMBERS.index(ALIVE)]
        return dataclasses.replace(pool, level=learned.anchored(theory, pool.log_odds(members), *pool.amounts(members)))


def _stack(members: Sequence[Forecast], column: str) -> FloatArray:
    return np.stack([np.asarray(getattr(m, column), dtype=np.float64) for m in members])


def _log_odds(members: Sequence[Forecast]) -> FloatArray:
    return np.stack([-pooling.logit(m.churn_probability) for m in members])


@dataclasses.dataclass(frozen=True)
class FittedCombined:
    """Fitted members in the order of MEMBERS, and the pool."""

    horizon: int
    members: tuple[FittedPurchasing | FittedBoosted, ...]
    pool: Pool
    name: str = "combined"

    def predict(self, snapshot: Snapshot) -> Forecast:
        """Forecast with every member and join the forecasts."""
        check_horizon(self, snapshot)
        return self.join(self.forecasts(snapshot), snapshot.as_of)

    def forecasts(self, snapshot: Snapshot) -> list[Forecast]:
        """Return the members' forecasts."""
        return [_of_member(member, snapshot) for member in self.members]

    def join(self, forecasts: Sequence[Forecast], as_of: datetime.date) -> Forecast:
        """Join the members' forecasts of one snapshot."""
        bought, purchases, spend = self.pool.levelled(forecasts, as_of)
        purchases = np.maximum(purchases, bought)
        trees = forecasts[MEMBERS.index("lightgbm")]
        given = given_buying(trees.decline_probability, trees.churn_probability, otherwise=0.0)
        low, high = self.pool.spread.bounds(bought, spend, COVERAGE)
        fewest, most = self.pool.counts.bounds(bought, purchases, COVERAGE)
        noise = self.pool.spread.noise_of_sum(bought, spend)
        bounds = self.pool.level.sum_interval(as_of, float(spend.sum()), noise, COVERAGE)
        return Forecast(
            churn_probability=1.0 - bought,
            decline_probability=bought * np.clip(given, 0.0, 1.0),
            p_alive=forecasts[MEMBERS.index(ALIVE)].p_alive,
            expected_purchases=purchases,
            expected_spend=spend,
            spend_low=low,
            spend_high=high,
            purchases_low=fewest,
            purchases_high=most,
            level=COVERAGE,
            spend_sum_low=bounds[0],
            spend_sum_high=bounds[1],
        )

    def member(self, name: str) -> FittedPurchasing | FittedBoosted:
        """Return a member by its name."""
        return self.members[MEMBERS.index(name)]

    def files(self) -> dict[str, bytes]:
        """Write members and pool into one document, the trees beside it."""
        document = {
            "kind": "combined",
            "horizon": self.horizon,
            "members": [m.to_document() for m in self.members],
            "pool": self.pool.to_document(),
        }
        boosted = self.members[MEMBERS.index("lightgbm")]
        trees = boosted.trees() if isinstance(boosted, FittedBoosted) else {}
        return {MODEL: to_json(document)} | trees

    @classmethod
    def from_document(cls, document: dict[str, Any], texts: Mapping[str, bytes]) -> Self:
        """Rebuild from the document and texts in files()."""
        members = tuple(
            FittedBoosted.from_document(d, texts) if d["kind"] == "boosted" else FittedPurchasing.from_document(d)
            for d in document["members"]
        )
        return cls(document["horizon"], members, Pool.from_document(document["pool"]))

    def params(self) -> dict[str, float | str]:
        """Return weights, level and calibration."""
        weights: dict[str, float | str] = {
            f"weight_buys_{m}": w for m, w in zip(MEMBERS, self.pool.buys.values, strict=True)
        }
        weights |= {f"weight_amount_{m}": w for m, w in zip(MEMBERS, self.pool.amount.values, strict=True)}
        learned, trees = self.pool.level, self.member("lightgbm")
        if isinstance(trees, FittedBoosted):
            weights["rounds"] = float(trees.rounds)
        return weights | {
            "weights_reason": self.pool.buys.reason,
            "sharpness": self.pool.sharpness.exponent,
            "level_dates": float(learned.dates),
            "level_buying": learned.buying[0],
            "level_spend": float(np.exp(learned.spend[0])),
            "calibration": self.pool.calibration.kind,
            "calibration_reason": self.pool.calibration.reason,
        }


@dataclasses.dataclass(frozen=True)
class Combined:
    """Pools the candidates of MEMBERS."""

    boosted: Boosted = dataclasses.field(default_factory=Boosted)
    name: str = "combined"

    def _candidates(self, *, outcomes: bool = True) -> tuple[Candidate, ...]:
        """The members; where there is no outcome to learn from, a probability model stands in for the trees."""
        trees = self.boosted if outcomes else Purchasing(ALIVE)
        return tuple(trees if name == "lightgbm" else Purchasing(name) for name in MEMBERS)

    def fit(self, snapshots: Sequence[Snapshot], *, seed: int) -> FittedCombined:
        """Fit the members on all snapshots, the pool on folds whose members had seen nothing of the fold's horizon.

        Without any outcome the pool is the even mean of the probability models, at the level that the past tells of.
        """
        check(snapshots, owner=self.name)
        learned = complete(snapshots)
        last = snapshots[-1].without_outcome()
        chosen, folds = self._candidates(outcomes=bool(learned)), out_of_time(learned)[-FOLDS:]
        judged = [_fitted(chosen, before, at, seed) for before, at in folds]
        forecasts = [_forecasts(one, at) for one, (_, at) in zip(judged, folds, strict=True)]
        trees = judged[-1][MEMBERS.index("lightgbm")] if folds else None
        if (
            isinstance(trees, FittedBoosted)
            and (grown := grow(self.boosted, *folds[-1], trees, seed=seed)) != self.boosted
        ):
            chosen = dataclasses.replace(self, boosted=grown)._candidates()
            forecasts = [_forecasts(_fitted(chosen, before, at, seed), at) for before, at in folds]
        held = [
            Held(found, outcome_of(at), at.as_of, _level_on(at.as_of, last))
            for found, (_, at) in zip(forecasts, folds, strict=True)
        ]
        members = tuple(candidate.fit(snapshots, seed=seed) for candidate in chosen)
        pool = learn_pool(held, trees=trust(outcome_of(learned[-1]))) if learned else theory_pool()
        fitted = FittedCombined(last.horizon, members, pool)  # type: ignore[arg-type]
        pool = fitted.pool.settled(fitted.forecasts(last), _level_on(last.as_of, last))
        return dataclasses.replace(fitted, pool=pool)


@dataclasses.dataclass(frozen=True, eq=False)
class Held:
    """A fold out of time: the members' forecasts, what happened, and the level that was to be expected."""

    forecasts: Sequence[Forecast]
    outcome: Outcome
    as_of: datetime.date
    level: Level


def _level_on(as_of: datetime.date, last: Snapshot) -> Level:
    """Return the level to expect on a date by what was known then; last: the latest snapshot, which knows the past."""
    misses = () if last.past is None else last.past.until(to_day(as_of)).misses(last.horizon)
    return learn_level(misses, as_of, horizon=last.horizon)


def out_of_time(snapshots: Sequence[Snapshot]) -> list[tuple[list[Snapshot], Snapshot]]:
    """Pairs of (snapshots whose horizons end by a date, the snapshot of that date), for each date that has any."""
    pairs = []
    for at in snapshots:
        before = [s for s in snapshots if s.end <= at.as_of]
        if before:
            pairs.append((before, at))
    return pairs


def _fitted(candidates: Sequence[Candidate], before: Sequence[Snapshot], at: Snapshot, seed: int) -> list[Fitted]:
    known = at.without_outcome()
    return [c.fit([*before, known], seed=seed) for c in candidates]


def _forecasts(fitted: Sequence[Fitted], at: Snapshot) -> list[Forecast]:
    known = at.without_outcome()
    return [_of_member(one, known) for one in fitted]


def _of_member(fitted: Fitted, snapshot: Snapshot) -> Forecast:
    """Return a member's forecast; the probability models are not asked for decline, which is taken from the trees."""
    if isinstance(fitted, FittedPurchasing):
        return fitted.predict_buying(snapshot)
    return fitted.predict(snapshot)


def trust(outcome: Outcome) -> float:
    """Share of the trees in the pool of who buys, without other evidence: it grows with what they can learn from."""
    bought = float(outcome.bought.sum())
    rarer = min(bought, outcome.bought.size - bought)
    return MOST_TREES * rarer / (rarer + HALF_TRUST)


def around(trees: float) -> tuple[float, ...]:
    """Weights with a share for the trees and the rest even among the probability models."""
    theory = (1.0 - trees) / (len(MEMBERS) - 1)
    return tuple(trees if name == "lightgbm" else theory for name in MEMBERS)


def theory_pool() -> Pool:
    """The pool of the probability models alone, for a log that has no outcome to learn from."""
    reason = "no complete horizon to learn from: the even mean of the probability models"
    weights = pooling.Weights(around(0.0), reason)
    return Pool(
        weights, weights, sharpness.choose([]), Level.none(), calibration.choose([]), Spread.even(), Counts.even()
    )


def learn_pool(held: Sequence[Held], *, trees: float) -> Pool:
    """Learn weights, sharpness, calibration and spread from the members' out-of-time forecasts; the level is not set.

    trees: the trees' share to hold to in who buys.
    """
    happened = [h.outcome.bought.astype(np.float64) for h in held]
    buys = pooling.choose(
        [pooling.Held(_log_odds(h.forecasts), bought) for h, bought in zip(held, happened, strict=True)],
        around(trees),
        pooling.log_loss_of_pool,
    )
    money = bool(held) and all(h.outcome.has_money for h in held)
    folds = [
        pooling.Held(_stack(h.forecasts, "expected_spend"), h.outcome.spend)
        if money
        else pooling.Held(_stack(h.forecasts, "expected_purchases"), h.outcome.purchases.astype(np.float64))
        for h in held
    ]
    amount = pooling.choose(folds, around(TREES), pooling.deviance_of_pool)
    weights = np.asarray(amount.values, dtype=np.float64)
    sharp = sharpness.choose([(mix(weights, f.forecasts), f.happened) for f in folds] if money else [])
    judged = []
    for h, bought in zip(held, happened, strict=True):
        # The map is for the shape: a fold's level belongs to its season, and a map that learned it would carry it on.
        odds = mix(np.asarray(buys.values, dtype=np.float64), _log_odds(h.forecasts))
        levelled = np.asarray(special.expit(odds + pooling.shift_to(odds, float(bought.sum()))), dtype=np.float64)
        judged.append(calibration.Fold(levelled, bought, np.ones(bought.size)))
    pool = Pool(buys, amount, sharp, Level.none(), calibration.choose(judged), Spread.even(), Counts.even())
    spends, counts = [], []
    for h in held:
        bought, purchases, spend = pool.settled(h.forecasts, h.level).levelled(h.forecasts, h.as_of)
        spends.append((bought, spend, h.outcome))
        counts.append((bought, np.maximum(purchases, bought), h.outcome))
    return dataclasses.replace(pool, spread=Spread.learn(spends), counts=Counts.learn(counts))
