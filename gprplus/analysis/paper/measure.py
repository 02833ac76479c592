"""Paper mode: what the GPR+ paper did, as far as it is known, with everything unknown as a named
setting.

Known (its slides): VGG-19 content and style losses between renders and target images, L = alpha
L_style + beta L_content; one mean per level; the levels under a dashed line are kept; importance of
identity, viewpoint, weather and illumination as whole numbers that look like XGBoost split counts.
Unknown: all of `PaperSettings`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from gprplus.analysis import permutation
from gprplus.analysis.features.base import ImageBatch
from gprplus.analysis.matched_sample import CrossedSample
from gprplus.analysis.paper import vgg_losses
from gprplus.analysis.paper.settings import RULES, LossNetwork, PaperSettings
from gprplus.analysis.sample import MIN_IDENTITIES, ImageSample
from gprplus.core.errors import AnalysisError
from gprplus.core.parallel import Progress
from gprplus.core.sampling import hash64, join_canonical, priorities, splitmix64
from gprplus.statistics.variance_sum import half_widths

BIAS = (
    (
        "Known bias: these losses are mean distances of pairs, which grow with the spread of a"
        " level: they favor levels with similar images, whatever the target. The table also has the"
        " debiased loss; if the two rank levels differently, that is a result."
    ),
    (
        "Known bias: a split count depends on the number of values of a column, not on its effect;"
        " the table also has the counts of the same trees with shuffled losses."
    ),
)


def loss_network(features: Sequence[str], device: str) -> LossNetwork:
    """The VGG-19 of `--features vgg19[:FILE]`, or that of torch-hub's cache. Raises
    AnalysisError."""
    from gprplus.analysis.features import vgg
    from gprplus.analysis.features.networks import state_digest
    from gprplus.baseline import devices

    named = [text for text in features if text != "histograms"]
    for text in named:
        if text.partition(":")[0] != "vgg19" or len(named) > 1:
            raise AnalysisError(
                f"Paper mode compares by VGG-19 alone, not by '{text}': --features vgg19:FILE or"
                " none."
            )
    file = named[0].partition(":")[2] if named else ""
    model = vgg.load_vgg19(Path(file) if file else None, device)
    return LossNetwork(
        model, devices.resolve_device(device), f"vgg19:{state_digest(model.state_dict())}"
    )


def measure_target(
    net: LossNetwork,
    side: ImageSample,
    targets: Mapping[str, ImageSample],
    settings: PaperSettings,
    seed: int,
    workers: int | None,
    progress: Progress,
) -> dict[str, tuple[dict[str, pa.Table], dict[str, Any]]]:
    """Return, by target, the tables losses and counts and their record. AnalysisError without
    complete identities."""
    crossed = side.crossed
    if crossed is None:
        raise AnalysisError(
            f"Paper mode needs {MIN_IDENTITIES} identities with an image in every combination;"
            f" {side.manifest.path} has fewer. Leave --mode paper out."
        )
    roots = side.manifest.roots()
    images = ImageBatch(
        side.table.select(["uid", "dataset", "path"]).take(pa.array(crossed.flat)), roots
    )
    found = {}
    for name, target in targets.items():
        (sample,) = target.samples.values()
        rows = target.table.select(["uid", "dataset", "path"]).take(
            pa.array(sample.rows[: settings.targets, 0])
        )
        others = ImageBatch(rows, target.manifest.roots())
        people = sample.people[: settings.targets]
        costs = vgg_losses.pair_losses(
            net, images, others, people, crossed, settings, workers, progress
        )
        found[name] = _target_tables(name, side, crossed, costs, images, rows, settings, seed)
    return found


def _target_tables(
    name: str,
    side: ImageSample,
    crossed: CrossedSample,
    costs: "vgg_losses.PairLosses",
    images: ImageBatch,
    rows: pa.Table,
    settings: PaperSettings,
    seed: int,
) -> tuple[dict[str, pa.Table], dict[str, Any]]:
    """Return the tables losses and counts of one target, and their record."""
    drawn = draw_pairs(
        images.rows.column("uid").to_numpy(), rows.column("uid").to_numpy(), settings.pairs, seed
    )
    losses = _PaperLosses.of(costs, drawn, crossed, settings)
    rng = np.random.default_rng(hash64(join_canonical("paper", name, str(seed))))
    level_rows: list[dict[str, Any]] = []
    kept, sensitivity = {}, {}
    for axis, factor in enumerate(crossed.factors):
        if factor not in side.levels:
            continue
        levels = [str(level) for level in crossed.levels[axis]]
        each = losses_by_level(losses.total, axis)
        by_rule = {rule: keeps(each.mean(axis=0)) for rule, keeps in RULES.items()}
        sensitivity[factor] = {
            rule: [level for level, keep in zip(levels, mask, strict=True) if keep]
            for rule, mask in by_rule.items()
        }
        kept[factor] = sensitivity[factor][settings.rule]
        columns = losses.level_columns(axis, each, costs) | {"kept": by_rule[settings.rule]}
        shared = {"images": losses.total.size // len(levels), "identities": len(losses.total)}
        level_rows += [
            {"target": name, "attribute": factor, "value": level}
            | {column: values[i].item() for column, values in columns.items()}
            | shared
            for i, level in enumerate(levels)
        ]
    counts, note = split_counts(losses.total, crossed, settings, rng)
    facts = {
        "settings": replace(settings, alpha=losses.alpha, beta=losses.beta).record(),
        "kept": kept,
        "sensitivity": sensitivity,
        "bias": list(BIAS),
        "notes": [note] if note else [],
    }
    tables = {"losses": pa.Table.from_pylist(level_rows)}
    if counts:
        tables["counts"] = pa.Table.from_pylist([{"target": name, **row} for row in counts])
    return tables, facts


@dataclass(frozen=True)
class _PaperLosses:
    """The losses of every render against one target, L = `alpha` L_style + `beta` L_content.

    Attributes:
        total: `(P, L1, ..., Lk)`, by identity and by level of each factor.
        means: of each term ("content", "style"), by axis of the factor, `(L,)`.
    """

    total: np.ndarray
    means: dict[str, list[np.ndarray]]
    alpha: float
    beta: float

    @classmethod
    def of(
        cls,
        costs: "vgg_losses.PairLosses",
        drawn: np.ndarray,
        crossed: CrossedSample,
        settings: PaperSettings,
    ) -> "_PaperLosses":
        """Return the means over the `drawn` pairs `(N, pairs)`. Without given weights, the means of
        the levels of each term have a standard deviation of 1."""
        shape = crossed.rows.shape
        tables = {
            term: np.take_along_axis(cost, drawn, axis=1).mean(axis=1).reshape(shape)
            for term, cost in (("content", costs.content), ("style", costs.style))
        }
        means = {
            term: [
                losses_by_level(table, axis).mean(axis=0) for axis in range(len(crossed.factors))
            ]
            for term, table in tables.items()
        }
        scale = {term: max(float(np.concatenate(of).std()), 1e-30) for term, of in means.items()}
        alpha = settings.alpha or 1 / scale["style"]
        beta = settings.beta or 1 / scale["content"]
        return cls(alpha * tables["style"] + beta * tables["content"], means, alpha, beta)

    def level_columns(
        self,
        axis: int,
        each: np.ndarray,
        costs: "vgg_losses.PairLosses",
    ) -> dict[str, np.ndarray]:
        """Return the loss columns of the levels of one factor, `(L,)` each; `each (P, L)` is the
        total by identity."""
        low, high = mean_interval(each)
        content, style = (costs.debiased(term, axis) for term in ("content", "style"))
        return {
            "content": self.means["content"][axis],
            "style": self.means["style"][axis],
            "total": each.mean(axis=0),
            "low": low,
            "high": high,
            "content_debiased": content,
            "style_debiased": style,
            "total_debiased": self.alpha * style + self.beta * content,
        }


def draw_pairs(source: np.ndarray, target: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Draw the target images paired with each render, `(N, min(count, T)) int64`, by a hash of both
    uids."""
    keyed = splitmix64(
        source[:, None].astype(np.uint64) ^ splitmix64(target[None, :].astype(np.uint64))
    )
    return np.argsort(priorities(keyed, seed, "pair"), axis=1)[:, :count]


