"""One evaluation for every candidate, the promotion rule, and figures that show who wins."""

from models.evaluation.budget import Campaign
from models.evaluation.comparison import compare, table
from models.evaluation.evaluate import LOWER_IS_BETTER, MEANINGS, NEARER_ZERO, Evaluation, evaluate
from models.evaluation.figures import figures, tracking
from models.evaluation.promotion import Decision, decide

__all__ = [
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
    "table",
    "tracking",
]
