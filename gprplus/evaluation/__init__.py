"""From features to scores, and from scores to intervals."""

from gprplus.evaluation.scores import PerQuery, Scores, score

__all__ = ["PerQuery", "Scores", "score"]
