"""Check of reported headings against the direction in which people walk.

Tools differ in the zero of a heading and in the sign of its rotation. A person who walks looks, as
a rule, where it goes: the difference between heading and displacement is near 0 where the heading
is read correctly, and near another angle, or spread, where it is not.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from gprplus.cropping.annotations import AnnotatedPerson

STEP_M = (0.02, 2.0)  # displacement from one frame to the next that counts as walking
ENOUGH = 8  # steps for a verdict
LARGEST_DEG = 30.0  # median difference up to which headings agree


@dataclass(frozen=True)
class WalkingVerdict:
    """The median difference between heading and displacement in degrees, None without enough
    steps, over how many steps of how many identities."""

    median_deg: float | None = None
    steps: int = 0
    identities: int = 0

    @property
    def disagrees(self) -> bool:
        """Return True if viewpoints must not be derived from these headings."""
        return self.median_deg is not None and self.median_deg > LARGEST_DEG

    def sentence(self, scene: str) -> str:
        """Return the sentence for the user about headings that disagree."""
        return (
            f"{scene}: reported headings and walking directions differ by {self.median_deg:.0f}"
            f" degrees in the median ({self.steps:,} steps of {self.identities:,} identities; at"
            f" most {LARGEST_DEG:.0f} were expected), so viewpoints from headings stay unknown."
        )


@dataclass
class WalkingCheck:
    """Collects where people are and look, frame by frame in order of time."""

    _last: dict[str, tuple[int, float, float, float]] = field(default_factory=dict)
    _differences: list[float] = field(default_factory=list)
    _walkers: set[str] = field(default_factory=set)

    def add(self, frame: int, people: Iterable[AnnotatedPerson]) -> None:
        """Add the persons of a frame; another camera's view of the same frame adds nothing."""
        for person in people:
            if person.ground is None or person.heading is None or person.identity is None:
                continue
            x, y = person.ground
            angle = math.atan2(person.heading[1], person.heading[0])
            before = self._last.get(person.identity)
            if before is not None and before[0] >= frame:
                continue
            self._last[person.identity] = (frame, x, y, angle)
            if before is not None:
                self._compare(person.identity, before, (x, y), angle)

    def _compare(
        self,
        identity: str,
        before: tuple[int, float, float, float],
        now: tuple[float, float],
        angle: float,
    ) -> None:
        dx, dy = now[0] - before[1], now[1] - before[2]
        if STEP_M[0] <= math.hypot(dx, dy) <= STEP_M[1]:
            middle = math.atan2(
                math.sin(before[3]) + math.sin(angle), math.cos(before[3]) + math.cos(angle)
            )
            self._differences.append(math.remainder(math.atan2(dy, dx) - middle, math.tau))
            self._walkers.add(identity)

    def verdict(self) -> WalkingVerdict:
        """Return the median of all absolute differences."""
        count = len(self._differences)
        if count < ENOUGH:
            return WalkingVerdict(None, count, len(self._walkers))
        median = float(np.degrees(np.median(np.abs(self._differences))))
        return WalkingVerdict(median, count, len(self._walkers))
