"""construct.json as frozen dataclasses: rounds of planning, rendering and training, and the test."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gprplus.core.errors import ReportError
from gprplus.core.typed import parse_typed

Counts = dict[str, dict[str, int]]  # images by factor and level


@dataclass(frozen=True)
class HalfRecord:
    """One half of a target: its identities and images, and the fingerprint of its manifest."""

    identities: int
    images: int
    fingerprint: str


@dataclass(frozen=True)
class TrialRecord:
    """An addition that was tried in a round.

    `shares` are those of the proposals in its mixture; `levels` counts its images by factor and
    level; `rendered` counts the images that had to be drawn for it; `mAP` is that of the set with
    the addition on the validation half, 0-1.
    """

    shares: dict[str, float]
    levels: Counts
    rendered: int
    mAP: float
    reasons: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class RoundRecord:
    """A round: its trials, the position of the kept one, and the images of the set after it.

    `optimism` is by how much the selection makes the kept trial's validation score look better than
    it is (statistics.robustness.selection_optimism), 0-1.
    """

    trials: list[TrialRecord]
    kept: int
    images: int
    optimism: float


@dataclass(frozen=True)
class PathRecord:
    """The rounds towards one target; `looks` counts the scorings of its validation half."""

    target: str
    validation: HalfRecord
    test: HalfRecord
    rounds: list[RoundRecord]
    looks: int
    proposals: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ArmSummary:
    """One set of the final test: what it is, its images by factor and level, and its score on the
    validation half by the final trainings, 0-1."""

    meaning: str
    levels: Counts
    cells: int
    validation_mAP: float | None = None


@dataclass(frozen=True)
class ComparisonRecord:
    """A control against the constructed set on the test half: the gain of the constructed set in
    mAP, 0-1, its simultaneous 95% interval (None with one seed), and whether it is better, worse or
    undecided."""

    control: str
    gain: float
    low: float | None
    high: float | None
    verdict: str


@dataclass(frozen=True, kw_only=True)
class ConstructRecord:
    """construct.json: a finished construction. Paths are relative to its folder.

    `rendered` counts all images that were drawn, by purpose; `test_looks` how often the held-back
    half was scored for this folder, including this time.
    """

    schema_version: int = 1
    name: str
    question: str
    request: dict[str, Any]
    command: str = ""
    identities: int
    images_each: int
    cells: int
    paths: list[PathRecord]
    arms: dict[str, ArmSummary]
    comparisons: list[ComparisonRecord]
    mAP: dict[str, float]
    seeds: int
    steps: int | None
    test_looks: int
    rendered: dict[str, int]
    trainings: dict[str, int]
    seconds: dict[str, float]
    runs: str
    report: str
    pool: str
    verdict: str
    versions: dict[str, str] = field(default_factory=dict)


def construct_record(data: Any, path: Path) -> ConstructRecord:
    """Read a construct.json. Raises ReportError where it does not fit."""
    return parse_typed(ConstructRecord, data, str(path), ReportError, strict=False)
