"""Held-out differences between controls and a searched subset, with simultaneous intervals over
identities.

For the searched mixture w and a control's mixture v, the difference of their squared discrepancies
to the target is

    D(v) - D(w) = mean over p != q of (v'K_pq v - w'K_pq w) - 2 mean over p and t of (v - w)'k_pt,

with the kernels K_pq between the cells of source identities p and q, and k_pt between those of p
and target image t. Discrepancies within the target cancel. The variance is that of the jackknife
over source identities, plus that over target identities, which may have unequal numbers of images
(statistics.identity_variance), plus that over the draws of a random control. The jackknife
overestimates the part of single pairs of identities (Efron and Stein 1981), and pairs of a source
and a target identity count on both sides, so that intervals are wide where cells do not differ.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gprplus.analysis.record import Difference
from gprplus.analysis.subset_search.kernels import Kernels
from gprplus.statistics.contrasts import ContrastEstimates
from gprplus.statistics.identity_variance import df_of_shares, variance_factors
from gprplus.statistics.multiplicity import max_t_adjust
from gprplus.statistics.variance_sum import combine_variances, two_sided

LEAST = 3  # source identities of a jackknife over pairs
DRAWS = 2000  # simulated searches without any difference
SAME = 1e-9  # standard error of a control that is the searched mixture itself; kernels are between 0 and 1


@dataclass(frozen=True)
class DiscrepancyParts:
    """The discrepancy of one mixture up to a constant, its jackknife pseudo-values by source
    identity `(P,)`, and its mean terms by target identity `(I,)`.
    """

    value: float
    source: np.ndarray
    target: np.ndarray

    @classmethod
    def of(cls, known: Kernels, images: np.ndarray, weights: np.ndarray) -> "DiscrepancyParts":
        """The parts of the mixture `weights` `(C,)`, by the source identities of `known` and the
        target images that `images` `(T,) bool` selects.
        """
        pairs = np.tensordot(weights, known.inside @ weights, (0, 1)).astype(np.float64)
        np.fill_diagonal(pairs, 0.0)
        own, share = memberships(known.people[images])
        across = np.tensordot(weights, known.across[:, :, images], (0, 1)).astype(np.float64)
        terms = 2 * across @ own.T / own.sum(axis=1)
        each, people = terms @ share, len(pairs)
        value = pairs.sum() / (people * (people - 1)) - each.mean()
        without = (pairs.sum() - 2 * pairs.sum(axis=1)) / max((people - 1) * (people - 2), 1)
        without -= (each.sum() - each) / (people - 1)
        return cls(float(value), people * value - (people - 1) * without, -terms.mean(axis=0))

    @classmethod
    def mean(cls, draws: Sequence["DiscrepancyParts"]) -> "DiscrepancyParts":
        """The mean of the parts of several mixtures."""
        source, target = (
            np.mean([getattr(one, name) for one in draws], axis=0) for name in ("source", "target")
        )
        return cls(float(np.mean([one.value for one in draws])), source, target)


def memberships(people: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the images `(I, T) float64` of each identity, for identities `people` `(T,)`, and the
    share `(I,)`."""
    own = (np.unique(people)[:, None] == people[None, :]).astype(np.float64)
    return own, own.sum(axis=1) / len(people)


