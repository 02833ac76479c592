"""The audit in split.json as dataclasses."""

from dataclasses import dataclass, field

from gprplus.core.typed import optional, optional_table

MatchingFact = (
    int | float | list[str] | dict[str, str]
)  # a count, a share, attributes, or maps of merged levels


@dataclass(frozen=True)
class AliasAudit:
    """An attribute that is a function of others; `declared` by the layout, or found in the
    images."""

    attribute: str
    of: list[str]
    declared: bool


@dataclass(frozen=True)
class ImagesPerIdentity:
    """The spread of images over the identities of one arm."""

    min: int
    median: float
    max: int
    gini: float


@dataclass(frozen=True)
class CellCounts:
    """The cells of one arm's crossing: how many there are, how many have an image, and their
    sizes."""

    factors: list[str]
    cells: int
    filled: int
    min: int
    median: float
    max: int


@dataclass(frozen=True)
class ArmAudit:
    """Counts of one arm: images per identity, images per level of each attribute, cells."""

    images_per_identity: ImagesPerIdentity
    levels: dict[str, dict[str, int]] = field(default_factory=dict)
    cells: CellCounts | None = optional()


@dataclass(frozen=True)
class BalanceDifference:
    """The level in which two arms differ most, in standard deviations; `largest` null where one arm
    lacks it."""

    largest: float | None
    level: str | None = optional()
    between: tuple[str, ...] | None = optional()
    shares: tuple[float, ...] | None = optional()


@dataclass(frozen=True)
class Inflation:
    """Generalised variance inflation of one attribute; null where its effect is aliased."""

    df: int
    gvif: float | None
    gvif_given_identity: float | None


@dataclass(frozen=True)
class AnswerableCounts:
    """Queries kept and excluded under one protocol, with reasons."""

    kept: int
    excluded: int
    reasons: dict[str, int] = field(default_factory=dict)
    answered: dict[str, dict[str, int]] = optional_table()


@dataclass(frozen=True)
class QueryAudit:
    """Queries that can be answered under each protocol, and the levels of the queries."""

    answerable: dict[str, AnswerableCounts] = field(default_factory=dict)
    query_levels: dict[str, dict[str, int]] | None = optional()


@dataclass(frozen=True)
class NearPair:
    """A test image and a training image that differ in so many bits of their difference hashes."""

    test: str
    train: str
    bits: int


@dataclass(frozen=True)
class NearDuplicates:
    """Test images that have a near-duplicate in the train set."""

    count: int
    looked_at: int
    radius_bits: int
    pairs: list[NearPair] = field(default_factory=list)


@dataclass(frozen=True)
class Leakage:
    """Overlap of train set and test set; null if it was not checked."""

    identities: int | None = None
    digests: int | None = None
    near_duplicates: NearDuplicates | None = optional()


@dataclass(frozen=True)
class Shortcut:
    """Accuracy of predicting the level from a property of the file or its border, on held-out
    identities."""

    accuracy: float
    chance: float
    above: bool
    images: int | None = optional()
    identities: int | None = optional()


@dataclass(frozen=True)
class Manipulation:
    """Effect of the levels on one image statistic."""

    means: dict[str, float]
    explained: float
    overlap: float
    between: tuple[str, ...] = ("", "")


@dataclass(frozen=True)
class DesignCost:
    """Images read by the pixel audit."""

    images: int
    megabytes: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Audit:
    """The key `audit` of split.json. Pairs of attributes are keys such as "weather, illumination".

    A field that is None was not checked under the audit's scope (`gprplus.splits.audit.SCOPES`).
    """

    scope: str = "rows"
    matched_within: list[str] = field(default_factory=list)
    matching: dict[str, MatchingFact] = field(default_factory=dict)
    aliases: list[AliasAudit] = field(default_factory=list)
    leakage: Leakage = field(default_factory=Leakage)
    left_out: dict[str, int] = field(default_factory=dict)
    test: QueryAudit = field(default_factory=QueryAudit)
    arms: dict[str, ArmAudit] | None = optional()
    differences: dict[str, BalanceDifference | None] | None = optional()
    association_with_arm: dict[str, float | None] | None = optional()
    association_with_arm_p: dict[str, float | None] | None = optional()
    information_with_arm: dict[str, float | None] | None = optional()
    association: dict[str, float | None] | None = optional()
    information: dict[str, float | None] | None = optional()
    association_given_identity: dict[str, float | None] | None = optional()
    information_given_identity: dict[str, float | None] | None = optional()
    association_p: dict[str, float | None] | None = optional()
    constant_within_identity: dict[str, float | None] | None = optional()
    collinearity: dict[str, Inflation] | None = optional()
    differences_before_merging: dict[str, BalanceDifference | None] | None = optional()
    shortcuts: dict[str, dict[str, Shortcut]] | None = optional()
    manipulation: dict[str, dict[str, Manipulation]] | None = optional()
    cost: DesignCost | None = optional()
