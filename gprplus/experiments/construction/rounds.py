"""The rounds of a construction, without files: what is proposed, tried, kept.

The world that draws and trains is an argument, so that the same loop runs on the engine and in
simulations whose truth is known.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from gprplus.experiments.construction.construct_file import RoundOptions
from gprplus.experiments.construction.mixture_optimizer import TriedMixture, ask_mixtures
from gprplus.planning.budget import RenderBudget
from gprplus.planning.cells import CandidateCells
from gprplus.planning.image_deal import deal_images, feasible_weights
from gprplus.planning.methods.proposal import Proposal, mix_proposals
from gprplus.statistics.robustness.selection_optimism import selection_optimism

_REASONS = 8  # cells with most images, of which two different reasons are kept


@dataclass(frozen=True, eq=False)
class QueryScores:
    """Average precision `AP (Q,)` of queries `uids (Q,) uint64` of identities `(Q,) int64`."""

    uids: np.ndarray
    AP: np.ndarray
    identities: np.ndarray

    @property
    def mean_ap(self) -> float:
        """mAP, 0-1."""
        return float(self.AP.mean())


@dataclass(frozen=True, eq=False)
class Trial:
    """An addition `(N, C) bool` to the set, the shares of its proposals, its reasons, and the scores
    of the set with it."""

    shares: dict[str, float]
    added: np.ndarray
    scores: QueryScores
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class RoundResult:
    """The trials of a round, and the position of the kept one."""

    trials: tuple[Trial, ...]
    kept: int
    optimism: float

    @property
    def chosen(self) -> Trial:
        """Return the trial that was kept."""
        return self.trials[self.kept]

    @property
    def tried(self) -> list[TriedMixture]:
        """Return shares and scores of the trials."""
        return [TriedMixture(one.shares, one.scores.mean_ap) for one in self.trials]


class ConstructWorld(Protocol):
    """What proposes cells, and what draws and trains sets."""

    def proposals(self, kept: np.ndarray, last: QueryScores | None, added: int) -> list[Proposal]:
        """Return the proposals for the next addition of `added` images to the set `kept` `(N, C)
        bool`; `last` are the scores of that set, None before the first round."""

    def score(self, number: int, sets: Sequence[np.ndarray]) -> list[QueryScores]:
        """Train each set `(N, C) bool` of round `number`, and return its scores on the validation
        half."""


def run_rounds(
    world: ConstructWorld,
    cells: CandidateCells,
    options: RoundOptions,
    *,
    done: Sequence[RoundResult] = (),
    finished: Callable[[int, RoundResult], None] = lambda number, result: None,
) -> list[RoundResult]:
    """Run the rounds that are missing, and return all.

    Args:
        world: what proposes, draws and trains.
        cells: the candidate cells.
        options: size of the set, rounds, looks and seeds.
        done: rounds that are finished.
        finished: called with the number of a round, from 0, and its result.
    """
    found = list(done)
    while len(found) < options.rounds:
        result = _round(world, cells, options, found)
        found.append(result)
        finished(len(found) - 1, result)
    return found


def new_images(paths: Sequence[Sequence[RoundResult]]) -> list[list[list[int]]]:
    """Count the images of each trial of each round of each path that no trial before it had: those
    that were drawn for it, in whatever calls."""
    drawn = np.zeros_like(paths[0][0].chosen.added)
    found = []
    for rounds in paths:
        counts: list[list[int]] = []
        for result in rounds:
            counts.append([])
            for one in result.trials:
                counts[-1].append(int((one.added & ~drawn).sum()))
                drawn |= one.added
        found.append(counts)
    return found


def kept_set(rounds: Sequence[RoundResult], identities: int, cells: int) -> np.ndarray:
    """The images of the set after some rounds, `(N, C) bool`."""
    kept = np.zeros((identities, cells), dtype=bool)
    for one in rounds:
        kept |= one.chosen.added
    return kept


def _round(
    world: ConstructWorld,
    cells: CandidateCells,
    options: RoundOptions,
    before: Sequence[RoundResult],
) -> RoundResult:
    number, size = len(before), options.size
    kept = kept_set(before, size.identities, len(cells))
    last = before[-1].chosen.scores if before else None
    each = options.added_images(number)
    proposals = distinct_proposals(world.proposals(kept, last, size.identities * each))
    names = [one.method for one in proposals]
    mixtures = ask_mixtures(names, options.looks, [one.tried for one in before], options.plan_seed)
    added, reasons = [], []
    for shares in mixtures:
        mixed = mix_proposals(proposals, [shares[name] for name in names])
        weights = feasible_weights(
            mixed.weights, cells, RenderBudget(size.identities, max(each, 2)), options.floor
        )
        added.append(deal_images(weights, size.identities, each, options.plan_seed + number, kept))
        reasons.append(_reasons(mixed, cells, added[-1]))
    scored = world.score(number, [kept | one for one in added])
    trials = tuple(
        Trial(shares, one, scores, tuple(why))
        for shares, one, scores, why in zip(mixtures, added, scored, reasons, strict=True)
    )
    best = int(np.argmax([one.scores.mean_ap for one in trials]))
    scores = np.stack([one.scores.AP for one in trials])
    optimism = selection_optimism(scores, trials[0].scores.identities)
    return RoundResult(trials, best, optimism)


def distinct_proposals(proposals: Sequence[Proposal]) -> list[Proposal]:
    """Leave out proposals with the weights of an earlier one, such as holes where there are no
    images yet and uniform: a look at either would be a look at both."""
    found: list[Proposal] = []
    for one in proposals:
        if not any(np.allclose(one.weights, other.weights, atol=1e-9) for other in found):
            found.append(one)
    return found


def _reasons(proposal: Proposal, cells: CandidateCells, added: np.ndarray) -> list[str]:
    """The reason of the cell with most images, and of the next one that has another reason."""
    order = np.argsort(-added.sum(axis=0), kind="stable")[:_REASONS]
    found = dict.fromkeys(proposal.reason(cells, int(number)) for number in order)
    return list(found)[:2]
