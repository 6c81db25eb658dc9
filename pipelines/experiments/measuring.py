"""Measuring: every experiment by the as-of date, its trust and effects, the rates that follow, and who responds.

Writes `experiments/DATE.parquet` and `.json`, and `rates/DATE.parquet`, from which the next scoring prices its list.
"""

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from math import isfinite
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq

from lifecycle.decisions.actions import Action, RetentionPolicy
from lifecycle.decisions.experiments import tables
from lifecycle.decisions.experiments.control_share import Advice, Situation, advise
from lifecycle.decisions.experiments.effects import Drawn, Effect, measure
from lifecycle.decisions.experiments.rates import Evidence, Rate, Rates, evidence, posterior
from lifecycle.decisions.experiments.trust import Trust, examine
from lifecycle.features.window import to_date, to_day
from lifecycle.models.uplift.choice import Choice, choose
from lifecycle.models.uplift.policy import PolicyTable, policy_table
from lifecycle.models.uplift.trial import Trial
from lifecycle.pipelines.atomic_files import replacing
from lifecycle.pipelines.config import Config
from lifecycle.pipelines.experiments.finding import Found, contacts, experiments
from lifecycle.pipelines.experiments.outcomes_of import Observed, matrix, observe
from lifecycle.pipelines.experiments.plan_files import files_by_date
from lifecycle.pipelines.ingest import HistoryStore
from lifecycle.pipelines.score.policies import pseudonyms, retention_policy
from lifecycle.pipelines.terminal import Progress
from lifecycle.pipelines.train.training import known_until

LEARNABLE: Final = 1000
"""Customers, half of each arm's least, from which on it is asked who responds."""


class MeasureError(RuntimeError):
    """Nothing can be measured; the message names the remedy."""


@dataclass(frozen=True, eq=False)
class Measured:
    """One experiment with all that can be told of it.

    Attributes
    ----------
    found : Found
        who was drawn.
    state : str
        one of `decisions.experiments.tables.STATES`.
    window_end : int
        last day of the last window.
    trust : Trust | None
        the checks; None where nothing was read.
    effects : tuple[Effect, ...]
        by segment and outcome.
    buyers, money : Choice | None
        who responds by buying, and by margin; None where there are too few customers to ask.
    policies : PolicyTable | None
        worth of treating none, all, or whom a learner says; of a campaign with several treatments over all of them.
    seen : Observed | None
        what was known before and what came of it; kept until policies of several treatments are compared.
    price : float
        mean cost of a treated customer.
    """

    found: Found
    state: str
    window_end: int
    trust: Trust | None = None
    effects: tuple[Effect, ...] = ()
    buyers: Choice | None = None
    money: Choice | None = None
    policies: PolicyTable | None = None
    seen: Observed | None = None
    price: float = 0.0


@dataclass(frozen=True, eq=False)
class Measurement:
    """All experiments, the rates and the advice, and where they were written.

    Attributes
    ----------
    rows : Mapping[str, int]
        every row of the campaigns table by what became of it; `all` is their sum.
    advice : Mapping[str, Advice]
        by action on the latest list.
    """

    as_of: dt.date
    window: int
    experiments: tuple[Measured, ...]
    rates: Rates
    rows: Mapping[str, int]
    advice: Mapping[str, Advice]
    parquet: Path
    rates_path: Path


