"""How often the printed intervals cover the truth, in simulated experiments whose truth is known.

`python -m benchmarks coverage` takes minutes on two cores, with `--quick` half of one; it then
keeps no page.
"""

import math
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context

import numpy as np

from benchmarks import harness
from gprplus import statistics
from gprplus.splits.arm_names import unrecorded
from gprplus.statistics import contrasts, meta_analysis, multiplicity, power
from gprplus.statistics.levels.level_estimands import ESTIMANDS, CellContrast, level_contrasts
from gprplus.statistics.levels.level_scores import LevelScores, estimate_cells

DRAWS = 400  # simulated null experiments of each family; `gprplus benchmark` takes 2,000
VERDICT = "the verdict: all but the matrix"
TRIALS = 500  # of the smallest worlds; larger ones take as many as fit the time
QUICK = 20  # with --quick, one trial in so many


@dataclass(frozen=True)
class World:
    """One kind of experiment without any effect; standard deviations are of scores 0-1.

    `noisy` names the arms whose seeds are three times as noisy, `luck` is the deal of the mixture,
    drawn anew by each seed, in all its scores alike.
    """

    name: str
    identities: int
    arms: int
    seeds: int
    noisy: str = "none"
    queries: str = "equal"
    shape: str = "normal"
    seed_sd: float = 0.02
    person_sd: float = 0.05
    noise_sd: float = 0.03
    control_draw_variance: float = 0.0

    def seed_sds(self) -> np.ndarray:
        """The seeds' standard deviation of each arm, the reference first."""
        place = np.arange(self.arms)
        loud = {
            "none": place < 0,
            "one": place == 1,
            "reference": place == 0,
            "half": place % 2 == 1,
        }[self.noisy]
        return np.hypot(
            self.seed_sd * np.where(loud, 3, 1), np.where(place == 0, self.control_draw_variance, 0)
        )

    def scored(self, rng: np.random.Generator) -> statistics.ScoreArray:
        """One experiment."""
        counts = np.full(self.identities, 2)
        if self.queries == "unequal":
            counts = 1 + rng.geometric(0.2, self.identities)
        person = np.repeat(np.arange(self.identities), counts)
        shape = (self.arms, self.seeds)
        apart = (
            self._persons(rng)[:, None, person]
            + rng.normal(0, self.seed_sds()[:, None], shape)[..., None]
        )
        apart = apart + rng.normal(0, self.noise_sd, (*shape, self.identities))[..., person]
        return statistics.ScoreArray(
            0.5 + apart + rng.normal(0, self.noise_sd, (*shape, len(person))), person
        )

    def _persons(self, rng: np.random.Generator) -> np.ndarray:
        size = (self.arms, self.identities)
        if self.shape == "heavy":
            return self.person_sd * rng.standard_t(3, size) / np.sqrt(3)
        if self.shape == "skew":
            return self.person_sd * (rng.exponential(size=size) - 1)
        return rng.normal(0, self.person_sd, size)

    def errors(self, scored: statistics.ScoreArray) -> np.ndarray:
        """The true standard errors `(A - 1,)` of the differences to the reference."""
        share = scored.counts / scored.counts.sum()
        each = self.person_sd**2 + self.noise_sd**2 * (1 + 1 / scored.counts) / self.seeds
        variance = (share**2 * each).sum() + self.seed_sds() ** 2 / self.seeds
        return np.sqrt(variance[0] + variance[1:])


def to_first(arms: int) -> np.ndarray:
    """Differences of all arms to the first, `(A - 1, A)`."""
    return (np.eye(arms) - np.eye(arms)[0])[1:]


WORLDS = [
    World("alike", 4, 8, 3),
    World("alike", 5, 8, 3),
    World("alike", 5, 20, 3),
    World("alike", 9, 3, 3),
    World("alike", 9, 8, 2),
    World("alike", 9, 8, 3),
    World("alike", 9, 8, 5),
    World("alike", 9, 20, 3),
    World("alike", 20, 8, 3),
    World("alike", 60, 8, 5),
    World("alike", 60, 8, 10),
    World("alike", 300, 8, 2),
    World("alike", 300, 8, 3),
    World("alike", 300, 20, 5),
    World("one arm noisy", 9, 8, 3, "one"),
    World("one arm noisy", 300, 3, 3, "one"),
    World("one arm noisy", 300, 8, 3, "one"),
    World("reference noisy", 9, 8, 3, "reference"),
    World("reference noisy", 300, 3, 3, "reference"),
    World("reference noisy", 300, 8, 2, "reference"),
    World("reference noisy", 300, 8, 3, "reference"),
    World("reference noisy", 300, 8, 5, "reference"),
    World("half noisy", 9, 8, 3, "half"),
    World("half noisy", 300, 8, 3, "half"),
    World("half noisy", 60, 20, 5, "half"),
    World("unequal queries", 5, 8, 3, queries="unequal"),
    World("unequal queries", 9, 8, 3, queries="unequal"),
    World("unequal queries", 20, 8, 3, queries="unequal"),
    World("identities alone", 5, 8, 3, seed_sd=0),
    World("identities alone", 9, 8, 3, seed_sd=0),
    World("identities alone, unequal", 9, 8, 3, queries="unequal", seed_sd=0),
    World("heavy tails", 9, 8, 3, shape="heavy"),
    World("skew", 9, 8, 3, shape="skew"),
    *(
        World(
            f"deal luck {luck} points", 300, 8, 5, seed_sd=0.004, control_draw_variance=luck / 100
        )
        for luck in (0.3, 0.5, 1.0)
    ),
]


