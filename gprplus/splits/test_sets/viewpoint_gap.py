"""Minimum viewpoint difference of query and true match in tests across levels: adjacent views are
nearly one image."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from gprplus.core.errors import SplitError

STEPS, MOST_DEG = 2, 90  # a match is two steps of the viewpoints away, at most a quarter turn


@dataclass(frozen=True)
class ViewpointGap:
    """The least difference of viewpoint `degrees`, and the viewpoint of each slot, `(S,)`
    degrees."""

    degrees: int
    at: np.ndarray

    def hidden(
        self, query: np.ndarray, gallery: np.ndarray, person: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return pairs of positions in `query` and in `gallery`, slots of one identity (S,) with
        too close viewpoints.
        """
        order = np.argsort(person[gallery], kind="stable")
        low, high = (
            np.searchsorted(person[gallery][order], person[query], side=side)
            for side in ("left", "right")
        )
        asks = np.repeat(np.arange(len(query)), high - low)
        step = np.arange(len(asks)) - np.repeat(np.cumsum(high - low) - (high - low), high - low)
        found = order[low[asks] + step]
        near = angle_between(self.at[query][asks], self.at[gallery][found]) < self.degrees
        return asks[near], found[near]


def angle_between(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Degrees between directions, the short way round.

    >>> angle_between(np.array([350, 90]), np.array([10, 270])).tolist()
    [20, 180]
    """
    gap = np.abs(first - second) % 360
    return np.minimum(gap, 360 - gap)


def default_degrees(viewpoints: np.ndarray) -> int:
    """Return two viewpoint steps (their smallest difference), so that adjacent views are excluded;
    at most MOST_DEG.

    >>> default_degrees(np.arange(0, 360, 30)), default_degrees(np.arange(0, 360, 90)), default_degrees(np.array([5]))
    (60, 90, 0)
    """
    turns = np.unique(viewpoints % 360)
    if len(turns) < 2:
        return 0
    return min(STEPS * int(np.diff(np.append(turns, turns[0] + 360)).min()), MOST_DEG)


def gap_degrees(
    viewpoints: Iterable[int], fixed: bool, requested: int | None, *, crossed: bool
) -> int | None:
    """The least angle between query and true match; None where no angle is known, or none changes
    inside a level: where not every slot has one known viewpoint (`fixed`).

    `requested` is --min-viewpoint-gap, by default `default_degrees` of the `viewpoints`. Raises
    SplitError where it was given and is impossible, as where the viewpoint is what is `crossed`.
    """
    if fixed:
        at = np.array(sorted(viewpoints), dtype=np.int64)
        return (default_degrees(at) if requested is None else requested) or None
    if requested:
        why = "is what is crossed" if crossed else "is not known, or changes with the attribute,"
        raise SplitError(
            f"--min-viewpoint-gap cannot be kept: viewpoint_deg {why} in the test set. Leave it out."
        )
    return None
