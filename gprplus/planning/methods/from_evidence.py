"""`distances`, `effects`, `failures` and `holes`: one source of evidence each, as weights."""

from collections.abc import Sequence

import numpy as np

from gprplus.planning.evidence.distances import distance_evidence
from gprplus.planning.evidence.effects import effect_evidence
from gprplus.planning.evidence.failures import failure_evidence
from gprplus.planning.evidence.holes import hole_weights, images_by_cell
from gprplus.planning.evidence.level_evidence import LevelEvidence
from gprplus.planning.methods.proposal import PlanProblem, Proposal, plan_method


def weigh_levels(problem: PlanProblem, method: str, evidence: Sequence[LevelEvidence]) -> Proposal:
    """Return the product of the level shares of all factors; several sources on one factor are
    averaged."""
    shares: dict[str, list[np.ndarray]] = {}
    sentences: dict[tuple[str, int], str] = {}
    for one in evidence:
        shares.setdefault(one.factor, []).append(one.shares(problem.rng(f"{method} {one.factor}")))
        for place, text in enumerate(one.sentences):
            if text:
                sentences.setdefault((one.factor, place), text)
    means = {name: np.mean(each, axis=0) for name, each in shares.items()}
    facts = {
        name: {
            str(level): round(float(share), 4)
            for level, share in zip(problem.cells.levels[name], mean, strict=True)
        }
        for name, mean in means.items()
    }
    return Proposal(method, problem.cells.product_weights(means), sentences, {"shares": facts})


@plan_method("distances")
def distances_method(problem: PlanProblem) -> Proposal:
    """Weight each level by the probability that it is the nearest to the target."""
    return weigh_levels(problem, "distances", distance_evidence(problem))


@plan_method("effects")
def effects_method(problem: PlanProblem) -> Proposal:
    """Weight each level by the probability that it is worth most, by finished runs."""
    return weigh_levels(problem, "effects", effect_evidence(problem))


@plan_method("failures")
def failures_method(problem: PlanProblem) -> Proposal:
    """Weight each level by the probability that the best arm fails most on it."""
    return weigh_levels(problem, "failures", failure_evidence(problem))


@plan_method("holes")
def holes_method(problem: PlanProblem) -> Proposal:
    """Weight cells so that the counts of existing and planned images together become even."""
    counts = images_by_cell(problem.require_manifest("holes"), problem.cells)
    return fill_holes(counts, problem.images)


def fill_holes(counts: np.ndarray, added: int) -> Proposal:
    """Return the weights that make the counts `(C,)` even with `added` images more."""
    facts = {"empty_cells": int((counts == 0).sum()), "images": int(counts.sum())}
    mean = counts.mean()
    return Proposal(
        "holes",
        hole_weights(counts, added),
        {},
        facts,
        cell_sentence=lambda number: f"{counts[number]:,} images so far, {mean:,.1f} on average",
    )
