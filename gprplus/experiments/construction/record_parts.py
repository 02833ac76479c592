"""The parts of construct.json."""

from collections.abc import Sequence

import numpy as np

from gprplus.experiments.construction import final_test, round_files
from gprplus.experiments.construction.engine_world import EngineWorld, query_scores
from gprplus.experiments.construction.rounds import RoundResult
from gprplus.ingest import Manifest
from gprplus.planning.cells import CandidateCells
from gprplus.planning.run_planning import level_counts
from gprplus.reporting.run_results import RunResults
from gprplus.schema.construct_record import (
    ArmSummary,
    HalfRecord,
    PathRecord,
    RoundRecord,
    TrialRecord,
)


def path_record(
    world: EngineWorld,
    test: Manifest,
    rounds: Sequence[RoundResult],
    rendered: Sequence[Sequence[int]],
) -> PathRecord:
    """Return the record of the rounds towards one target.

    Args:
        world: what proposed and scored.
        test: the held-back half of the target.
        rounds: all rounds.
        rendered: images that were drawn for each trial of each round.
    """
    return PathRecord(
        target=world.name,
        validation=_half(world.validation),
        test=_half(test),
        rounds=[
            RoundRecord(
                trials=[
                    TrialRecord(
                        shares={key: round(share, 4) for key, share in one.shares.items()},
                        levels=level_counts(world.cells, one.added),
                        rendered=drawn,
                        mAP=one.scores.mean_ap,
                        reasons=list(one.reasons),
                    )
                    for one, drawn in zip(result.trials, rendered[number], strict=True)
                ],
                kept=result.kept,
                images=round_files.images_after(rounds, number),
                optimism=result.optimism,
            )
            for number, result in enumerate(rounds)
        ],
        looks=sum(len(one.trials) for one in rounds),
        proposals={key: one.facts for key, one in world.static.items()}
        | {key: {"left out": sentence} for key, sentence in world.left_out.items()},
    )


def _half(manifest: Manifest) -> HalfRecord:
    counts = manifest.record.counts
    return HalfRecord(counts["identities"], counts["images"], manifest.fingerprint)


def arm_summaries(
    sets: dict[str, np.ndarray], cells: CandidateCells, run: RunResults, validation: str
) -> dict[str, ArmSummary]:
    """Return what each set of the test is (in deal 0), and its score on the target named
    `validation`."""
    return {
        name: ArmSummary(
            meaning=final_test.MEANING[name],
            levels=level_counts(cells, deals[0]),
            cells=int(deals[0].any(axis=0).sum()),
            validation_mAP=query_scores(run, name, validation).mean_ap,
        )
        for name, deals in sets.items()
    }


def mean_scores(run: RunResults, target: str) -> dict[str, float]:
    """Return the mean mAP over seeds of each arm on a target, and of the untrained network."""
    return {row["arm"]: row["mAP"] for row in run.rows_of(target)}