def measure_all(config: Config, store: HistoryStore, window: int, progress: Progress) -> Measurement:
    """Measure every experiment whose window is over, and write the tables.

    Raises
    ------
    MeasureError
        the history has no campaigns table.
    """
    as_of = known_until(config, store)
    policy = retention_policy(config)
    progress("reading contacts")
    rows = contacts(store)
    if rows.empty:
        raise MeasureError(
            "no campaigns table: nothing was sent that could be measured. Name the contacts that were made, and who "
            "was held back, under [tables.campaigns] and ingest again."
        )
    done = []
    for found in experiments(config, store, rows, as_of, pseudonyms(config)):
        progress(f"measuring {found.name}")
        done.append(_measured(found, store, config, policy, window, as_of))
    done = _joint_policies(done, config.money.margin)
    rates = Rates(tuple(row for action in policy.actions for row in _rates(action, done)))
    account = _account(store, rows, done, as_of)
    day = as_of.isoformat()
    parquet = config.directory / "experiments" / f"{day}.parquet"
    rates_path = config.directory / "rates" / f"{day}.parquet"
    advice = _advice(config, policy, rates, as_of)
    result = Measurement(as_of, window, tuple(done), rates, account, advice, parquet, rates_path)
    with replacing(parquet) as path:
        pq.write_table(tables.table(tables.EXPERIMENTS, _columns(done)), path, compression="zstd")
    with replacing(rates_path) as path:
        columns = {name: [getattr(row, name) for row in rates.rows] for name in Rate.__slots__}
        pq.write_table(tables.table(tables.RATES, columns), path, compression="zstd")
    with replacing(parquet.with_suffix(".json")) as path:
        path.write_text(json.dumps(_plain(summary(result)), indent=1, allow_nan=False) + "\n")
    return result


def _measured(
    found: Found, store: HistoryStore, config: Config, policy: RetentionPolicy, window: int, as_of: dt.date
) -> Measured:
    people = found.people
    end = int(people["day"].max()) + window
    if people["treated"].all() or not people["treated"].any():
        return Measured(found, "no_control", end)
    if end > to_day(as_of):
        return Measured(found, "running", end)
    seen = observe(store, found, window)
    treated = people["treated"].to_numpy(np.bool_)
    propensity = people["propensity"].to_numpy(np.float64)
    bought = seen.purchases > 0
    planned = propensity if found.planned else None
    trust = examine(seen.x, treated, bought, contacted=seen.contacted, planned=planned)
    drawn = _drawn(found, seen, _action(policy, found.treatment), config.money.margin)
    segments = {
        name: people[name].astype(str).to_numpy(np.str_) for name in ("stage", "strategy") if name in people.columns
    }
    effects = measure(drawn, segments) if min(treated.sum(), (~treated).sum()) >= 2 else ()
    state = "trusted" if trust.trusted else "not_trusted"
    if not trust.trusted or 2 * min(treated.sum(), (~treated).sum()) < LEARNABLE:
        return Measured(found, state, end, trust, effects)
    trial = Trial.of(seen.x, treated.astype(np.int64), bought.astype(np.float64), propensity)
    price = float((drawn.cost + drawn.incentive)[treated].mean())
    paying = trial.with_outcome(config.money.margin * seen.spend)
    policies = policy_table(paying, ("none", found.treatment or "contact"), cost=(0.0, price))
    money = choose(paying, cost=price)
    return Measured(found, state, end, trust, effects, choose(trial), money, policies, seen, price)


def _joint_policies(done: list[Measured], margin: float) -> list[Measured]:
    """Compare the treatments of one campaign with each other where several share a control group."""
    result = []
    for one in done:
        arms = [other for other in done if other.found.name == one.found.name and other.seen is not None]
        if one.policies is not None and len(arms) > 1:
            one = replace(one, policies=_over_all(arms, margin))
        result.append(one)
    return [replace(one, seen=None) for one in result]


def _over_all(arms: list[Measured], margin: float) -> PolicyTable:
    """Worth of every treatment to all, and of the best for each, over the customers of all arms."""
    names = sorted(set.intersection(*(set(one.seen.features) for one in arms if one.seen is not None)))
    features: dict[str, list[Any]] = {name: [] for name in names}
    arm, spend = [], []
    for code, one in enumerate(arms, start=1):
        treated = one.found.people["treated"].to_numpy(np.bool_)
        rows = treated if code > 1 else np.ones(treated.size, np.bool_)  # the control group is shared
        seen = one.seen
        assert seen is not None
        for name in names:
            features[name].append(seen.features[name][rows])
        arm.append(np.where(treated[rows], code, 0))
        spend.append(seen.spend[rows])
    drawn = np.concatenate(arm)
    x = matrix({name: np.concatenate(parts) for name, parts in features.items()})
    trial = Trial.of(x, drawn, margin * np.concatenate(spend), np.bincount(drawn) / drawn.size)
    treatments = [one.found.treatment or "contact" for one in arms]
    return policy_table(trial, ("none", *treatments), cost=(0.0, *(one.price for one in arms)))


