"""The records of a finished analysis and of a search, checked when they are read back."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from gprplus.core.errors import AnalysisError
from gprplus.core.typed import parse_typed

AGAIN = "Measure again with --force."


@dataclass(frozen=True)
class Asked:
    """The part of the request that the pages show."""

    mode: Literal["sound", "paper"]
    attributes: list[str]


@dataclass(frozen=True)
class CrossedFacts:
    """The identities with an image in every cell."""

    factors: list[str]
    cells: int
    identities: int
    identities_complete: int


@dataclass(frozen=True)
class Pair:
    """Rank correlation of two kinds of features over the levels of an attribute."""

    attribute: str
    features: list[str]
    correlation: float | None


@dataclass(frozen=True)
class Guess:
    """Rank correlation of a predictor with mAP over trained arms."""

    features: str
    guess: str
    correlation: float | None
    low: float | None
    high: float | None
    arms: int


@dataclass(frozen=True)
class AnalysisRecord:
    """analysis.json, whatever its mode."""

    target: str
    request: Asked
    target_images: int
    target_identities: int
    target_side: str
    shared_people: int
    crossed: CrossedFacts | None
    notes: list[str]
    tables: list[str] = field(default_factory=lambda: ["distances"])
    accuracy: list[Guess] = field(default_factory=list)


@dataclass(frozen=True)
class SoundFacts:
    """Additional entries of the debiased mode."""

    main: dict[str, str]
    r2: dict[str, float | None]
    luminance_agreement: dict[str, float | None]
    agreement: list[Pair]


@dataclass(frozen=True)
class PaperFacts:
    """Additional entries of the paper mode."""

    kept: dict[str, list[Any]]
    sensitivity: dict[str, dict[str, list[Any]]]
    settings: dict[str, Any]
    bias: list[str]


@dataclass(frozen=True)
class Halves:
    """Target images used to select a subset, and those used to evaluate it."""

    chosen_by: int
    held_out: int


@dataclass(frozen=True)
class Stability:
    """Overlap of a subset with subsets for resampled identities."""

    l1: float
    jaccard: float


@dataclass(frozen=True)
class Controls:
    """The controls of a subset."""

    wrong_target: list[str]


@dataclass(frozen=True)
class Difference:
    """Additional distance of a control to the held-out target, compared with the searched subset
    (squared discrepancies).

    The 95% interval is simultaneous over the controls of one target; its ends are None if the
    held-out identities are too few for one.
    """

    control: str
    value: float
    low: float | None
    high: float | None

    @property
    def farther(self) -> bool:
        """Return True if the interval shows that the control is farther from the target."""
        return self.low is not None and self.low > 0

    @property
    def nearer(self) -> bool:
        """Return True if the interval shows that the control is nearer to the target."""
        return self.high is not None and self.high < 0


@dataclass(frozen=True)
class SearchAsked:
    """The part of the request of a search that the pages show."""

    budget: list[int]


@dataclass(frozen=True)
class SearchRecord:
    """The record of a search."""

    target: str
    request: SearchAsked
    factors: list[str]
    split: str
    arms: list[str]
    controls: Controls
    left_out: list[str]
    target_images: Halves
    stability: Stability
    differences: list[Difference] = field(default_factory=list)


def analysis_record(
    info: Mapping[str, Any], where: Path, tables: Collection[str]
) -> AnalysisRecord:
    """Return analysis.json as a record; `tables` are the names that it may list. Raises
    AnalysisError."""
    record = parse_typed(AnalysisRecord, info, str(where), AnalysisError, strict=False)
    mode = record.request.mode
    needed = {"distances"} if mode == "sound" else {"losses"}
    if not needed <= set(record.tables) <= set(tables):
        raise AnalysisError(
            f"{where}: tables: expected {', '.join(needed)} and others of {', '.join(tables)},"
            f" found {', '.join(record.tables) or 'none'}. {AGAIN}"
        )
    if mode == "sound":
        sound = parse_typed(SoundFacts, info, str(where), AnalysisError, strict=False)
        _all_of(
            record.request.attributes, sound.luminance_agreement, f"{where}: luminance_agreement"
        )
        if any(len(pair.features) != 2 for pair in sound.agreement):
            raise AnalysisError(f"{where}: agreement: expected pairs of features. {AGAIN}")
    else:
        paper = parse_typed(PaperFacts, info, str(where), AnalysisError, strict=False)
        _all_of(paper.kept, paper.sensitivity, f"{where}: sensitivity")
        _all_of(["rule"], paper.settings, f"{where}: settings")
    return record


def search_record(info: Mapping[str, Any], where: Path) -> SearchRecord:
    """Return the record of a search. Raises AnalysisError."""
    record = parse_typed(SearchRecord, info, str(where), AnalysisError, strict=False)
    if len(record.request.budget) != 2:
        raise AnalysisError(
            f"{where}: request.budget: expected identities and images, found"
            f" {record.request.budget}."
        )
    return record


def _all_of(wanted: Collection[str], found: Mapping[str, Any], where: str) -> None:
    missing = [name for name in wanted if name not in found]
    if missing:
        raise AnalysisError(f"{where}: the key '{missing[0]}' is missing. {AGAIN}")
