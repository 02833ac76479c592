"""The options of score."""

from dataclasses import dataclass
from typing import Any, ClassVar

from gprplus.core.errors import GprplusError, ScoreError
from gprplus.core.options import Options, option

SCORING = "Scoring"


@dataclass(frozen=True, eq=False)
class ScoringOptions(Options):
    """Options of scoring features."""

    error: ClassVar[type[GprplusError]] = ScoreError

    metric: str = option(
        "cosine",
        group=SCORING,
        metavar="METRIC",
        choices=("cosine", "euclidean"),
        help="Similarity: cosine or euclidean.",
    )
    ap: str = option(
        "step",
        group=SCORING,
        metavar="FORM",
        choices=("step", "trapezoid"),
        help="Form of average precision: step or trapezoid.",
    )
    rerank: Any = option(
        None,
        group=SCORING,
        help="RerankOptions(), to re-rank by k-reciprocal neighbors first, without junk images.",
    )
    gallery_junk: Any = option(
        None, group=SCORING, help="`(G,) bool`: gallery rows that are excluded for every query."
    )
    removed: Any = option(
        None,
        group=SCORING,
        help="Positions of gallery rows that are excluded for one query, an array for each query.",
    )
    block_rows: int | None = option(
        None,
        group=SCORING,
        at_least=1,
        default_note="by memory",
        help="Queries compared at a time.",
    )