def control_differences(
    known: Kernels,
    images: np.ndarray,
    searched: np.ndarray,
    controls: Mapping[str, Sequence[np.ndarray]],
    rng: np.random.Generator,
) -> list[Difference]:
    """The difference of each control to the searched mixture `(C,)`, by held-out identities.

    These are the source identities of `known` and those of the target images that `images` `(T,)
    bool` selects. A control has one mixture, or several random draws, whose mean discrepancy is
    compared.
    """
    own = DiscrepancyParts.of(known, images, searched)
    draws = [
        [DiscrepancyParts.of(known, images, weights) for weights in each]
        for each in controls.values()
    ]
    means = [DiscrepancyParts.mean(each) for each in draws]
    value = np.array([one.value - own.value for one in means])
    over_source = np.stack([one.source - own.source for one in means], axis=1)
    over_target = np.stack([one.target - own.target for one in means], axis=1)
    half = np.full(len(value), math.nan)
    if len(over_source) >= LEAST and len(over_target) > 1:
        shares = (
            np.full(len(over_source), 1 / len(over_source)),
            memberships(known.people[images])[1],
        )
        half = _half_widths(
            value,
            list(zip((over_source, over_target), shares, strict=True)),
            _draw_part(draws),
            rng,
        )
    return [
        _difference(*each) for each in zip(controls, value.tolist(), half.tolist(), strict=True)
    ]


def _difference(control: str, value: float, half: float) -> Difference:
    return Difference(
        control, value, *((None, None) if math.isnan(half) else (value - half, value + half))
    )


def is_nearest(found: Sequence[Difference]) -> bool:
    """Return True if every control is shown to be farther from the target than the searched
    subset."""
    return bool(found) and all(one.farther for one in found)


Clusters = tuple[
    np.ndarray, np.ndarray
]  # values `(N, K)` of identities for each control, and their shares `(N,)`
Part = tuple[np.ndarray, np.ndarray]  # variances `(K,)` and degrees of freedom `(K,)`


def _draw_part(draws: Sequence[Sequence[DiscrepancyParts]]) -> Part:
    """The variance of the mean over a random control's draws; 0 for a control of one mixture."""
    values = [np.array([one.value for one in each]) for each in draws]
    size = [each.var(ddof=1) / len(each) if len(each) > 1 else 0.0 for each in values]
    return np.array(size), np.array(
        [len(each) - 1.0 if len(each) > 1 else math.inf for each in values]
    )


def _half_widths(
    value: np.ndarray, clusters: Sequence[Clusters], draw_part: Part, rng: np.random.Generator
) -> np.ndarray:
    """Half widths `(K,)` of simultaneous 95% intervals; NaN where there is none."""
    variance, degrees = combine_variances([*(_part(*each) for each in clusters), draw_part])
    error, null = np.sqrt(variance), _null(clusters, draw_part, rng)
    differs = error > SAME
    estimates = ContrastEstimates(
        value, np.where(differs, error, 0.0), degrees, np.full(len(value), math.nan), null
    )
    return np.where(differs, max_t_adjust(estimates)[1], 0.0)


def _part(values: np.ndarray, share: np.ndarray) -> Part:
    """The variance of the mean over identities; values `(..., N, K)`."""
    apart = values - (share @ values)[..., None, :]
    return variance_factors(share) @ apart**2, np.full(values.shape[-1], df_of_shares(share))


def _null(clusters: Sequence[Clusters], draw_part: Part, rng: np.random.Generator) -> np.ndarray:
    """Two-sided probabilities `(DRAWS, K)` of searches without any difference, as noisy as this
    one."""
    shift, parts = np.zeros(()), []
    for values, share in clusters:
        root = np.sqrt(variance_factors(share))[:, None] * (values - share @ values)
        _, scale, rows = np.linalg.svd(root, full_matrices=False)
        normal = rng.normal(size=(DRAWS, len(share), len(scale)))
        drawn = normal @ (scale[:, None] * rows) / math.sqrt((share**2).sum())
        shift = shift + share @ drawn
        parts.append(_part(drawn, share))
    size, degrees = draw_part[0], np.where(np.isfinite(draw_part[1]), draw_part[1], 1.0)
    shift = shift + rng.normal(size=shift.shape) * np.sqrt(size)
    parts.append((size * rng.chisquare(degrees, size=shift.shape) / degrees, draw_part[1]))
    variance, known = combine_variances(parts)
    return two_sided(
        np.divide(shift, np.sqrt(variance), out=np.zeros_like(shift), where=variance > 0), known
    )
