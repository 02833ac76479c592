"""Positions of plot elements as numbers: the template draws them.

Positions along an axis are percent of its length, so that a drawing fits a phone and a page alike.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gprplus.reporting import formatting
from gprplus.reporting.arm_labels import plot_label
from gprplus.reporting.contrast_tables import FACTORS
from gprplus.reporting.findings import TURNED, ContrastFinding, Row
from gprplus.schema.split_record import SplitRecord
from gprplus.statistics import estimands

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class PlotAxis:
    """A linear axis from `low` to `high` with round ticks; `at` gives positions in percent."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def at(self, value: float) -> float:
        """Position of a value, 0-100.

        >>> PlotAxis(0.0, 0.5, (0.0, 0.5)).at(0.25)
        50.0
        """
        return round(100 * (value - self.low) / (self.high - self.low), 3)


def plot_axis(values: Sequence[float], *, about: int = 5) -> PlotAxis:
    """An axis that holds all values with a little air, and about `about` ticks at 1, 2 or 5 times a
    power of ten.

    >>> plot_axis([-0.03, 0.02]).ticks
    (-0.03, -0.02, -0.01, 0.0, 0.01, 0.02)
    """
    low, high = min(values), max(values)
    room = (high - low) or abs(high) or 1.0
    if low == high:
        low, high = low - room / 2, high + room / 2
    power = 10.0 ** math.floor(math.log10(room / about))
    step = min((power, 2 * power, 5 * power, 10 * power), key=lambda step: abs(room / step - about))
    low, high = low - 0.04 * room, high + 0.04 * room
    first, last = math.ceil(low / step), math.floor(high / step)
    return PlotAxis(low, high, tuple(round(i * step, 10) for i in range(first, last + 1)))


@dataclass(frozen=True)
class EffectMark:
    """One row of a forest plot: a paired difference of mAP, its family's interval, and the
    difference of each seed."""

    arm: str
    label: str
    outcome: str
    difference: float
    low: float
    high: float
    seeds: tuple[float, ...]
    control: bool

    @property
    def text(self) -> str:
        """Format, such as "foggy: −2.1 points of mAP, 95% interval −3.0 to −1.2, seeds −2.0,
        −2.2"."""
        seeds = ", ".join(map(formatting.signed_points, self.seeds))
        return (
            f"{self.label}: {formatting.signed_points(self.difference)} points of mAP, 95% interval"
            f" {formatting.signed_interval(self.low, self.high)}{f', seeds {seeds}' if seeds else ''}"
        )


@dataclass(frozen=True)
class ForestPlot:
    """A forest plot. `ranked`: rows are sorted by effect size instead of the split's order."""

    axis: PlotAxis
    effects: tuple[EffectMark, ...]
    ranked: bool


def build_forest_plot(
    found: Sequence[ContrastFinding], results: Sequence[Row], split: SplitRecord
) -> ForestPlot | None:
    """Build the plot of the findings of one target that have an interval; by size if levels have no
    order.

    Intervals are those of each family. Controls are last. `results` gives the difference of each
    seed. None if no finding has an interval.
    """
    seen = [one for one in found if one.outcome != "unknown"]
    if not seen:
        return None
    alone = _of_each_seed(results, split)
    effects = [
        EffectMark(
            one.name,
            _named(one, split),
            one.outcome,
            one.difference,
            one.low or 0.0,
            one.high or 0.0,
            tuple(
                (-value if one.family in TURNED else value)
                for value in alone.get((one.family, one.name), ())
            ),
            one.family == "random images",
        )
        for one in seen
    ]
    declared = split.declared
    ranked = (
        declared is not None
        and not declared.ordered
        and seen[0].family in ("sufficiency", "necessity")
    )
    if ranked:
        effects.sort(key=lambda effect: effect.difference)
    effects.sort(key=lambda effect: effect.control)
    values = [value for e in effects for value in (e.low, e.high, *e.seeds)]
    return ForestPlot(plot_axis([0.0, *values]), tuple(effects), ranked)


def _of_each_seed(
    results: Sequence[Row], split: SplitRecord
) -> dict[tuple[str, str], tuple[float, ...]]:
    """The contrasts of a split worked out for each seed that all of a contrast's arms have, by
    family and name."""
    scores = {(row["arm"], row["seed"]): row["mAP"] for row in results}
    arms = list(dict.fromkeys(arm for arm, _ in scores))
    out = {}
    for one in estimands.declared_contrasts(split, arms):
        seeds = [
            seed
            for seed in sorted({seed for _, seed in scores})
            if all((a, seed) in scores for a in one.weights)
        ]
        out[one.family, one.name] = tuple(
            sum(weight * scores[arm, seed] for arm, weight in one.weights.items()) for seed in seeds
        )
    return out


def _named(one: ContrastFinding, split: SplitRecord) -> str:
    if one.family in FACTORS:
        return formatting.crossed_name(one.name)
    if one.family == "random images":
        return "random images" if one.draws == 1 else f"random images, {one.draws} draws"
    return plot_label(one.name, split)


