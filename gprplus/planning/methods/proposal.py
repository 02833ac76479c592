"""The interface of methods: a problem, and the weights of its cells."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gprplus.core.errors import PlanError
from gprplus.core.parallel import Progress, no_progress
from gprplus.ingest import Manifest
from gprplus.planning.cells import CandidateCells
from gprplus.planning.options import PlanOptions

NOTABLE = 1.25  # times its even share, or the inverse, at which a level is named as a reason


@dataclass(frozen=True, eq=False)
class PlanProblem:
    """What a method may use.

    Attributes:
        cells: the cells to weight.
        target_name: the target's name, as runs call it.
        target: its images; None if there is no target.
        manifest: images that exist; None if there are none.
        options: all options of the plan.
        folder: where probes and analyses are kept.
        images: images to be planned; only holes needs it.
        progress: called with the number of images rendered or measured, and of all.
    """

    cells: CandidateCells
    target_name: str
    target: Manifest | None
    manifest: Manifest | None
    options: PlanOptions
    folder: Path
    images: int = 0
    progress: Progress = no_progress

    def require_target(self, method: str) -> Manifest:
        """Return the target's manifest. Raises PlanError where there is none."""
        if self.target is None:
            raise PlanError(f"The method {method} needs a target: --target NAME=PATH.")
        return self.target

    def require_manifest(self, method: str) -> Manifest:
        """Return the manifest of existing images. Raises PlanError where there is none."""
        if self.manifest is None:
            raise PlanError(
                f"The method {method} needs images that exist: --manifest FOLDER. Without any, use"
                " --method descent, which renders probes, or uniform."
            )
        return self.manifest

    def rng(self, stream: str) -> np.random.Generator:
        """Return the random numbers of one purpose."""
        from gprplus.core.sampling import hash64, join_canonical

        return np.random.default_rng(
            hash64(join_canonical("plan", stream, str(self.options.plan_seed)))
        )


@dataclass(frozen=True, eq=False)
class Proposal:
    """Weights `(C,)` of the cells, summing to 1, and what they rest on.

    `sentences` states the evidence about a level, by (factor, position of the level), and
    `cell_sentence` that about a cell, by its number; `facts` go to the record of the plan; `probes`
    counts images that were rendered to find the weights.
    """

    method: str
    weights: np.ndarray
    sentences: dict[tuple[str, int], str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    probes: int = 0
    cell_sentence: Callable[[int], str] | None = None

    def reason(self, cells: CandidateCells, number: int) -> str:
        """Why a cell has its weight, in words."""
        shares = cells.level_shares(self.weights)
        return reason_of(self, cells, shares, number)


def reason_of(
    proposal: Proposal, cells: CandidateCells, shares: dict[str, np.ndarray], number: int
) -> str:
    """The reason for one cell: its levels with a share far from even, with their evidence;
    `shares` are the proposal's `level_shares`."""
    parts = []
    for name, code in zip(cells.factors, cells.codes[number].tolist(), strict=True):
        even = 1 / len(cells.levels[name])
        share = float(shares[name][code])
        if 1 / NOTABLE < share / even < NOTABLE or len(cells.levels[name]) == 1:
            continue
        why = proposal.sentences.get((name, code), "")
        level = level_label(name, cells.levels[name][code])
        parts.append(f"{level} {share:.0%} (even {even:.0%}{', ' if why else ''}{why})")
    if proposal.cell_sentence is not None:
        parts.append(proposal.cell_sentence(number))
    return f"{proposal.method}: {'; '.join(parts) or 'even share'}"


def level_label(factor: str, level: Any) -> str:
    """A level in a sentence: numbers with what they measure.

    >>> level_label("viewpoint_deg", 90), level_label("camera_height_m", 1.8)
    ('viewpoint 90', 'camera at 1.8 m')
    """
    if factor == "viewpoint_deg":
        return f"viewpoint {level}"
    return f"camera at {level:g} m" if factor == "camera_height_m" else str(level)


Method = Callable[[PlanProblem], Proposal]
METHODS: dict[str, Method] = {}


def plan_method(name: str) -> Callable[[Method], Method]:
    """Register a method under a name. Raises ValueError if the name is taken."""

    def register(method: Method) -> Method:
        if name in METHODS:
            raise ValueError(f"two methods are called {name}")
        METHODS[name] = method
        return method

    return register


def mix_proposals(proposals: Sequence[Proposal], shares: Sequence[float]) -> Proposal:
    """Return the mixture of proposals, each with a share; shares are made to sum to 1. The evidence
    of the proposal with the largest share comes first."""
    if len(proposals) == 1:
        return proposals[0]
    parts = np.asarray(shares, dtype=np.float64)
    parts = parts / parts.sum()
    sentences: dict[tuple[str, int], str] = {}
    for place in np.argsort(-parts, kind="stable"):
        for key, text in proposals[place].sentences.items():
            sentences.setdefault(key, text)
    weights = np.sum(
        [part * one.weights for part, one in zip(parts, proposals, strict=True)], axis=0
    )
    name = " + ".join(
        f"{part:.0%} {one.method}"
        for part, one in zip(parts, proposals, strict=True)
        if part >= 0.005
    )
    facts = {one.method: one.facts for one in proposals if one.facts}
    probes = sum(one.probes for one in proposals)
    cell_sentence = next((one.cell_sentence for one in proposals if one.cell_sentence), None)
    return Proposal(name, weights, sentences, facts, probes, cell_sentence)
