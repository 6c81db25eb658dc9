"""One evaluation for every candidate, the promotion rule, and figures that show who wins."""

from models.evaluation.budget import Campaign
from models.evaluation.evaluate import Evaluation, evaluate
from models.evaluation.promotion import Decision, decide

__all__ = ["Campaign", "Decision", "Evaluation", "decide", "evaluate"]
