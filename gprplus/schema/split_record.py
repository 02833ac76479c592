"""split.json as frozen dataclasses: the arms of a split, its test side, its tests and its
design."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from gprplus.core.declarations import Attribute, attributes
from gprplus.core.errors import SplitError
from gprplus.core.files.safe_names import plain_name
from gprplus.core.typed import derived, keyed, optional, optional_table, parse_typed
from gprplus.schema.audit import Audit
from gprplus.schema.own_attributes import check_attributes
from gprplus.schema.records import DatasetRecord, Level, Protocol, require_plain

RANDOM_IMAGES, RANDOM_LEVELS = "random-images", "random-levels"  # kinds of arm that are controls


@dataclass(frozen=True)
class ManifestLink:
    """The manifest that a split was drawn from."""

    path: str
    fingerprint: str


@dataclass(frozen=True)
class DealRecord:
    """A deal of an arm: its size, the fingerprint of its images, and the levels of a random set of
    levels."""

    images: int
    identities: int
    fingerprint: str
    levels: list[Level] | None = optional()


@dataclass(frozen=True)
class Rung:
    """The size of an arm of a ladder of identities.

    `images_each` is a number of images for each identity; `whole`: every image of the identities.
    """

    identities: int
    images_each: int | None = None
    whole: bool = False


@dataclass(frozen=True, kw_only=True)
class ArmRecord:
    """An arm: its kind, its levels, its size, and the fingerprint of its images, all of deal 0.

    `deals` lists every deal, including 0; it is absent if the rows of all deals are equal. Kinds
    are only, without, mix, random-images, random-levels, path, factorial, cell, ids, ids-all, full
    and declared. `restricted` names the factors of a factorial that the arm restricts, `restrict`
    the levels that a declared arm or a cell keeps of each attribute.

    `name`, `choice`, `control` and `rung` are derived when the record is read
    (`gprplus.splits.arm_names`). `choice` are the levels in the name of the arm: those it keeps
    (only, cell) or leaves out (without). `control` names the random control of which the arm is a draw.
    """

    kind: str
    levels: list[Level]
    share: float | None = optional()
    images_of: dict[str, int] | None = optional()
    images_per_identity: int | None = optional()
    restricted: list[str] | None = optional()
    restrict: dict[str, list[Level]] | None = optional()
    cells: int | None = optional()
    matched: bool | None = optional()
    effective_share: float | None = optional()
    images: int
    identities: int
    fingerprint: str
    deals: list[DealRecord] | None = optional()
    name: str = derived("")
    choice: tuple[str, ...] = derived(())
    control: str = derived("")
    rung: Rung | None = derived(None)

    @property
    def is_random(self) -> bool:
        """Return True if the arm is a draw of a random control."""
        return self.kind in (RANDOM_IMAGES, RANDOM_LEVELS)

    @property
    def every_deal(self) -> list[DealRecord]:
        """Return each deal of the arm; the arm itself if all deals are equal."""
        return self.deals or [
            DealRecord(self.images, self.identities, self.fingerprint, self.levels)
        ]

    @property
    def images_of_all_deals(self) -> int:
        """Rows of members.parquet that the arm takes."""
        return sum(deal.images for deal in self.every_deal)

    def deal_of(self, seed: int) -> int | None:
        """The deal that a training seed trains on; None where the arm has only one."""
        return seed % len(self.deals) if self.deals else None

    def dealt_to(self, seed: int) -> DealRecord:
        """The facts of the deal of a training seed."""
        return self.every_deal[self.deal_of(seed) or 0]


@dataclass(frozen=True)
class TestSetRecord:
    """The test side that all arms share; the fingerprint is null where there is none."""

    __test__ = False

    identities: int
    queries: int
    gallery: int
    protocol: Protocol
    fingerprint: str | None = None


@dataclass(frozen=True, kw_only=True)
class LevelTest:
    """A test of query level against gallery level (kind cross or level), or of removed matches
    (removal).

    `apart_in` is the column in which query and true match differ, `apart_deg` the angle between
    them.
    """

    kind: str
    protocol: Protocol
    apart_in: str | None = optional()
    apart_deg: int | None = optional()
    identities: int | None = optional()
    queries: int
    gallery: int
    removed: int | None = optional()
    matches_per_query: list[int] | None = optional()
    query_level: str | None = optional()
    gallery_level: str | None = optional()
    groups: list[str]

    @property
    def within_level(self) -> bool:
        """Return True if queries and gallery have one level."""
        return self.kind in ("cross", "level") and self.query_level == self.gallery_level


@dataclass(frozen=True)
class PathFacts:
    """The levels at the two ends of a path."""

    start: list[str] = keyed("from")
    end: list[str] = keyed("to")


@dataclass(frozen=True)
class Factor:
    """A factor of a factorial: the attribute and its restriction (levels, or a number of
    identities)."""

    attribute: str
    restricted: list[Level] | int


@dataclass(frozen=True)
class FactorialFacts:
    """The structure of a factorial design."""

    factors: dict[str, Factor]
    runs: dict[str, dict[str, int]]
    generators: list[str] = field(default_factory=list)
    defining: list[str] = field(default_factory=list)
    resolution: str | int | None = None
    aliases: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class BudgetFacts:
    """The grid of a budget design: the common product, the most images of an identity, identities
    that have them."""

    diagonal: int
    images_per_identity: int
    identities: int


@dataclass(frozen=True)
class ScalingFacts:
    """The numbers of images of a scaling design."""

    budgets: list[int]


DesignFacts = PathFacts | FactorialFacts | BudgetFacts | ScalingFacts


@dataclass(frozen=True)
class ExclusionsRecord:
    """The table of excluded images of a split: its path as seen from the split, the SHA-256 of its
    uids, and their number."""

    path: str
    fingerprint: str
    images: int


@dataclass(frozen=True)
class LookAlikesRecord:
    """Identities that share a look: the rule of the split, the number of looks with several
    identities, and the identities and images that the rule left out."""

    rule: str
    looks: int
    identities: int
    images: int


@dataclass(frozen=True, kw_only=True)
class SplitRecord:
    """The record split.json. `request` has the options, as `gprplus.splits.request` reads them.

    `attributes` are those of its manifest in addition to the attributes of every manifest.
    `look_alikes` is absent where no look has several identities.
    """

    schema_version: int
    name: str
    request: dict[str, Any]
    design: str
    attribute: str
    levels: list[Level]
    seed: int = 0
    reference: str | None = None
    manifest: ManifestLink
    datasets: dict[str, DatasetRecord]
    attributes: dict[str, Attribute] = optional_table()
    look_alikes: LookAlikesRecord | None = optional()
    exclusions: ExclusionsRecord | None = optional()
    fingerprint: str
    arms: dict[str, ArmRecord]
    test: TestSetRecord
    gallery_levels: dict[str, int] = field(default_factory=dict)
    retention: float = 1.0
    path: PathFacts | None = optional()
    factorial: FactorialFacts | None = optional()
    budget: BudgetFacts | None = optional()
    scaling: ScalingFacts | None = optional()
    tests: dict[str, LevelTest] = optional_table()
    audit: Audit
    warnings: list[str]
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def declared(self) -> Attribute | None:
        """Return the declaration of its attribute; None for identity and without an attribute."""
        return {**attributes(), **self.attributes}.get(self.attribute)

    @property
    def crossed(self) -> tuple[str, ...]:
        """Return the attributes whose cells are arms; empty for other designs."""
        cells = (arm.restrict or {} for arm in self.arms.values() if arm.kind == "cell")
        return tuple(next(cells, {}))

    @property
    def varied(self) -> tuple[str, ...]:
        """Return the attributes that its arms differ in by design."""
        factors = self.factorial.factors.values() if self.factorial else ()
        named = (self.attribute, *(factor.attribute for factor in factors), *self.crossed)
        return tuple(dict.fromkeys(named))

    @property
    def deals(self) -> int:
        """Return the number of deals of the arms that differ by deal; 1 if none does."""
        return max((len(arm.every_deal) for arm in self.arms.values()), default=1)

    @property
    def single_level_arms(self) -> dict[str, str]:
        """The arm that was trained on one level alone, by level; without levels that several such
        arms share."""
        arms = [arm for arm in self.arms.values() if arm.kind == "only" and len(arm.levels) == 1]
        levels = [str(arm.levels[0]) for arm in arms]
        return {
            level: arm.name
            for level, arm in zip(levels, arms, strict=True)
            if levels.count(level) == 1
        }

    def arms_of_kind(self, kind: str) -> list[str]:
        """The names of the arms of one kind, in order."""
        return [name for name, arm in self.arms.items() if arm.kind == kind]

    def is_of_kind(self, name: str, kind: str) -> bool:
        """Return True if there is an arm of this name and kind."""
        return name in self.arms and self.arms[name].kind == kind

    def rung(self, name: str) -> Rung | None:
        """The rung of the arm of this name; None where it is no rung, or no arm."""
        return self.arms[name].rung if name in self.arms else None

    def among(self, names: "list[str] | tuple[str, ...]") -> "SplitRecord":
        """The record with the arms of these names alone."""
        return replace(
            self, arms={name: arm for name, arm in self.arms.items() if name in set(names)}
        )


def split_record(info: Any, where: Path) -> SplitRecord:
    """Return split.json as a record. Raises SplitError naming the file, the key, what was expected
    and found."""
    record = parse_typed(SplitRecord, info, str(where), SplitError)
    plain_name(record.name, f"{where}: name", SplitError)
    require_plain(record.arms, f"{where}: arms", SplitError)
    require_plain(record.datasets, f"{where}: datasets", SplitError)
    check_attributes(record.attributes, f"{where}: attributes", SplitError)
    for name, arm in record.arms.items():
        first = arm.deals[0] if arm.deals else arm
        if arm.deals == [] or (first.images, first.fingerprint) != (arm.images, arm.fingerprint):
            raise SplitError(
                f"{where}: arms.{name}: expected the images and fingerprint of the arm in its"
                " deal 0."
            )
    counts = sorted({len(arm.deals) for arm in record.arms.values() if arm.deals})
    if len(counts) > 1:
        raise SplitError(
            f"{where}: arms: expected one number of deals, found {', '.join(map(str, counts))}."
        )
    return record
