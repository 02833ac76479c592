"""Scores of the first seed of every arm: a first look, long before there are intervals."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gprplus.experiments import run_files
from gprplus.experiments.run import TrainingRun
from gprplus.experiments.split_job import SplitJob
from gprplus.statistics.summary import UNTRAINED


@dataclass(frozen=True)
class FirstScores:
    """Scores of the first seed of every arm on the first target.

    Attributes:
        folder: The run folder, SPLIT/RECIPE.
        target: Name of the target.
        seed: Number of the first seed.
        seeds: Seeds that the request has in all.
        reference: The reference arm, None if the split has none.
        scores: (mAP, rank-1), 0-1, of each arm in the split's order, the untrained network last.
    """

    folder: Path
    target: str
    seed: int
    seeds: int
    reference: str | None
    scores: dict[str, tuple[float, float]]


def ignore_first_seed(found: FirstScores) -> None:
    """Show nothing."""


class FirstSeed:
    """Calls `show` once for each split, when the first seed of all its arms is scored.

    A request of one seed is not shown: its table is the result. Nor is one whose first seed was
    done before.
    """

    def __init__(
        self, cases: Sequence[SplitJob], seeds: Sequence[int], show: Callable[[FirstScores], None]
    ) -> None:
        self._waiting = {case.folder: case for case in cases} if len(seeds) > 1 else {}
        self._seeds, self._show = seeds, show

    def scored(self, training_run: TrainingRun) -> None:
        """Take a run that is done."""
        folder = training_run.folder.parents[1]  # of ARM/seedK
        if training_run.seed != self._seeds[0] or folder not in self._waiting:
            return
        found = _first_scores(self._waiting[folder], self._seeds)
        if found is not None:
            del self._waiting[folder]
            self._show(found)


def _first_scores(case: SplitJob, seeds: Sequence[int]) -> FirstScores | None:
    """Return the scores of the first seed; None while an arm is missing."""
    target, scores = case.targets[0].name, {}
    for arm in (*case.split.record.arms, UNTRAINED):
        record = run_files.read_run_record(case.folder / arm / f"seed{seeds[0]}")
        if record is None or target not in record.targets:
            return None
        found = record.targets[target].scores
        scores[arm] = (float(found["mAP"]), float(found["rank1"]))
    reference = case.split.record.reference
    return FirstScores(case.folder, target, seeds[0], len(seeds), reference, scores)
