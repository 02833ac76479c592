"""Paper mode: what the GPR+ paper did, as far as it is known, with everything unknown as a named
setting.

Known (its slides): VGG-19 content and style losses between renders and target images, L = alpha
L_style + beta L_content; one mean per level; the levels under a dashed line are kept; importance of
identity, viewpoint, weather and illumination as whole numbers that look like XGBoost split counts.
Unknown: all of `PaperSettings`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
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

RESAMPLES = 1000
_TAILS = (0.025, 0.975)
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
    drawn = draw_pairs(
        images.rows.column("uid").to_numpy(), rows.column("uid").to_numpy(), settings.pairs, seed
    )
    content, style = (
        np.take_along_axis(cost, drawn, axis=1).mean(axis=1)
        for cost in (costs.content, costs.style)
    )
    shape = crossed.rows.shape
    means = {
        term: [
            losses_by_level(values.reshape(shape), axis).mean(axis=0)
            for axis in range(len(crossed.factors))
        ]
        for term, values in (("content", content), ("style", style))
    }
    alpha = settings.alpha or 1 / max(float(np.concatenate(means["style"]).std()), 1e-30)
    beta = settings.beta or 1 / max(float(np.concatenate(means["content"]).std()), 1e-30)
    total = (alpha * style + beta * content).reshape(shape)
    rng = np.random.default_rng(hash64(join_canonical("paper", name, str(seed))))
    losses, kept, sensitivity = [], {}, {}
    for axis, factor in enumerate(crossed.factors):
        if factor not in side.levels:
            continue
        each = losses_by_level(total, axis)
        low, high = _interval(each, rng)
        level_total = each.mean(axis=0)
        mine = RULES[settings.rule](level_total)
        names = [str(level) for level in crossed.levels[axis]]
        kept[factor] = [level for level, keep in zip(names, mine, strict=True) if keep]
        sensitivity[factor] = {
            rule: [level for level, keep in zip(names, cut(level_total), strict=True) if keep]
            for rule, cut in RULES.items()
        }
        fair = {term: costs.debiased(term, axis) for term in ("content", "style")}
        for i, level in enumerate(names):
            losses.append(
                {
                    "target": name,
                    "attribute": factor,
                    "value": level,
                    "content": means["content"][axis][i],
                    "style": means["style"][axis][i],
                    "total": level_total[i],
                    "low": low[i],
                    "high": high[i],
                    "content_debiased": fair["content"][i],
                    "style_debiased": fair["style"][i],
                    "total_debiased": alpha * fair["style"][i] + beta * fair["content"][i],
                    "kept": bool(mine[i]),
                    "images": total.size // len(names),
                    "identities": len(total),
                }
            )
    counts, note = split_counts(total, crossed, settings, rng)
    facts = {
        "settings": replace(settings, alpha=alpha, beta=beta).record(),
        "kept": kept,
        "sensitivity": sensitivity,
        "bias": list(BIAS),
        "notes": [note] if note else [],
    }
    tables = {"losses": pa.Table.from_pylist(losses)}
    if counts:
        tables["counts"] = pa.Table.from_pylist([{"target": name, **row} for row in counts])
    return tables, facts


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


def _interval(each: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    drawn = rng.multinomial(len(each), np.full(len(each), 1 / len(each)), size=RESAMPLES) / len(
        each
    )
    return np.quantile(drawn @ each, _TAILS, axis=0)


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
