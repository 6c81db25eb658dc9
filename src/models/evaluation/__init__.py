"""One evaluation for every candidate, the promotion rule, and figures that show who wins."""

from lifecycle.models.evaluation.campaign_profit import Campaign
from lifecycle.models.evaluation.comparison import compare, table
from lifecycle.models.evaluation.evaluation import LOWER_IS_BETTER, MEANINGS, NEARER_ZERO, Evaluation, evaluate
from lifecycle.models.evaluation.figures import figures, tracking
from lifecycle.models.evaluation.promotion_rule import Decision, decide
from lifecycle.models.evaluation.winner import HEADLINE, mean_loss, winner

__all__ = [
    "HEADLINE",
    "LOWER_IS_BETTER",
    "MEANINGS",
    "NEARER_ZERO",
    "Campaign",
    "Decision",
    "Evaluation",
    "compare",
    "decide",
    "evaluate",
    "figures",
    "mean_loss",
    "table",
    "tracking",
    "winner",
]
