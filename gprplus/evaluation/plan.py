"""Which runs a request asks for: every arm and seed of a split, and the untrained floor, over one pack a source of
images.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus.baseline.recipe import Recipe
from gprplus.baseline.store import Pack
from gprplus.errors import TrainingError
from gprplus.evaluation.summary import UNTRAINED
from gprplus.evaluation.targets import Target
from gprplus.evaluation.trial import Data, Trial

if TYPE_CHECKING:
    from gprplus.splits import Split


def trials(
    split: "Split",
    folder: Path,
    recipe: Recipe,
    seeds: int,
    pack: Pack,
    targets: Sequence[tuple[Target, Pack]],
    device: str,
    threads: int | None,
    jobs: int = 1,
) -> list[Trial]:
    """The runs of one split under `folder`, whether done already or not; seeds count from 0."""
    whose = (split.name, split.info["fingerprint"])
    base = Trial(folder, *whose, UNTRAINED, 0, recipe, None, tuple(targets), device, threads, jobs=jobs)
    sets: dict[str, Data | None] = {arm: data(split, arm, pack) for arm in split.arms}
    sets[UNTRAINED] = None
    return [
        replace(base, folder=folder / arm / f"seed{seed}", arm=arm, seed=seed, data=of)
        for seed in range(seeds)
        for arm, of in sets.items()
    ]


def data(split: "Split", arm: str, pack: Pack) -> Data:
    """The training set of an arm; persons numbered in sorted order. Raises TrainingError when it is empty."""
    rows = split.train(arm)
    if not len(rows):
        raise TrainingError(f"The arm '{arm}' of {split.path} holds no images: nothing can be trained on it.")
    persons = list(zip(rows.column("dataset").to_pylist(), rows.column("identity").to_pylist(), strict=True))
    number = {person: i for i, person in enumerate(sorted(set(persons)))}
    labels = np.array([number[person] for person in persons], dtype=np.int64)
    weight = rows.column("weight")
    shares = None if weight.null_count else weight.to_numpy()
    return Data(rows.column("uid").to_numpy(), labels, rows.column("path").to_pylist(), pack, shares)


def twins(planned: Sequence[Trial]) -> tuple[list[Trial], list[Trial]]:
    """Runs that have to be trained, and runs whose training is one of those (they carry its folder as `twin`).

    Equal are runs of equal pixels, recipe and seed, and all untrained floors of a seed; each is still scored on its
    own targets.
    """
    first: dict[tuple[str, int, Any], Trial] = {}
    leaders, followers = [], []
    for trial in planned:
        pixels = trial.data.pixels() if trial.data else UNTRAINED
        key = (pixels, trial.seed, trial.recipe.length if trial.data else None)
        if key in first:
            followers.append(replace(trial, twin=first[key].folder))
        else:
            first[key] = trial
            leaders.append(trial)
    return leaders, followers