def trials(persons: int, arms: int) -> int:
    """How many experiments of one size: fewer of the large ones, which take longer."""
    return TRIALS // (1 if persons * arms <= 200 else 2)


def covered(world: World, trials: int, seed: int) -> np.ndarray:
    """`(trials, 4)`: the share of single intervals that do not exclude the truth, whether no
    simultaneous one does, and both mean widths over those with known variances; NaN where there are
    none.
    """
    rng = np.random.default_rng(seed)
    return np.array([_one(world, rng) for _ in range(trials)])


def _one(world: World, rng: np.random.Generator) -> list[float]:
    scored = world.scored(rng)
    judged = contrasts.estimate_contrasts(scored, to_first(world.arms), rng, draws=DRAWS)
    single = np.array([one.high - one.value for one in judged.intervals()])
    half = multiplicity.max_t_adjust(judged)[1]
    known = 1.96 * world.errors(scored)
    gap = np.abs(judged.value)
    return [
        1 - (gap > single).mean(),
        float(not (gap > half).any()),
        (single / known).mean(),
        (half / known).mean(),
    ]


def seen(world: World, count: int, seed: int) -> tuple[float, float]:
    """The power that `--plan` promises for the smallest difference seen with 80%, and the share of
    `count` experiments in which the simultaneous interval of that arm excludes 0.
    """
    noise = power.NoiseEstimate(world.seed_sd**2, world.person_sd**2, world.noise_sd**2 * 1.5, "")
    size = world.seeds, world.identities, world.arms
    shift = power.smallest_difference(noise, *size)
    rng, found = np.random.default_rng(seed), 0
    for _ in range(count):
        scored = world.scored(rng)
        scored.values[1] += shift
        judged = contrasts.estimate_contrasts(scored, to_first(world.arms), rng, draws=DRAWS)
        found += multiplicity.max_t_adjust(judged)[0][0] < 0.05
    return power.power(noise, *size, shift), found / count


def pooled(targets: int, repeats: int, tau: float, count: int, seed: int) -> tuple[float, float]:
    """The share of `count` experiments whose pooled interval covers the mean effect 0 over
    `targets`, and its mean half width over that with known variances. The seeds' noise is shared by
    all targets, with a fifth beside it of each.
    """
    rng, inside, wide = np.random.default_rng(seed), [], []
    world = World("targets", 40, 6, repeats)
    known = (
        2
        * (world.seed_sd**2 * (1 + 0.04 / targets) + world.noise_sd**2 * 1.5 / 40 / targets)
        / repeats
    )
    known += (2 * world.person_sd**2 / 40 + tau**2) / targets
    for _ in range(count):
        shift, scored = rng.normal(0, world.seed_sd, (world.arms, repeats)), []
        for _ in range(targets):
            one = World("target", 40, world.arms, repeats, seed_sd=world.seed_sd / 5).scored(rng)
            one.values[...] += shift[..., None]
            one.values[1] += rng.normal(0, tau)
            scored.append(one)
        contrast = to_first(world.arms)[:1]
        judged = [contrasts.estimate_contrasts(one, contrast, rng, draws=2) for one in scored]
        found = meta_analysis.pool_over_targets(scored, judged, contrast[0], 0, rng)
        assert found is not None
        inside.append(found.low <= 0 <= found.high)
        wide.append((found.high - found.low) / 2 / 1.96 / math.sqrt(known))
    return float(np.mean(inside)), float(np.mean(wide))