def _action(policy: RetentionPolicy, name: str) -> Action | None:
    return next((action for action in policy.actions if action.name == name), None)


def _drawn(found: Found, seen: Observed, action: Action | None, margin: float) -> Drawn:
    """The customers with what they cost: as the table says, else as the catalogue does."""
    people = found.people
    reached = people["reached"].to_numpy(np.bool_)
    cost, incentive = (people[name].to_numpy(np.float64) for name in ("cost", "incentive"))
    if action is not None:
        given = (seen.purchases > 0) * action.incentive + action.incentive_share * seen.spend
        cost = np.where(np.isnan(cost), action.contact_cost, cost)
        incentive = np.where(np.isnan(incentive), given, incentive)
    return Drawn(
        seen.x,
        people["treated"].to_numpy(np.bool_),
        people["propensity"].to_numpy(np.float64),
        seen.purchases,
        seen.spend,
        np.where(reached, np.nan_to_num(cost), 0.0),
        np.where(reached, np.nan_to_num(incentive), 0.0),
        margin,
    )


def _rates(action: Action, done: list[Measured]) -> tuple[Rate, ...]:
    """The rates of an action from all trusted experiments that its lists drew."""
    found: list[Evidence] = []
    outcome = "purchases" if action.effect == "develop" else "buyers"
    for one in done:
        people = one.found.people
        if one.state != "trusted" or one.found.listed is None or one.found.treatment != action.name:
            continue
        for effect in one.effects:
            if effect.by != "stage" or effect.outcome != outcome:
                continue
            movable = float(people.loc[people["stage"] == effect.segment, "movable"].mean())
            seen = evidence(
                action.name,
                effect.segment,
                effect=effect.adjusted,
                error=effect.se,
                movable=movable,
                contacts=effect.n_t + effect.n_c,
            )
            found += [] if seen is None else [seen]
    return posterior(action.name, action.stages, prior=action.rate, prior_sd=action.prior_sd, found=found)


def _advice(config: Config, policy: RetentionPolicy, rates: Rates, as_of: dt.date) -> dict[str, Advice]:
    """What a control group is worth for each action on the latest list."""
    plans = files_by_date(config.directory / "plan", "parquet", as_of)
    if not plans or not policy.control_share:
        return {}
    planned = pq.read_table(plans[-1][1], filters=[("targeted", "=", True)]).to_pandas()
    found = {}
    for action in policy.actions:
        mine = planned[planned["action"] == action.name]
        if mine.empty:
            continue
        now = [rates.of(action.name, stage) for stage in mine["stage"]]
        rate = float(np.mean([action.rate if one is None else one.rate for one in now]))
        sd = float(np.mean([action.prior_sd if one is None else one.sd for one in now]))
        ahead = mine["rate"] - mine["break_even"]
        won = float(mine["expected_gain"].sum() / ahead.sum()) if ahead.sum() > 0 else 0.0
        buys = float(1 - mine["churn_probability"].mean()) if mine["churn_probability"].notna().any() else 0.0
        situation = Situation(
            len(mine), rate, sd, float(mine["break_even"].mean()), won, float(mine["movable"].mean()), buys
        )
        found[action.name] = advise(situation, share=policy.control_share)
    return found


