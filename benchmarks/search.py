"""How often a search names its subset nearest: where cells do not differ, and where the target is
of one cell.

`python -m benchmarks search` takes minutes on two cores; `--quick` takes a tenth of the trials and
keeps no page.
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

import numpy as np

from benchmarks import harness
from benchmarks.coverage import percent
from gprplus.analysis.record import Difference
from gprplus.analysis.subset_search import holdout
from gprplus.analysis.subset_search.baselines import SubsetProblem
from gprplus.analysis.subset_search.differences import is_nearest
from gprplus.analysis.subset_search.kernels import build_kernels

TRIALS = 400
QUICK = 10  # with --quick, one trial in so many
WIDTH = 4  # dimensions of a point
DRAWS = 20  # of each random control, as many as `gprplus analyze` takes
FOUND = 2.0  # variance of an image of a random identity in each dimension


@dataclass(frozen=True)
class World:
    """Source identities with one image in every cell, and target identities, as points.

    Identities and images of one identity have standard deviation 1 in each dimension. Cell c is
    moved by `effect` x c in each; the target is of cell 0, another target of the last cell. A
    camera moves the whole target.
    """

    name: str
    source: int
    target: int
    levels: tuple[int, ...] = (8,)
    effect: float = 0.0
    images: tuple[int, int] = (4, 4)
    camera: float = 0.0
    others: bool = True

    @property
    def places(self) -> np.ndarray:
        """Where the cells are, `(C,)`, in each dimension."""
        return self.effect * np.arange(np.prod(self.levels))

    def search(self, seed: int) -> tuple[list[Difference], list[float]]:
        """The differences of one search to its controls, and their true values given the random
        draws."""
        rng = np.random.default_rng(seed)
        moved = rng.normal(size=(self.source, 1, WIDTH)) + self.places[None, :, None]
        points, half = (
            moved + rng.normal(size=(self.source, len(self.places), WIDTH)),
            holdout.halve_identities(self.source, rng),
        )
        other = {"wrong-other": self._outcome(points, half, -1, rng).counts} if self.others else {}
        mine = self._outcome(points, half, 0, rng)
        truth = partial(self._discrepancy, mine.facts["bandwidth"])
        even = np.ones(len(self.places))
        controls = [*([counts] for counts in other.values()), *mine.drawn.values(), [even]]
        apart = [
            float(np.mean([truth(one) for one in draws])) - truth(mine.counts) for draws in controls
        ]
        return mine.compare(other), apart

    def _outcome(
        self, points: np.ndarray, half: np.ndarray, cell: int, rng: np.random.Generator
    ) -> holdout.HeldOutResult:
        people = np.repeat(
            np.arange(self.target), rng.integers(*self.images, self.target, endpoint=True)
        )
        images = rng.normal(size=(self.target, WIDTH))[people] + rng.normal(
            size=(len(people), WIDTH)
        )
        known, bandwidth = build_kernels(points, images + self.places[cell] + self.camera, people)
        levels = np.stack([axis.ravel() for axis in np.indices(self.levels)], axis=1)
        cells, alone = len(levels), np.zeros(len(levels), dtype=np.int64)

        def problem(counted: np.ndarray, weight: np.ndarray) -> SubsetProblem:
            within = known.biased(counted).astype(np.float64)
            most, across = np.full(cells, self.source), known.to_target(weight, counted)
            ridge = 0.01 * float(np.diag(within).mean())
            return SubsetProblem(within, across, levels, most, 3 * cells, alone, np.zeros(1), ridge)

        fit = rng.permutation(self.target)[people] % 2 == 0
        return holdout.held_out_results(
            known, problem, half, fit, bandwidth, rng, draws=DRAWS, redraws=1
        )

    def _discrepancy(self, bandwidth: float, counts: np.ndarray) -> float:
        """The squared discrepancy of a mixture up to a constant: Gaussian kernels of Gaussian
        points."""
        weights, size = counts / counts.sum(), bandwidth**2 + 2 * FOUND

        def near(apart: np.ndarray) -> np.ndarray:
            return (bandwidth**2 / size) ** (WIDTH / 2) * np.exp(-WIDTH * apart**2 / (2 * size))

        cells = near(self.places[:, None] - self.places[None, :])
        return float(
            weights @ cells @ weights
            - 2 * weights @ near(self.places - self.places[0] - self.camera)
        )


WORLDS = [
    World("cells do not differ", 8, 8, (3, 2)),
    World("cells do not differ", 12, 10),
    World("cells do not differ", 24, 20, (3, 4)),
    World("cells do not differ, no other target", 12, 10, others=False),
    World("cells do not differ, 1 to 9 images", 12, 20, images=(1, 9)),
    World("cells do not differ, other camera", 12, 10, camera=1.0),
    World("target of one cell", 8, 8, (3, 2), effect=1.0),
    World("target of one cell", 12, 10, effect=0.5),
    World("target of one cell", 12, 10, effect=1.0),
    World("target of one cell", 24, 20, effect=0.5),
    World("target of one cell, other camera", 24, 20, effect=0.5, camera=-0.5),
]


def counted(world: World, trials: int) -> tuple[float, float, float]:
    """Shares of searches that name their subset nearest, whose subset has the smallest held-out
    discrepancy, and whose intervals all contain the true differences.
    """
    holdout.RESAMPLES = (
        2  # the intervals of single rows take most of the time, and are not looked at
    )
    found = np.zeros(3)
    for seed in range(trials):
        differences, truth = world.search(seed)
        inside = [one.low <= true <= one.high for one, true in zip(differences, truth, strict=True)]  # type: ignore[operator]
        found += is_nearest(differences), all(one.value > 0 for one in differences), all(inside)
    named, first, covered = (found / trials).tolist()
    return named, first, covered


def main() -> None:
    """Print and keep how often a subset is named nearest."""
    quick = "--quick" in sys.argv
    trials = TRIALS // (QUICK if quick else 1)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        found = list(pool.map(counted, WORLDS, [trials] * len(WORLDS)))
    rows: list[list[object]] = []
    for world, shares in zip(WORLDS, found, strict=True):
        size = [world.source, world.target, len(world.places), world.effect]
        rows.append([world.name, *size, *(percent(share, trials) for share in shares)])
    headers = ["world", "source identities", "target identities", "cells", "effect"]
    body = harness.table(
        [*headers, "named nearest, %", "smallest discrepancy, %", "all intervals cover, %"], rows
    )
    page = PAGE.format(body, trials=trials, width=WIDTH)
    print(page) if quick else harness.keep("search", "Subsets that a search names nearest", page)


PAGE = """\
{trials} simulated searches of each world by the functions of `gprplus analyze --budget`, half of the identities of
either side held out. In each of {width} dimensions, identities and images of one identity have standard deviation 1,
and `effect` is the distance between neighbouring cells. The target has 4 images an identity and is of the first cell;
another target, whose subset is a control, is of the last. Another camera moves the target by 1, or by 0.5 away from all
cells. A subset is named nearest where the simultaneous 95% interval of every control's held-out difference is above 0;
"smallest discrepancy" is how often no control had a smaller one. True differences are known in closed form. ± is the
binomial standard error.

{0}"""


if __name__ == "__main__":
    main()
