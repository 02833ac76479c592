"""What was asked for: one frozen record, checked before anything is read, and kept in split.json word for word."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from gprplus.core.declarations import attributes
from gprplus.core.errors import SplitError, did_you_mean

MISSING = {
    "drop-stratum": "leave out the combinations of a person that lack a level",
    "drop-identity": "leave out persons that lack any combination that occurs",
    "coarsen": "match on merged levels of the other factors (declared in attributes.toml, or --coarsen)",
    "weight": "keep combinations that some person lacks, and let training draw images by weight",
    "fail": "refuse",
}
MOST_DRAWS = 1000  # random controls of each kind; every one is an arm that is trained
DEALS = 5  # of a new split: as many as recipes for a GPU train seeds
MOST_DEALS = 1000
WARN_RETENTION = 0.5
MIN_RETENTION = 0.1


@dataclass(frozen=True)
class DeclaredArm:
    """One training set said in full: what the design `declared` is made of, and what a study writes as a TOML table.

        [[splits.arms]]
        name = "mild-weather"
        restrict = {weather = ["sunny", "clouds"]}
        identities = 800
        images = 134400

    `restrict` names the levels kept of each attribute (none: all images). `identities` takes that many persons, each
    number a part of the next larger; `images` that many images in all, spread evenly over the persons. Left out, both
    mean all there are. Arms that say `matched = true` are dealt with together: the same slots, so that every other
    factor agrees, and one number of images, that of the tightest of them, unless they name their own. `cells` counts
    the images of each combination, such as {"weather=sunny viewpoint_deg=90" = 12}, in the place of all other choice.
    """

    name: str
    restrict: dict[str, tuple[str | int, ...]] = field(default_factory=dict)
    identities: int | None = None
    images: int | None = None
    matched: bool = False
    cells: dict[str, int] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "restrict", as_restriction(self.restrict, f"The arm '{self.name}'"))
        if not self.name or not self.name.replace("-", "").replace("_", "").replace("+", "").isalnum():
            raise SplitError(f"'{self.name}' cannot name an arm: use letters, digits, -, _ and +.")
        for what in ("identities", "images"):
            size = getattr(self, what)
            if size is not None and size < 1:
                raise SplitError(f"The arm '{self.name}' asks for {size} {what}; at least 1 is needed.")
        other = self.restrict or self.images or self.matched
        if self.cells is not None and (other or min(self.cells.values(), default=0) < 1):
            raise SplitError(
                f"The arm '{self.name}' counts its images by cells, each at least 1: leave out restrict, images and "
                "matched."
            )


def as_restriction(given: Mapping[str, Sequence[Any]], whose: str) -> dict[str, tuple[str, ...]]:
    """Levels kept of each attribute as texts, attributes checked. Raises SplitError with the nearest name."""
    known = attributes()
    for name, levels in given.items():
        if name not in known:
            raise SplitError(f"{whose} restricts '{name}', which is no attribute. {did_you_mean(name, known)}")
        if isinstance(levels, str) or not len(levels):
            raise SplitError(f"{whose} restricts {name} to no list of levels; name one or more.")
    return {name: tuple(str(level).lower() for level in levels) for name, levels in given.items()}


@dataclass(frozen=True)
class Request:
    """The options of one split.

    Two equal requests on one manifest give the same split, byte for byte under pinned versions. `attr` is the attribute
    by whose levels queries are told apart; `factors` are all attributes of a factorial, `attr` the first of them: they
    may be given as one, "weather,illumination". `cross` None makes the tests of query against gallery levels where the
    test side allows them, and else those within one level; False makes no tests, and True insists on the first.
    `deals` is 1 in records from before there were any.
    """

    attr: str
    levels: tuple[str, ...] | None = None
    where: str | None = None
    identities: int | None = None
    images_per_identity: int | None = None
    budget: int | None = None
    test_share: float = 0.25
    missing: str = "drop-stratum"
    min_retention: float = MIN_RETENTION
    controls: bool = True
    seed: int = 0
    design: str | None = None
    draws: int = 1
    full: bool = False
    factors: tuple[str, ...] = ()
    restrict: dict[str, tuple[str | int, ...]] = field(default_factory=dict)
    generators: tuple[str, ...] = ()
    arms: tuple[DeclaredArm, ...] = ()
    reference: str | None = None
    coarsen: dict[str, str] = field(default_factory=dict)
    cross: bool | None = None
    apart_deg: int | None = None
    removal: bool = False
    deals: int = 1

    def __post_init__(self) -> None:
        known = ["identity", *attributes()]
        if "," in self.attr or (self.design == "factorial" and not self.factors):
            object.__setattr__(self, "factors", tuple(self.attr.replace(" ", "").split(",")))
            object.__setattr__(self, "attr", self.factors[0])
        texts = {name: tuple(map(str, levels)) for name, levels in self.restrict.items()}
        object.__setattr__(self, "restrict", texts)
        for name in (self.attr, *self.factors, *self.coarsen):
            if name not in known:
                raise SplitError(f"There is no attribute '{name}'. {did_you_mean(name, known)}")
        if not 0 <= self.test_share < 1:
            raise SplitError(
                f"The test share must be at least 0 and less than 1; found {self.test_share}. With 0 there are no "
                "test rows "
                "and runs need a --target."
            )
        if self.missing not in MISSING:
            raise SplitError(f"--missing {self.missing} is not known. {did_you_mean(self.missing, MISSING)}")
        if not 0 <= self.min_retention <= 1:
            raise SplitError(f"The least retention must lie between 0 and 1; found {self.min_retention}.")
        for name in ("identities", "images_per_identity", "budget", "draws", "deals"):
            size = getattr(self, name)
            if size is not None and size < 1:
                raise SplitError(f"--{name.replace('_', '-')} must be at least 1; found {size}.")
        if self.draws > MOST_DRAWS:
            raise SplitError(f"--draws must be at most {MOST_DRAWS:,}; found {self.draws:,}.")
        if self.deals > MOST_DEALS:
            raise SplitError(f"--deals must be at most {MOST_DEALS:,}; found {self.deals:,}.")
        if not -(2**63) <= self.seed < 2**63:
            raise SplitError(f"--seed must be a whole number of 64 bits; found {self.seed}.")
        if self.levels is not None and not self.levels:
            raise SplitError("--levels names no level.")
        if self.coarsen and self.missing != "coarsen":
            raise SplitError("--coarsen says how levels are merged under --missing coarsen; give both.")
        if (self.cross or self.removal) and self.attr == "identity":
            raise SplitError("Queries and gallery cannot be told apart by identity: --cross and --removal need --attr.")
        if self.apart_deg is not None and (self.cross is False or not 0 <= self.apart_deg <= 180):
            raise SplitError(
                f"--apart-deg is an angle from 0 to 180 between query and true match in the tests of --cross; found "
                f"{self.apart_deg}{' with --no-cross' if self.cross is False else ''}."
            )
        self._only_for("factorial", restrict=self.restrict, generators=self.generators, attributes=self.factors[1:])
        self._only_for("declared", arms=self.arms, reference=self.reference)
        names = [arm.name for arm in self.arms]
        double = sorted({name for name in names if names.count(name) > 1})
        if double:
            raise SplitError(f"Two arms are called '{double[0]}'. Give each a name of its own.")

    def _only_for(self, design: str, **given: Any) -> None:
        for what, value in given.items():
            if value and self.design != design:
                many = "Several attributes" if what == "attributes" else f"The option {what}"
                verb = "belong" if what in ("attributes",) else "belongs"
                raise SplitError(f"{many} {verb} to --design {design}; found the design {self.design or 'by default'}.")

    def record(self, manifest_fingerprint: str) -> dict[str, Any]:
        """The request as JSON, with the fingerprint of the manifest it was made of.

        One deal is left out, so that the request equals one that was recorded before there were deals.
        """
        said = json.loads(json.dumps(asdict(self)))
        if self.deals == 1:
            del said["deals"]
        said["arms"] = [{key: value for key, value in arm.items() if value is not None} for arm in said["arms"]]
        return {**said, "manifest": manifest_fingerprint}


def level_set(text: str, present: Sequence[Any], attr: str) -> tuple[int, ...]:
    """'sunny+clouds' as sorted positions in the levels present. Raises SplitError with the nearest level."""
    names = {str(level): place for place, level in enumerate(present)}
    chosen = set()
    for name in text.lower().split("+"):
        if name not in names:
            raise SplitError(f"{attr} has no level '{name}' on the train side. {did_you_mean(name, names)}")
        chosen.add(names[name])
    return tuple(sorted(chosen))