def _account(store: HistoryStore, rows: Any, done: list[Measured], as_of: dt.date) -> dict[str, int]:
    """Every row of the campaigns table: in an experiment, or why not."""
    last = to_day(as_of)
    [table] = [one for one in store.account_as_of(as_of).tables if one.table == "campaigns"]
    seen = rows[rows["day"] <= last]
    treated = int((~seen["control"]).sum())
    return {
        "treated": treated,
        "control": len(seen) - treated,
        "later": int((rows["day"] > last).sum()),
        "quarantined": table.rows("quarantined"),
        "netted": table.rows("netted"),
        "all": table.input_rows,
        "not_counted": sum(one.found.rows[name] for one in done for name in ("repeated", "ambiguous", "outside")),
    }


def _columns(done: list[Measured]) -> dict[str, list[Any]]:
    names = [column.name for column in tables.EXPERIMENTS]
    columns: dict[str, list[Any]] = {name: [] for name in names}
    for one in done:
        people = one.found.people
        treated = int(people["treated"].sum())
        stamp = {
            "experiment": one.found.name,
            "treatment": one.found.treatment,
            "first_day": to_date(one.found.first_day),
            "window_end": to_date(one.window_end),
            "state": one.state,
            "why_not": "" if one.trust is None else one.trust.why_not,
            "listed": one.found.listed is not None,
        }
        rows: list[dict[str, Any]] = [
            {
                **{name: getattr(effect, name, None) for name in names},
                "segment_by": effect.by,
                "n_treated": effect.n_t,
                "n_control": effect.n_c,
                "mean_treated": effect.mean_t,
                "mean_control": effect.mean_c,
            }
            for effect in one.effects
        ]
        nothing = dict.fromkeys(names) | {"segment_by": "all", "segment": "", "n_treated": treated}
        for row in rows or [{**nothing, "n_control": len(people) - treated}]:
            for name, value in {**row, **stamp}.items():
                columns[name].append(value)
    return columns


def summary(result: Measurement) -> dict[str, Any]:
    """The measurement in numbers, as the report and MLflow take it."""
    return {
        "as_of": result.as_of.isoformat(),
        "window_days": result.window,
        "rows": dict(result.rows),
        "experiments": [_told(one) for one in result.experiments],
        "rates": [asdict(row) for row in result.rates.rows],
        "advice": {name: asdict(one) for name, one in result.advice.items()},
    }


def _told(one: Measured) -> dict[str, Any]:
    people = one.found.people
    treated = int(people["treated"].sum())
    overall = {effect.outcome: asdict(effect) for effect in one.effects if effect.by == "all"}
    facts: dict[str, Any] = {
        "name": one.found.name,
        "treatment": one.found.treatment,
        "first_day": to_date(one.found.first_day).isoformat(),
        "window_end": to_date(one.window_end).isoformat(),
        "state": one.state,
        "why_not": "" if one.trust is None else one.trust.why_not,
        "checks": {} if one.trust is None else {check.name: check.value for check in one.trust.checks},
        "listed": None if one.found.listed is None else one.found.listed.isoformat(),
        "n_treated": treated,
        "n_control": len(people) - treated,
        "rows": one.found.rows,
        "effects": overall,
        "uplift": {name: _choice(c) for name, c in (("buyers", one.buyers), ("margin", one.money)) if c is not None},
    }
    if one.policies is not None:
        facts["policies"] = {
            "chosen": one.policies.chosen,
            "all": [{**asdict(worth), "optimism": worth.optimism} for worth in one.policies.policies.values()],
        }
    return facts


def _choice(choice: Choice) -> dict[str, Any]:
    return {
        "name": choice.name,
        "leader": choice.leader,
        "reason": choice.reason,
        "leader_metrics": choice.judged[choice.leader].metrics(),
        "groups": [list(one) for one in choice.groups],
        "curve": {name: getattr(choice.curve, name).tolist() for name in ("gain", "low", "high")},
    }


def _plain(value: Any) -> Any:
    """The same with null for numbers that are none: JSON has no word for them."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not isfinite(value) else value
