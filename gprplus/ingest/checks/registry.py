"""Definition of a check: a function from the rows of a manifest to one score for each image, a
name, a threshold."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gprplus.ingest.checks.measure import ImageMeasurements
from gprplus.schema.check_columns import CHECKS, score_column


@dataclass(frozen=True)
class CheckInput:
    """Input of a check for N images.

    `dataset`, `identity` (dataset and identity together; -1 for junk, distractors and unknown ones)
    and `circumstance` (all known attributes of the image together, within its dataset) are `(N,)
    int64` codes; `width` and `height` `(N,) float64` in pixels, NaN if unknown; `measurements` is
    set only for checks that require measurements.
    """

    dataset: np.ndarray
    identity: np.ndarray
    circumstance: np.ndarray
    width: np.ndarray
    height: np.ndarray
    measurements: ImageMeasurements = field(default_factory=lambda: ImageMeasurements.empty(0))

    def __len__(self) -> int:
        return len(self.dataset)


ScoreFunction = Callable[[CheckInput], np.ndarray]


@dataclass(frozen=True)
class Check:
    """A check: `score` gives `(N,)` scores, 1 is good and NaN unknown; below `threshold` an image
    is flagged.

    `measurements` is True if the files must be measured; `settings` are other values that the score
    depends on.
    """

    name: str
    score: ScoreFunction
    threshold: float
    measurements: bool
    settings: dict[str, Any]

    @property
    def columns(self) -> tuple[str, str]:
        """The columns of score and flag."""
        return score_column(self.name), CHECKS[self.name][0]

    def flags(self, scores: np.ndarray) -> np.ndarray:
        """`(N,) bool`: which scores are too low; unknown ones are not."""
        return scores < np.float32(self.threshold)


REGISTRY: dict[str, Check] = {}


def check(
    name: str, *, threshold: float, looks: bool = True, **settings: Any
) -> Callable[[ScoreFunction], ScoreFunction]:
    """Register a function as the check `name`. The settings go to the manifest's record."""

    def register(judge: ScoreFunction) -> ScoreFunction:
        if name in REGISTRY or name not in CHECKS:
            raise KeyError(
                f"the check '{name}' is registered twice, or schema.check_columns.CHECKS does not have its"
                " columns"
            )
        REGISTRY[name] = Check(name, judge, threshold, looks, settings)
        return judge

    return register


def settings_of(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the settings of some checks, for the record."""
    return {
        name: {"threshold": REGISTRY[name].threshold, **REGISTRY[name].settings} for name in names
    }
