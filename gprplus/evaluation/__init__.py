"""From features to scores, and from scores to intervals."""

from gprplus.evaluation.scoring import PerQuery, Scores, score

__all__ = ["PerQuery", "Scores", "score"]
