"""The options of make_split: one frozen request, checked before anything is read, and recorded in
split.json."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from gprplus.core.declarations import Attributes, from_mapping
from gprplus.core.errors import GprplusError, SplitError, did_you_mean
from gprplus.core.options import Options, option, record_of, renamed
from gprplus.core.shared_options import protocol_field, seed_field
from gprplus.splits.declared_arm import DeclaredArm
from gprplus.splits.uid_table import UidTable

ON_MISSING = {
    "drop-stratum": "leave out each combination of an identity that lacks a level",
    "drop-identity": "leave out identities that lack any combination",
    "coarsen": "merge levels of the other attributes, then match",
    "weight": "keep all, and draw training images by weight",
    "fail": "stop with an error",
}
LOOK_ALIKES = {
    "one": "use one identity of each look, the one with the most images",
    "keep": "use all of them, as different identities",
}
SCOPES = {
    "none": "only what must hold",
    "rows": "the tables",
    "pixels": "a sample of the images too",
}  # how far an audit goes, from the least to the most
MOST_DRAWS = 1000  # random controls of each kind; every one is an arm that is trained
DEALS = 5  # of a new split: as many as recipes for a GPU train seeds
MOST_DEALS = 1000
WARN_RETENTION = 0.5

ARMS, IMAGES, DRAWS = "Attribute and arms", "Which images", "Controls and repeats"
TEST, CHECKS = "Test set", "Checks"


@dataclass(frozen=True)
class SplitRequest(Options):
    """The options of one split.

    Two equal requests on one manifest give the same split, byte for byte under pinned versions.
    `factors` are all attributes of a factorial or of cells, `attr` the first of them: they may be given as one,
    "weather,illumination". `where_uids` takes the place of `where` where make_split was given a
    table; where.parquet in the split's folder holds its uids. `exclusions` are the images that the
    word `excluded` of `where` means; exclude.parquet holds their uids.
    """

    error: ClassVar[type[GprplusError]] = SplitError

    attr: str = option(
        group=ARMS,
        metavar="ATTR",
        help=(
            "Attribute to measure, such as weather, gender or identity. The designs factorial and"
            " cells take several, separated by commas."
        ),
    )
    design: str | None = option(
        None,
        group=ARMS,
        metavar="NAME",
        default_note="chosen by the attribute",
        help=(
            "Kind of experiment: `only`, `without`, `persons`, `identity`, `path`, `budget`,"
            " `scaling`, `factorial`, `cells`, `full` or `declared` (docs/designs.md)."
        ),
    )
    levels: tuple[str, ...] | None = option(
        None,
        group=ARMS,
        metavar="LEVEL,...",
        default_note="all",
        help=(
            "Levels to build an arm for, separated by commas; + joins levels into one arm. For the"
            " attribute identity: numbers of identities."
        ),
    )
    add_full_arm: bool = option(
        False,
        group=ARMS,
        old="full",
        help="Add the arm `full`, which trains on every image of the train set.",
    )
    restrict: dict[str, tuple[str | int, ...]] = option(
        {},
        group=ARMS,
        metavar="ATTR=LEVEL+LEVEL",
        help=(
            "Design factorial: the levels that a restricted factor keeps; identity=N restricts the"
            " number of identities. Design cells: the levels whose cells become arms."
        ),
    )
    generators: tuple[str, ...] = option(
        (),
        group=ARMS,
        metavar="D=ABC,...",
        help=(
            "Design factorial: build a fraction of all combinations, given by its generators."
            " Factors are A, B, C, ... in the order of {attr}."
        ),
    )
    arms: tuple[DeclaredArm, ...] = option(
        (),
        group=ARMS,
        flag="--arm",
        repeated=True,
        metavar="'NAME: ...'",
        help=(
            "Design declared: the arms, each as 'NAME: ATTR=LEVEL+LEVEL identities=N images=N"
            " matched'; only the name is required. 'NAME: table=FILE' takes the uids of a table, those"
            " of each deal if it has a column deal."
        ),
    )
    reference: str | None = option(
        None,
        group=ARMS,
        metavar="ARM",
        default_note="the first arm",
        help="Design declared: the arm that all others are compared with.",
    )
    where: str | None = option(
        None,
        group=IMAGES,
        metavar="EXPRESSION",
        help=(
            'Use only images for which this holds, such as "weather in (sunny, clouds) and'
            ' viewpoint_deg <= 90", in train and test set.'
        ),
    )
    exclude: Path | None = option(
        None,
        group=IMAGES,
        metavar="FILE",
        recorded=False,
        help=(
            "Leave out the images of this table of uids (.parquet or .csv), such as the"
            " excluded.parquet of a manifest that `gprplus browse` writes."
        ),
    )
    identities: int | None = option(
        None, group=IMAGES, at_least=1, default_note="all", help="Number of identities to train on."
    )
    images_per_identity: int | None = option(
        None,
        group=IMAGES,
        at_least=1,
        default_note="all",
        help="Training images of each identity in each arm.",
    )
    budget: int | None = option(
        None, group=IMAGES, at_least=1, default_note="all", help="Training images in each arm."
    )
    on_missing: str = option(
        "drop-stratum",
        group=IMAGES,
        old="missing",
        metavar="RULE",
        choices=ON_MISSING,
        help="What to do about identities that lack an image in some combination of levels.",
    )
    coarsen: dict[str, str] = option(
        {},
        group=IMAGES,
        metavar="ATTR=MAP",
        help=(
            "How {on_missing} coarsen merges the levels of an attribute: viewpoint_deg=30 (steps of"
            " 30), or weather=sunny+clouds/foggy+overcast."
        ),
    )
    min_retention: float = option(
        0.1,
        group=IMAGES,
        at_least=0,
        at_most=1,
        metavar="SHARE",
        help="Stop if a smaller share of the images can be matched.",
    )
    look_alikes: str = option(
        "one",
        group=IMAGES,
        metavar="RULE",
        choices=LOOK_ALIKES,
        help="What to do about identities with the same look (attribute look of identities).",
    )
    controls: bool = option(
        True, group=DRAWS, help="Add control arms of random images or levels, of the same size."
    )
    control_draws: int = option(
        1,
        group=DRAWS,
        old="draws",
        at_least=1,
        at_most=MOST_DRAWS,
        help="Arms of each random control; each is trained.",
    )
    deals: int = option(
        DEALS,
        group=DRAWS,
        at_least=1,
        at_most=MOST_DEALS,
        help=(
            "How often all arms are drawn. Training seed k uses draw k, so that intervals include"
            " the sampling of images."
        ),
    )
    seed: int = seed_field(DRAWS)
    test_share: float = option(
        0.25,
        group=TEST,
        at_least=0,
        below=1,
        metavar="SHARE",
        help=(
            "Share of the identities kept for the test set. 0 makes no test set: runs then need a"
            " --target."
        ),
    )
    protocol: str | None = protocol_field(
        TEST,
        "the manifest's, else camera, viewpoint or no-camera by what its images have",
        "Which gallery images leave the ranking of a query.",
    )
    cross_level_tests: bool | None = option(
        None,
        group=TEST,
        old="cross",
        default_note="where possible, else queries and gallery of one level",
        help=(
            "Test queries of each level against galleries of each level, with all other attributes"
            " equal."
        ),
    )
    min_viewpoint_gap_deg: int | None = option(
        None,
        group=TEST,
        flag="--min-viewpoint-gap",
        old="apart_deg",
        at_least=0,
        at_most=180,
        metavar="DEGREES",
        default_note="two viewpoint steps, at most 90",
        help="Smallest angle between a query and its relevant gallery images in cross-level tests.",
    )
    without_same_level_matches: bool = option(
        False,
        group=TEST,
        old="removal",
        help="Also test with the relevant gallery images of the query's own level removed.",
    )
    audit: str = option(
        "rows",
        group=CHECKS,
        metavar="SCOPE",
        choices=SCOPES,
        recorded=False,
        help="How closely the finished split is checked.",
    )
    factors: tuple[str, ...] = ()
    where_uids: UidTable | None = None
    exclusions: UidTable | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.where is not None:
            from gprplus.ingest.filters.parse import Filter

            object.__setattr__(self, "where", Filter(self.where).text)
        if "," in self.attr or (self.design in ("factorial", "cells") and not self.factors):
            object.__setattr__(self, "factors", tuple(self.attr.replace(" ", "").split(",")))
            object.__setattr__(self, "attr", self.factors[0])
        texts = {name: tuple(map(str, levels)) for name, levels in self.restrict.items()}
        object.__setattr__(self, "restrict", texts)
        self._check_names()
        self._check_combinations()
        crossing = ("factorial", "cells")
        self._only_for(crossing, restrict=self.restrict, attributes=self.factors[1:])
        self._only_for(("factorial",), generators=self.generators)
        self._only_for(("declared",), arms=self.arms, reference=self.reference)

    @classmethod
    def from_record(cls, record: Mapping[str, Any], where: str) -> "SplitRequest":
        """The request in a split.json. Raises DeclarationError, which begins with `where`, and
        SplitError."""
        given = {
            key: value for key, value in record.items() if key != "manifest" and value is not None
        }
        return from_mapping(
            cls, renamed(cls, {"deals": 1} | given), where
        )  # a record of one deal has no such key

    def _check_names(self) -> None:
        names = [arm.name for arm in self.arms]
        double = sorted({name for name in names if names.count(name) > 1})
        if double:
            raise SplitError(f"Two arms are called '{double[0]}'. Give each arm its own name.")

    def check_attributes(self, known: Attributes) -> None:
        """Raise SplitError for the name of an attribute that a manifest with the attributes `known`
        does not have, or that is a number."""
        for name in (self.attr, *self.factors, *self.coarsen):
            if name not in known and name != "identity":
                choices = ["identity", *known]
                raise SplitError(f"There is no attribute '{name}'. {did_you_mean(name, choices)}")
        restricted = {name for arm in self.arms for name in arm.restrict}
        for name in (self.attr, *self.factors, *self.coarsen, *sorted(restricted)):
            if name in known and known[name].type == "number":
                raise SplitError(
                    f"{name} is a number: arms are made of levels. Give the manifest a category or"
                    " an integer of its ranges, and use --where for the number."
                )
        for arm in self.arms:
            for name in arm.restrict:
                if name not in known:
                    raise SplitError(
                        f"The arm '{arm.name}' restricts '{name}', which is no attribute."
                        f" {did_you_mean(name, known)}"
                    )

    def _check_combinations(self) -> None:
        if self.levels is not None and not self.levels:
            raise SplitError("--levels names no level.")
        if self.coarsen and self.on_missing != "coarsen":
            raise SplitError("--coarsen needs --on-missing coarsen; give both.")
        if (self.cross_level_tests or self.without_same_level_matches) and self.attr == "identity":
            raise SplitError(
                "--cross-level-tests and --without-same-level-matches need an attribute other than"
                " identity: a query and its relevant images have the same identity."
            )
        if self.min_viewpoint_gap_deg is not None and self.cross_level_tests is False:
            raise SplitError(
                "--min-viewpoint-gap is for cross-level tests; found --no-cross-level-tests."
            )

    def _only_for(self, designs: tuple[str, ...], **given: Any) -> None:
        for what, value in given.items():
            if value and self.design not in designs:
                many = "Several attributes" if what == "attributes" else f"The option {what}"
                verb = "belong" if what in ("attributes",) else "belongs"
                raise SplitError(
                    f"{many} {verb} to --design {' or '.join(designs)}; found the design"
                    f" {self.design or 'by default'}."
                )

    def record(self, manifest_fingerprint: str) -> dict[str, Any]:
        """The request as JSON, with the fingerprint of the manifest it was made of.

        One deal, no table of uids, no protocol and one identity of each look are left out, so that
        the request equals one that was recorded before there were any.
        """
        data = record_of(self)
        if self.deals == 1:
            del data["deals"]
        if self.where_uids is None:
            del data["where_uids"]
        if self.exclusions is None:
            del data["exclusions"]
        if self.protocol is None:
            del data["protocol"]
        if self.look_alikes == "one":
            del data["look_alikes"]
        data["arms"] = [
            {key: value for key, value in arm.items() if value is not None} for arm in data["arms"]
        ]
        return {**data, "manifest": manifest_fingerprint}


def level_set(text: str, present: Sequence[Any], attr: str) -> tuple[int, ...]:
    """'sunny+clouds' as sorted positions in the levels present. Raises SplitError with the nearest
    level."""
    names = {str(level): place for place, level in enumerate(present)}
    chosen = set()
    for name in text.lower().split("+"):
        if name not in names:
            raise SplitError(
                f"{attr} has no level '{name}' in the train set. {did_you_mean(name, names)}"
            )
        chosen.add(names[name])
    return tuple(sorted(chosen))