def losses_by_level(table: np.ndarray, axis: int) -> np.ndarray:
    """Return means of a table `(P, L1, ..., Lk)` by identity and level of one factor, `(P, L)`."""
    return table.mean(axis=tuple(a for a in range(1, table.ndim) if a != axis + 1))


def mean_interval(each: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ends `(L,)` of the 95% t interval of the means of `each (P, L)` over identities.

    >>> low, high = mean_interval(np.array([[1.0], [2.0], [3.0]]))
    >>> round(float(low[0]), 3), round(float(high[0]), 3)  # 2 -+ 4.303 / sqrt(3)
    (-0.484, 4.484)
    """
    people = len(each)
    half = half_widths(each.std(axis=0, ddof=1) / math.sqrt(people), np.array(people - 1.0))
    return each.mean(axis=0) - half, each.mean(axis=0) + half


def split_counts(
    total: np.ndarray, crossed: CrossedSample, settings: PaperSettings, rng: np.random.Generator
) -> tuple[list[dict[str, Any]], str]:
    """Return rows of columns.COUNTS without the target, or the reason for none.

    Columns are numbers, including the identity, as in the figure of the paper: therefore its
    importance follows its cardinality. `total` `(P, L1, ..., Lk)`.
    """
    try:
        permutation.make_booster()
    except AnalysisError as error:
        return [], f"Split counts are left out. {error}"
    columns = np.stack([axis.ravel() for axis in np.indices(total.shape)], axis=1).astype(
        np.float32
    )
    names = ["identity", *crossed.factors]
    values = total.ravel()
    counts, gains = _trees(columns, values, settings)
    null, _ = _trees(columns, rng.permutation(values), settings)
    return [
        {
            "attribute": name,
            "levels": total.shape[k],
            "splits": int(counts[k]),
            "share": counts[k] / max(counts.sum(), 1),
            "null_share": null[k] / max(null.sum(), 1),
            "gain_share": gains[k] / max(gains.sum(), 1e-300),
        }
        for k, name in enumerate(names)
    ], ""


def _trees(
    columns: np.ndarray, values: np.ndarray, settings: PaperSettings
) -> tuple[np.ndarray, np.ndarray]:
    """Split counts and total gain of each column."""
    model = permutation.fit_booster(
        columns,
        values,
        n_estimators=settings.trees,
        max_depth=settings.depth,
        learning_rate=settings.eta,
    ).get_booster()
    return tuple(  # type: ignore[return-value]
        np.array(
            [
                model.get_score(importance_type=kind).get(f"f{k}", 0.0)
                for k in range(columns.shape[1])
            ]
        )
        for kind in ("weight", "total_gain")
    )
