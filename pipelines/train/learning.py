"""From the configuration to how candidates are trained and judged."""

import numpy as np

from lifecycle.models.evaluation import Campaign
from lifecycle.pipelines.config import Config
from lifecycle.scoring.holdout import Learning


def learning_of(config: Config) -> Learning:
    """Candidates, trials, seed and the campaign that the configuration sets."""
    learning, retention = config.learning, config.retention
    campaign = Campaign(
        margin=config.money.margin,
        contact_cost=retention.contact_cost,
        incentive_cost=retention.incentive_cost,
        save_rate=float(np.clip(retention.save_rate, 1e-6, 1 - 1e-6)),
        budget=retention.budget,
    )
    return Learning(learning.candidates, learning.tuning_trials, learning.bootstrap, learning.seed, campaign)
