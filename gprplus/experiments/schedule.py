"""Runs of a request: every arm and seed of a split, and the untrained baseline, with one image
store for each source of images.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus.baseline.image_store import ImageStore
from gprplus.core.errors import TrainingError
from gprplus.experiments.run import TrainingRun, TrainingSet
from gprplus.statistics.summary import UNTRAINED

if TYPE_CHECKING:
    from gprplus.splits import Split

_AS_WRITTEN = ("full", "declared")  # kinds of arm that need hold nothing drawn


def build_runs(
    split: "Split", seeds: int, pack: ImageStore, base: TrainingRun
) -> list[TrainingRun]:
    """The runs of one split under the folder of `base`, the run without training data, whether done
    already or not.

    Seeds count from 0. Seed k trains on deal k of an arm, modulo the number of its deals.
    """
    sets: dict[tuple[str, int | None], TrainingSet] = {}
    found = []
    for seed in range(seeds):
        for arm, facts in split.record.arms.items():
            deal = facts.deal_of(seed)
            if (arm, deal) not in sets:
                sets[arm, deal] = training_set(split, arm, pack, deal or 0)
            of = sets[arm, deal]
            found.append(
                replace(
                    base,
                    folder=base.folder / arm / f"seed{seed}",
                    arm=arm,
                    seed=seed,
                    data=of,
                    deal=deal,
                )
            )
        found.append(replace(base, folder=base.folder / UNTRAINED / f"seed{seed}", seed=seed))
    return found


def reused_deals(split: "Split", seeds: int) -> list[str]:
    """Return one sentence if several seeds train on one draw, so that an interval over seeds omits
    its variance."""
    if seeds <= split.deals or not _drawn(split):
        return []
    remedy = f"gprplus make-split --deals {seeds} draws one for each seed."
    if split.deals == 1:
        return [
            f"All {seeds} seeds of {split.name} train on one draw, whose variance is in no"
            f" interval: {remedy}"
        ]
    again = (
        f"seed {split.deals} trains"
        if seeds == split.deals + 1
        else f"seeds {split.deals} to {seeds - 1} train"
    )
    return [
        f"{split.name} has {split.deals} deals for {seeds} seeds: {again} on earlier deals again,"
        f" and intervals count them as further draws. {remedy}"
    ]


def _drawn(split: "Split") -> bool:
    """Return True if another deal of the split has, or would have, other rows."""
    if "deals" in split.record.request:
        return split.deals > 1
    return any(arm.kind not in _AS_WRITTEN for arm in split.record.arms.values())


def training_set(split: "Split", arm: str, pack: ImageStore, deal: int = 0) -> TrainingSet:
    """The training set of an arm in one deal; identities numbered in sorted order. Raises
    TrainingError when it is empty.
    """
    rows = split.train(arm, deal)
    if not len(rows):
        raise TrainingError(
            f"The arm '{arm}' of {split.path} holds no images: nothing can be trained on it."
        )
    persons = list(
        zip(rows.column("dataset").to_pylist(), rows.column("identity").to_pylist(), strict=True)
    )
    number = {person: i for i, person in enumerate(sorted(set(persons)))}
    labels = np.array([number[person] for person in persons], dtype=np.int64)
    weight = rows.column("weight")
    shares = None if weight.null_count else weight.to_numpy()
    return TrainingSet(
        rows.column("uid").to_numpy(), labels, rows.column("path").to_pylist(), pack, shares
    )


def group_shared_trainings(
    planned: Sequence[TrainingRun],
) -> tuple[list[TrainingRun], list[TrainingRun]]:
    """Runs that have to be trained, and runs whose training is one of those (they carry its folder
    as `twin`).

    Equal are runs of equal pixels, recipe and seed, and all untrained floors of a seed; each is
    still scored on its own targets.
    """
    first: dict[tuple[str, int, Any], TrainingRun] = {}
    leaders, followers = [], []
    for training_run in planned:
        pixels = training_run.data.pixels() if training_run.data else UNTRAINED
        key = (pixels, training_run.seed, training_run.recipe if training_run.data else None)
        if key in first:
            followers.append(replace(training_run, twin=first[key].folder))
        else:
            first[key] = training_run
            leaders.append(training_run)
    return leaders, followers
