"""Gain from training on the level of the query: one paired contrast over the whole heat map."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gprplus import statistics
from gprplus.reporting import formatting
from gprplus.schema.split_record import SplitRecord

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class MismatchContrast:
    """Mean AP of queries under the arm of their own level, under the arms of other levels, and the
    paired difference.

    `low` and `high` are its 95% interval; None with one seed or one identity.
    """

    own: float
    other: float
    low: float | None
    high: float | None

    @property
    def difference(self) -> float:
        """Return the gain of a query with the arm of its own level."""
        return self.own - self.other


def mismatch_contrast(
    queries: "pa.Table", split: SplitRecord, target: str
) -> MismatchContrast | None:
    """Compare each query under the arm of its level with its mean over the other single-level arms,
    over shared seeds.

    Identities and seeds are counted as `statistics` does it for two arms. None when fewer than two
    levels have an arm and queries.
    """
    frame = queries.select(
        ["arm", "seed", "target", "uid", "identity", "level", "valid", "AP"]
    ).to_pandas()
    single = split.single_level_arms
    arms = {single[level] for level in map(str, split.levels) if level in single}
    frame = frame[
        (frame["target"] == target)
        & frame["valid"]
        & frame["level"].notna()
        & frame["arm"].isin(arms)
    ]
    names = ["uid", "identity", "level", "seed"]
    wide = frame.pivot_table("AP", names, "arm", observed=True).dropna().reset_index()
    wide = wide[[single.get(str(level)) in wide.columns for level in wide["level"]]]
    scored = [name for name in wide.columns if name in arms]
    if len(scored) < 2 or wide.empty:
        return None
    values = wide[scored].to_numpy()
    own = values[
        np.arange(len(wide)), [scored.index(single[str(level)]) for level in wide["level"]]
    ]
    wide = wide[names].assign(own=own, other=(values.sum(axis=1) - own) / (len(scored) - 1))
    both = [
        wide.pivot_table(name, ["uid", "identity"], "seed", observed=True).dropna()
        for name in ("own", "other")
    ]
    person = np.unique(both[0].index.get_level_values("identity").astype(str), return_inverse=True)[
        1
    ]
    pair = statistics.ScoreArray(np.stack([table.to_numpy().T for table in both]), person)
    found = statistics.difference_intervals(pair, 1)[0]
    known = not math.isnan(found.low)
    means = pair.means().mean(axis=1)
    return MismatchContrast(
        float(means[0]),
        float(means[1]),
        found.low if known else None,
        found.high if known else None,
    )


def mismatch_sentence(found: MismatchContrast | None, noun: str) -> str:
    """Return a sentence on the heat map as a whole: the effect of training on the level of the
    query."""
    if found is None:
        return ""
    own, other = formatting.format_points(found.own), formatting.format_points(found.other)
    figures = f"{own} with the arm of their own {noun}, {other} with those of another"
    span = formatting.signed_interval(found.low, found.high)
    if found.low is None or found.high is None:
        return f"Queries score {figures}; without an interval there is no conclusion."
    paired = f"a difference of {formatting.signed_points(found.difference)}, 95% interval {span}"
    clear = found.low > 0 or found.high < 0
    return (
        f"Queries score {figures}:"
        f" {paired}{'' if clear else ', which is not distinguishable from none'}."
    )