@dataclass(frozen=True)
class HeatMap:
    """Mean AP of every training arm on the queries of every level.

    `cells[i][j]` belongs to `arms[i]` and `levels[j]`; None where there is no query. `single[i]`:
    the arm is of some levels alone; `own[i]` is its level where it has one. `queries[j]` counts the
    queries of a level; `row_means[i]` is the plain mean over levels, `column_means[j]` over the
    single-level arms. `empty_levels` are levels of the split without any query, which have no column.
    """

    arms: tuple[str, ...]
    single: tuple[bool, ...]
    own: tuple[str | None, ...]
    labels: tuple[str, ...]
    levels: tuple[str, ...]
    cells: tuple[tuple[float | None, ...], ...]
    queries: tuple[int, ...]
    row_means: tuple[float | None, ...]
    column_means: tuple[float | None, ...]
    empty_levels: tuple[str, ...] = ()

    def shade(self, value: float | None) -> float:
        """Return the position of a cell between the lowest and the highest, 0-1."""
        known = [cell for line in self.cells for cell in line if cell is not None]
        spread = max(known) - min(known)
        return 0.0 if value is None or not spread else round((value - min(known)) / spread, 3)

    def matched(self, i: int, j: int) -> bool:
        """Return True if a cell was trained on its test level."""
        return self.own[i] == self.levels[j]


def build_heat_map(queries: "pa.Table", split: SplitRecord, target: str) -> HeatMap | None:
    """Training level x query level for one target: valid queries with known level, averaged over
    queries and seeds.

    `queries` is schema.QUERIES with the first columns arm and seed. None if the target has no
    levels, or no arm has a single level.
    """
    frame = queries.select(["arm", "target", "uid", "level", "valid", "AP"]).to_pandas()
    frame = frame[(frame["target"] == target) & frame["valid"] & frame["level"].notna()]
    present = set(frame["arm"])
    arms = [arm for arm in split.arms_of_kind("only") if arm in present]
    if not arms:
        return None
    arms += [
        arm for arm in split.arms if arm == split.reference and arm in present and arm not in arms
    ]
    names = list(map(str, split.levels))
    queried = set(frame["level"].astype(str))
    levels = [name for name in names if name in queried] + sorted(queried - set(names))
    if not levels:
        return None
    groups = frame.groupby(["arm", "level"], observed=True)["AP"].mean().to_dict()
    counts = frame.groupby("level", observed=True)["uid"].nunique().to_dict()
    cells = tuple(tuple(groups.get((arm, level)) for level in levels) for arm in arms)
    single = tuple(split.is_of_kind(arm, "only") for arm in arms)
    level_of = {arm: level for level, arm in split.single_level_arms.items()}
    alone = [line for line, kept in zip(cells, single, strict=True) if kept]
    return HeatMap(
        tuple(arms),
        single,
        tuple(map(level_of.get, arms)),
        tuple(plot_label(arm, split) for arm in arms),
        tuple(levels),
        cells,
        tuple(int(counts.get(level, 0)) for level in levels),
        tuple(_mean(line) for line in cells),
        tuple(_mean(column) for column in zip(*alone, strict=True)),
        tuple(name for name in names if name not in queried),
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


@dataclass(frozen=True)
class LadderPoint:
    """One point of a ladder: an arm, its number of identities, its mAP and interval."""

    arm: str
    identities: int
    images: int
    score: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class LadderPlot:
    """mAP against the number of identities, one line for each rule about images. `across` is in
    powers of two."""

    across: PlotAxis
    up: PlotAxis
    lines: tuple[tuple[str, tuple[LadderPoint, ...]], ...]

    def at(self, identities: int) -> float:
        """Position of a number of identities along the axis, 0-100."""
        return self.across.at(math.log2(identities))

    def text(self, step: LadderPoint) -> str:
        """Return the values of a point, such as "16 identities, 448 images: mAP 41.2, 95% interval
        39.0–43.4"."""
        sizes = f"{step.identities:,} identities, {step.images:,} images"
        span = formatting.format_interval(step.low, step.high)
        interval = "" if span == formatting.DASH else f", 95% interval {span}"
        return f"{sizes}: mAP {formatting.format_points(step.score)}{interval}"

    @property
    def identities(self) -> list[int]:
        """Return the distinct numbers of identities."""
        return sorted({step.identities for _, steps in self.lines for step in steps})


def build_ladder_plot(rows: Sequence[Row], split: SplitRecord) -> LadderPlot | None:
    """The ladder of an identity design from the summary rows of one target; None for other
    designs."""
    if split.attribute != "identity":
        return None
    steps = [
        LadderPoint(
            row["arm"],
            row["train_identities"],
            row["train_images"],
            row["mAP"],
            row["mAP_low"],
            row["mAP_high"],
        )
        for row in rows
        if split.rung(row["arm"]) and row["train_identities"]
    ]
    if len(steps) < 2:
        return None
    common = max((step.images for step in steps), key=[step.images for step in steps].count)
    constant = tuple(sorted((s for s in steps if s.images == common), key=lambda s: s.identities))
    every = tuple(sorted((s for s in steps if s.images != common), key=lambda s: s.identities))
    lines = [(f"{common:,} images", constant), ("all their images", every)]
    if split.design == "budget":
        most = max(s.images // s.identities for s in steps)
        tallest = [s for s in steps if s.images == most * s.identities]
        lines[1] = (f"{most:,} images each", tuple(sorted(tallest, key=lambda s: s.identities)))
    bounds = [value for s in steps for value in (s.score, s.low, s.high) if value is not None]
    across = plot_axis([math.log2(step.identities) for step in steps])
    return LadderPlot(across, plot_axis(bounds), tuple(line for line in lines if line[1]))