@dataclass(frozen=True)
class LevelWorld:
    """An experiment without any effect whose arms, one a level and a mixture, are scored on each
    level by itself.

    A seed and an identity act on an arm in all levels alike and in each level by itself; `noisy` as
    in `World`.
    """

    name: str
    identities: int
    levels: int
    seeds: int
    noisy: str = "none"

    def scored(self, rng: np.random.Generator) -> LevelScores:
        """One experiment: two queries of each identity on each level."""
        arms = ("mix", *(f"only-{level}" for level in range(self.levels)))
        loud = {"none": [], "reference": [0], "arms": range(1, len(arms))}[self.noisy]
        sd = 0.02 * np.where(np.isin(np.arange(len(arms)), loud), 3, 1)[:, None, None]
        shape, who = (len(arms), self.seeds, 1), np.repeat(np.arange(self.identities), 2)
        alike = (
            0.5 + rng.normal(0, 0.05, (len(arms), 1, self.identities)) + sd * rng.normal(size=shape)
        )
        values = {}
        for level in range(self.levels):
            one = (
                alike
                + rng.normal(0, 0.05, (len(arms), 1, self.identities))
                + sd * rng.normal(size=shape)
            )
            values[str(level)] = one[:, :, who] + rng.normal(0, 0.05, (*shape[:2], len(who)))
        return LevelScores(arms, values, dict.fromkeys(values, who))

    def families(self) -> dict[str, list[CellContrast]]:
        """The contrasts by family, with the matrix of all arms and levels."""
        names = [str(level) for level in range(self.levels)]
        arms = unrecorded(["mix", *(f"only-{one}" for one in names)]).arms
        matrix = [
            CellContrast(
                "matrix",
                f"{arm} on {level}",
                "",
                {(f"only-{arm}", level): 1.0, ("mix", level): -1.0},
            )
            for arm in names
            for level in names
        ]
        weight = 1 / self.levels
        mixed = [
            CellContrast(
                "mixed gallery",
                arm,
                "",
                {(f"only-{arm}", one): weight for one in names}
                | {("mix", one): -weight for one in names},
            )
            for arm in names
        ]
        declared = [*level_contrasts(arms, "mix", names), *mixed, *matrix]
        return {
            family: [one for one in declared if one.family == family]
            for family in dict.fromkeys(one.family for one in declared)
        }


def levels_covered(
    world: LevelWorld, count: int, seed: int, draws: int = DRAWS
) -> dict[str, tuple[float, float]]:
    """By family: the share of single intervals that contain the truth, and of families all of whose
    intervals do, each family by itself; of the verdict, whose families share the 5%, the share that
    tells no effect.
    """
    rng = np.random.default_rng(seed)
    found: dict[str, list[tuple[float, bool]]] = {}
    for _ in range(count):
        scores, least = world.scored(rng), []
        for family, chosen in world.families().items():
            judged = estimate_cells(scores, chosen, rng, draws)
            rows = multiplicity.family_figures(judged, 0.01)
            single = np.mean([row["low"] <= 0 <= row["high"] for row in rows])
            together = all(row["family_low"] <= 0 <= row["family_high"] for row in rows)
            found.setdefault(family, []).append((single, together))
            if family != "matrix":
                least.append(
                    min(
                        row["p_max"]
                        for row in multiplicity.family_figures(judged, 0.01, len(ESTIMANDS))
                    )
                )
        found.setdefault(VERDICT, []).append((math.nan, min(least) >= 0.05))
    return {family: tuple(np.mean(each, axis=0)) for family, each in found.items()}


LEVEL_WORLDS = [
    LevelWorld("alike", 9, 7, 3),
    LevelWorld("alike", 16, 7, 3),
    LevelWorld("alike", 60, 4, 5),
    LevelWorld("reference noisy", 16, 7, 3, "reference"),
    LevelWorld("arms noisy", 16, 7, 3, "arms"),
]


def percent(share: float, count: int) -> str:
    """A share with its binomial standard error.

    >>> percent(0.95, 400)
    '95.0 ± 1.1'
    """
    return f"{100 * share:.1f} ± {100 * math.sqrt(share * (1 - share) / count):.1f}"


