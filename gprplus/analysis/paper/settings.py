"""Settings that the GPR+ paper does not state: layers, weights, sizes, cut rules, trees."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from gprplus.core.declarations import from_mapping
from gprplus.core.errors import AnalysisError, did_you_mean


@dataclass(frozen=True)
class PaperSettings:
    """Settings that the paper does not state, with defaults.

    alpha and beta 0 mean: each term has unit standard deviation over the levels. `pairs` target
    images are drawn by hash for every render. `rule` is one of RULES. `trees`, `depth` and `eta`
    are XGBoost's.
    """

    content_layer: str = "conv4_2"
    style_layers: tuple[str, ...] = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")
    height: int = 256
    width: int = 128
    alpha: float = 0.0
    beta: float = 0.0
    pairs: int = 16
    targets: int = 64
    rule: str = "mean"
    trees: int = 200
    depth: int = 6
    eta: float = 0.3

    def __post_init__(self) -> None:
        from gprplus.analysis.features.vgg import build_layers

        for name in (self.content_layer, *self.style_layers):
            if name not in build_layers():
                raise AnalysisError(
                    f"VGG-19 has no layer '{name}'. {did_you_mean(name, build_layers())}"
                )
        if self.rule not in RULES:
            raise AnalysisError(
                f"There is no cut rule '{self.rule}'. {did_you_mean(self.rule, RULES)}"
            )
        if (
            min(self.height, self.width) < 32
            or min(self.pairs, self.targets, self.trees, self.depth) < 1
        ):
            raise AnalysisError(
                "Paper settings: images of at least 32 pixels, and at least 1 pair, target and"
                " tree."
            )

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "PaperSettings":
        """Settings by name, those not given by default. Raises DeclarationError or AnalysisError
        for unknown ones."""
        return from_mapping(cls, dict(given), "paper settings")

    def record(self) -> dict[str, Any]:
        """Return all settings for the record."""
        return json.loads(json.dumps(asdict(self)))


def cut_below_mean(totals: np.ndarray) -> np.ndarray:
    """Select levels whose loss is not above the mean over levels: the threshold of the paper for
    viewpoint."""
    return totals <= totals.mean()


def cut_below_median(totals: np.ndarray) -> np.ndarray:
    """Levels whose loss is not above the median."""
    return totals <= np.median(totals)


def cut_below_gap(totals: np.ndarray) -> np.ndarray:
    """Levels under the widest gap between two neighbours.

    >>> cut_below_gap(np.array([5.0, 1.0, 1.5, 6.0])).tolist()
    [False, True, True, False]
    """
    ranked = np.sort(totals)
    return (
        totals <= ranked[np.argmax(np.diff(ranked))] if len(ranked) > 1 else np.ones(1, dtype=bool)
    )


def cut_below_half_deviation(totals: np.ndarray) -> np.ndarray:
    """Levels at least half a standard deviation under the mean; the nearest one at least."""
    return (totals <= totals.mean() - totals.std() / 2) | (totals == totals.min())


RULES = {
    "mean": cut_below_mean,
    "median": cut_below_median,
    "gap": cut_below_gap,
    "mean-half-sd": cut_below_half_deviation,
}


@dataclass(frozen=True)
class LossNetwork:
    """VGG-19 on a device, with an identifier of its weights."""

    model: Any
    device: str
    source: str
