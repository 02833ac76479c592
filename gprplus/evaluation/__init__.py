"""From features to scores."""

from gprplus.evaluation.scoring import PerQuery, Scores
from gprplus.evaluation.split_scores import score

__all__ = ["PerQuery", "Scores", "score"]
