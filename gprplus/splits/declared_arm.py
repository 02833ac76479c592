"""One arm of the design declared: its restriction, size and cells."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gprplus.core.errors import SplitError
from gprplus.core.spelling import SEPARATORS, CannotSpell
from gprplus.splits.uid_table import UidTable


@dataclass(frozen=True)
class DeclaredArm:
    """An explicitly declared training set for the design `declared`, in Python or as a TOML table
    of a study.

        [[splits.arms]]
        name = "mild-weather"
        restrict = {weather = ["sunny", "clouds"]}
        identities = 800
        images = 134400

    `restrict` names the kept levels of each attribute (none: all images). `identities` is the
    number of identities, each number a subset of the next larger; `images` the total number of
    images, spread evenly over the identities. By default all are used. Arms with `matched = true`
    are matched with each other: the same slots, so that every other factor agrees, and one number
    of images, that of the smallest of them, unless they have a number. `cells` counts the images of
    each combination, such as {"weather=sunny viewpoint_deg=90" = 12}, instead of any other
    selection; `table` is a .parquet or .csv file whose column uid names the images (those of each
    deal, if it has a column deal), and `uids` what is recorded of it.
    """

    name: str
    restrict: dict[str, tuple[str | int, ...]] = field(default_factory=dict)
    identities: int | None = None
    images: int | None = None
    matched: bool = False
    cells: dict[str, int] | None = None
    table: str | None = None
    uids: UidTable | None = None

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "restrict", as_restriction(self.restrict, f"The arm '{self.name}'")
        )
        if (
            not self.name
            or not self.name.replace("-", "").replace("_", "").replace("+", "").isalnum()
        ):
            raise SplitError(f"'{self.name}' cannot name an arm: use letters, digits, -, _ and +.")
        for what in ("identities", "images"):
            size = getattr(self, what)
            if size is not None and size < 1:
                raise SplitError(f"The arm '{self.name}' has {size} {what}; at least 1 is needed.")
        if self._by_table and (self.restrict or self.images or self.identities or self.matched):
            raise SplitError(
                f"The arm '{self.name}' takes its images from a table: leave out restrict,"
                " identities, images and matched."
            )
        other = self.restrict or self.images or self.matched or self._by_table
        if self.cells is not None and (other or min(self.cells.values(), default=0) < 1):
            raise SplitError(
                f"The arm '{self.name}' counts its images by cells, each at least 1: leave out"
                " restrict, images and matched."
            )

    @property
    def _by_table(self) -> bool:
        return self.table is not None or self.uids is not None

    @classmethod
    def parse(cls, text: str) -> "DeclaredArm":
        """The arm in a text such as 'mild: weather=sunny+clouds identities=400 matched'. Raises
        ValueError."""
        name, _, rest = text.partition(":")
        if rest.strip().startswith("table="):
            return cls(name.strip(), table=rest.strip().removeprefix("table="))
        sizes: dict[str, Any] = {}
        kept: dict[str, tuple[str | int, ...]] = {}
        for word in rest.replace(",", " ").split():
            key, equals, value = word.partition("=")
            if word == "matched":
                sizes["matched"] = True
            elif key in ("identities", "images") and value.isdecimal():
                sizes[key] = int(value)
            elif equals and value and key not in ("identities", "images"):
                kept[key] = tuple(value.split("+"))
            else:
                raise ValueError(
                    "expected 'NAME: ATTR=LEVEL+LEVEL identities=N images=N matched', found"
                    f" '{word}'."
                )
        return cls(name.strip(), kept, **sizes)

    def spelled(self) -> str:
        """The arm as --arm takes it. Raises CannotSpell for one that counts its images by cells."""
        if self.cells:
            raise CannotSpell(f"The arm '{self.name}' is declared by cells.")
        if self._by_table:
            raise CannotSpell(f"The arm '{self.name}' is declared by a table of uids.")
        words = [f"{name}={'+'.join(map(str, levels))}" for name, levels in self.restrict.items()]
        words += [
            f"{name}={getattr(self, name)}"
            for name in ("identities", "images")
            if getattr(self, name)
        ]
        words += ["matched"] if self.matched else []
        plus = any("+" in str(level) for levels in self.restrict.values() for level in levels)
        if plus or any(SEPARATORS.search(word) for word in words):
            raise CannotSpell(
                f"The arm '{self.name}' has a level with a space, a comma or a plus sign."
            )
        return f"{self.name}: {' '.join(words)}".rstrip()


def as_restriction(given: Mapping[str, Sequence[Any]], whose: str) -> dict[str, tuple[str, ...]]:
    """Levels kept of each attribute as texts. Raises SplitError for an attribute without
    levels."""
    for name, levels in given.items():
        if isinstance(levels, str) or not len(levels):
            raise SplitError(f"{whose} restricts {name} to no list of levels; name one or more.")
    return {name: tuple(str(level).lower() for level in levels) for name, levels in given.items()}
