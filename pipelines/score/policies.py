"""From the configuration to what scoring takes: the retention policy, money terms and the key of pseudonyms."""

import hashlib
import os

from lifecycle.decisions.actions import Action, RetentionPolicy, default_actions
from lifecycle.decisions.stage_policy import StagePolicy
from lifecycle.pipelines.config import Config
from lifecycle.scoring.money_terms import MoneyTerms
from lifecycle.scoring.pseudonyms import PseudonymError, Pseudonyms


def retention_policy(config: Config) -> RetentionPolicy:
    """The catalogue of actions and the limits that the configuration sets."""
    retention = config.retention
    actions = tuple(Action(**action.model_dump()) for action in retention.actions) or default_actions(
        contact_cost=retention.contact_cost,
        incentive=retention.incentive_cost,
        save_rate=retention.save_rate,
        winback_save_rate=retention.winback_save_rate,
    )
    return RetentionPolicy(
        actions=actions,
        budget=retention.budget,
        control_share=retention.control_share,
        explore_share=retention.explore_share,
        min_return=retention.min_return,
        min_days_between_contacts=retention.min_days_between_contacts,
        value_horizon_days=retention.value_horizon_days,
        salt=retention.salt,
    )


def money_terms(config: Config) -> MoneyTerms:
    """Margin, discount rate and value horizon of the configuration."""
    money = config.money
    return MoneyTerms.yearly(money.margin, money.discount_rate_per_year, config.retention.value_horizon_days)


def pseudonyms(config: Config) -> Pseudonyms | None:
    """The configured key; None where ids go out as they came.

    Raises
    ------
    PseudonymError
        the environment variable is not set, or its key is too short.
    """
    name = config.output.pseudonym_key_env
    if name is None:
        return None
    key = os.environ.get(name)
    if key is None:
        raise PseudonymError(
            f"output.pseudonym_key_env: the environment variable {name} with the key is not set. Set it."
        )
    return Pseudonyms(key.encode())


def policy_version(stages: StagePolicy, retention: RetentionPolicy) -> str:
    """16 hexadecimal digits over the stage rules and the retention policy.

    >>> len(policy_version(StagePolicy.from_rates(1.0, 30.0, 90), RetentionPolicy(default_actions())))
    16
    """
    return hashlib.sha256(f"{stages.digest} {retention.digest}".encode()).hexdigest()[:16]