def _worlds(run: Callable, part: int) -> str:
    jobs = [
        (world, max(trials(world.identities, world.arms) // part, 20), seed)
        for seed, world in enumerate(WORLDS)
    ]
    rows = []
    for (world, count, _), found in zip(jobs, run(covered, jobs), strict=True):
        single, together, alone, wide = np.nanmean(found, axis=0)
        spread = 100 * found[:, 0].std() / math.sqrt(count)
        told = [
            f"{100 * single:.1f} ± {spread:.1f}",
            percent(together, count),
            percent(1 - together, count),
        ]
        rows.append(
            [
                world.name,
                world.identities,
                world.arms,
                world.seeds,
                *told,
                f"{alone:.2f}",
                f"{wide:.2f}",
            ]
        )
    headers = [
        "world",
        "identities",
        "arms",
        "seeds",
        "single, %",
        "simultaneous, %",
        "any effect told, %",
    ]
    return harness.table([*headers, "width, single", "width, simultaneous"], rows)


def _levels(run: Callable, part: int) -> str:
    jobs = [(world, max(TRIALS // 2 // part, 20), seed) for seed, world in enumerate(LEVEL_WORLDS)]
    rows = []
    for (world, count, _), found in zip(jobs, run(levels_covered, jobs), strict=True):
        sizes = [world.name, world.identities, world.levels, world.seeds]
        rows += [
            [
                *sizes,
                family,
                "" if family == VERDICT else f"{100 * single:.1f}",
                percent(together, count),
            ]
            for family, (single, together) in found.items()
        ]
    headers = ["world", "identities", "levels", "seeds", "family", "single, %", "simultaneous, %"]
    return harness.table(headers, rows)


def _plans(run: Callable, part: int) -> str:
    sizes = [(9, 8, 3), (60, 8, 2), (60, 8, 3), (60, 20, 5), (300, 3, 3), (300, 8, 5)]
    worlds = [World("all parts", *size) for size in sizes]
    worlds += [
        replace(World("single scores alone", *size), seed_sd=0.0, person_sd=0.0, noise_sd=0.08)
        for size in ((12, 5, 3), (60, 8, 3))
    ]
    jobs = [(world, TRIALS // 2 // part, seed) for seed, world in enumerate(worlds)]
    rows = [
        [
            *(world.name, world.identities, world.arms, world.seeds),
            *(f"{100 * promised:.0f}", percent(found, count)),
        ]
        for (world, count, _), (promised, found) in zip(jobs, run(seen, jobs), strict=True)
    ]
    headers = ["noise", "identities", "arms", "seeds", "promised, %", "found, %"]
    return harness.table(headers, rows)


def _pools(run: Callable, part: int) -> str:
    sizes = [
        (targets, repeats, tau)
        for targets in (2, 3, 5)
        for repeats in (3, 5)
        for tau in (0.0, 0.01)
    ]
    jobs = [(*size, TRIALS // part, seed) for seed, size in enumerate(sizes)]
    rows = [
        [job[0], job[1], f"{100 * job[2]:.0f}", percent(inside, job[3]), f"{wide:.2f}"]
        for job, (inside, wide) in zip(jobs, run(pooled, jobs), strict=True)
    ]
    return harness.table(["targets", "seeds", "tau, points", "covers, %", "width"], rows)


def main() -> None:
    """Print and keep coverage, widths, false finds, and promised against realised power."""
    quick = "--quick" in sys.argv
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:

        def run(function: Callable, jobs: list[tuple]) -> list:
            started = [pool.submit(function, *job) for job in jobs]
            return [one.result() for one in started]

        part = QUICK if quick else 1
        parts = [make(run, part) for make in (_worlds, _levels, _plans, _pools)]
    page = PAGE.format(*parts, trials=TRIALS, half=TRIALS // 2, draws=DRAWS)
    print(page) if quick else harness.keep("coverage", "Coverage of the printed intervals", page)


PAGE = """\
Simulated experiments without any effect: arms against the first, 95% intervals by the functions that `gprplus
benchmark` calls. Standard deviations in points: arm x identity 5, seed of an arm 2 (a noisy arm 6), query and seed x
identity 3 each; two queries an identity, or 1 + a geometric number with mean 5 (unequal). Heavy tails are t with 3
degrees of freedom, skew is exponential. Deal luck moves the reference anew with each seed, whose own noise is 0.4
points there. {trials} experiments each, {half} where identities x arms exceed 200; ± is the binomial standard error (of
single coverage, over experiments). Width is the mean half width over 1.96 true standard errors. "Any effect told" is
the share of experiments in which the verdict would tell an effect of the family. Where the effective number of
identities is below two there is no interval, which happens with five identities of unequal queries.

{0}

Own level, transfer and the matrix of arms and levels: arms of one level each and a mixture, on each level by itself.
Standard deviations in points, each in all levels alike and in each level by itself: arm x identity 5, seed of an arm 2
(noisy 6); queries 5. The mixed gallery is the mean over levels here. Families by themselves at 95%; the last line of
each world is the verdict, in which three estimands share the 5%: how often none of its intervals leaves out 0. {half}
experiments each.

{1}

What `gprplus report --plan` promises for the smallest difference that it says is seen with 80% power, and how often the
simultaneous interval of an arm with that difference excluded 0 in {half} experiments: with all parts of the noise as
above, and where only single scores vary.

{2}

Effects pooled over targets of 40 identities, which share their trainings; tau is the spread of true effects, in points.
{trials} experiments each.

{3}

Families have {draws} simulated null experiments here, 2,000 in `gprplus benchmark`."""


if __name__ == "__main__":
    main()
