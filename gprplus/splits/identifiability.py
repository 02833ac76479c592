"""Which attributes follow from others, and what that leaves to be matched on or even asked.

A camera that is nothing but a viewpoint, or a background that a person and a weather decide, is no factor of its own:
matching on it would leave nothing over, and its effect cannot be told from what decides it. Layouts declare what is
known; the rest is found in the data.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gprplus.core.errors import SplitError
from gprplus.splits.candidates import AttributeCodes, CandidateTable, determines

_GLANCE = 4096  # rows that refute most candidates before all rows are looked at


@dataclass(frozen=True)
class AliasedAttributes:
    """`name` is a function of the attributes `of` (sorted, may hold "identity"), `declared` by the layout or found."""

    name: str
    of: tuple[str, ...]
    declared: bool

    def __str__(self) -> str:
        return f"{self.name} follows from {' and '.join(self.of)}"


@dataclass(frozen=True)
class AttributeRelations:
    """The aliases among image-level attributes, and the factors that the manifest's layouts declare as crossed."""

    aliases: tuple[AliasedAttributes, ...]
    factors: tuple[str, ...]

    def follows(self, name: str, of: Iterable[str]) -> bool:
        """Whether `name` is a function of (some of) the given attributes, declared or found."""
        given = set(of)
        return any(alias.name == name and set(alias.of) <= given for alias in self.aliases)

    def renames(self, first: str, second: str) -> bool:
        """Whether the two are names of one thing: one to one in the data, and declared so by the layout.

        A place that the weather decides is no other name of it when two weathers share a place.
        """
        pairs = {(first, (second,)), (second, (first,))}
        declared = any(alias.declared and (alias.name, alias.of) in pairs for alias in self.aliases)
        return declared and self.follows(first, (second,)) and self.follows(second, (first,))

    def twins(self) -> dict[str, str]:
        """For each attribute that is one to one with others, the first of them by name; that one itself is left out."""
        alone = {(alias.name, alias.of[0]) for alias in self.aliases if len(alias.of) == 1}
        both = sorted((one, two) for one, two in alone if one < two and (two, one) in alone)
        found: dict[str, str] = {}
        for one, two in both:
            found.setdefault(two, found.get(one, one))
        return found

    def strata(self, attr: str) -> tuple[str, ...]:
        """The factors to match on beside the person: crossed with `attr`, in no way tied to it, none of them twice."""
        kept: list[str] = []
        for name in self.factors:
            tied = self.follows(name, ("identity", attr)) or self.follows(attr, ("identity", name))
            redundant = any(self.follows(name, ("identity", other)) for other in kept)
            if name != attr and not (tied or redundant or self._declared_of_factors(name)):
                kept.append(name)
        return tuple(kept)

    def tied(self, attr: str) -> set[str]:
        """The attributes that change with `attr`, by declaration or inside a person."""
        pairs = [(alias.name, other) for alias in self.aliases for other in alias.of if other != "identity"]
        return {one if two == attr else two for one, two in pairs if attr in (one, two)}

    def _declared_of_factors(self, name: str) -> bool:
        """A declared function whose determinants are themselves factors adds nothing to them."""
        others = {"identity", *self.factors} - {name}
        return any(alias.declared and alias.name == name and set(alias.of) <= others for alias in self.aliases)


def attribute_relations(
    pool: CandidateTable, rows: np.ndarray, factors: Sequence[str], functions: Mapping[str, Sequence[str]]
) -> AttributeRelations:
    """Declared functions, and those found among image-level attributes: of one other, of the person, or of both.

    A relation that holds because no two rows share the determinants says nothing and is not counted.
    """
    varying = {name: codes.at(rows) for name, codes in pool.images.items() if len(codes.at(rows).present()) > 1}
    declared = [
        AliasedAttributes(name, tuple(sorted(of)), True)
        for name, of in sorted(functions.items())
        if name in varying and of
    ]
    person = AttributeCodes("identity", pool.person[rows], tuple(range(len(pool.persons))))
    found: list[AliasedAttributes] = []
    for name, target in varying.items():
        others = [codes for other, codes in varying.items() if other != name]
        for by in [(person,), *((other,) for other in others), *((person, other) for other in others)]:
            of = tuple(sorted(codes.name for codes in by))
            known = [alias for alias in (*declared, *found) if alias.name == name]
            if not any(set(alias.of) <= set(of) for alias in known) and _function_of(by, target):
                found.append(AliasedAttributes(name, of, False))
    aliases = (*declared, *found)
    crossed = [name for name in varying if name in factors] if factors else _crossed(aliases, varying, person)
    return AttributeRelations(aliases, tuple(crossed))


def _crossed(
    aliases: Sequence[AliasedAttributes], varying: Mapping[str, AttributeCodes], person: AttributeCodes
) -> list[str]:
    """The factors of a set that declares none: of two attributes that are one inside each person, that which persons
    have more levels of. A design crosses what everybody has; what runs on from person to person only followed it.
    """

    def share(name: str) -> float:
        codes = varying[name]
        cells = np.unique(person.values.astype(np.int64) * len(codes.levels) + codes.values)
        return len(cells) / (len(codes.present()) * len(person.present()))

    tied = {(a.name, other) for a in aliases if "identity" in a.of for other in a.of if other in varying}
    followers = {name for name, other in tied if share(name) < share(other)}
    return [name for name in varying if name not in followers]


def _function_of(by: Sequence[AttributeCodes], target: AttributeCodes) -> bool:
    def holds(rows: slice) -> bool:
        return determines(
            [codes.values[rows] for codes in by], [len(codes.levels) for codes in by], target.values[rows]
        )

    if not (holds(slice(_GLANCE)) and holds(slice(None))):
        return False
    if math.prod(len(codes.levels) + 1 for codes in by) < len(target.values):
        return True  # more rows than combinations: some two share one
    group = by[0].values.astype(np.int64)
    for codes in by[1:]:
        group = group * (len(codes.levels) + 1) + codes.values
    return len(np.unique(group)) < len(group)


def reject_aliased(found: AttributeRelations, attr: str) -> None:
    """Refuse an image-level attribute whose effect cannot be told from another's.

    That is one tied level by level to another that the layout does not declare as another name of it, or one that is
    not itself a crossed factor and that a person and another attribute decide.
    """
    for alias in found.aliases:
        others = [name for name in alias.of if name not in ("identity", attr)]
        if alias.name == attr and others and not found.renames(attr, others[0]):
            if "identity" not in alias.of or attr not in found.factors:
                raise SplitError(
                    f"The effect of {attr} cannot be told apart: in this manifest {alias}. Ask for "
                    f"--attr={others[0]}, or use renders in which the two vary freely."
                )
        elif alias.of == (attr,) and not found.renames(attr, alias.name):
            raise SplitError(
                f"The effect of {attr} cannot be told from that of {alias.name}: in this manifest {alias}. "
                "Use renders in which the two vary freely, or a --where within which they do."
            )


def reject_nested(found: AttributeRelations, pool: CandidateTable, attr: str) -> None:
    """Refuse an attribute of images that each person has one level of: its effect is that of the people who have it.

    What belongs to persons by its nature, such as gender, is compared between persons, and said to be.
    """
    if attr in pool.images and found.follows(attr, ("identity",)):
        raise SplitError(
            f"The effect of {attr} cannot be told from that of the people: {attr} belongs to the person in this "
            f"manifest ({attr} follows from identity). Use renders that show a person at several levels of it, or "
            "--design persons to compare different people all the same."
        )


def nesting_warnings(found: AttributeRelations, attr: str) -> list[str]:
    """Sentences about attributes that change with `attr` inside a person and therefore share its effect."""
    names = {
        alias.name if attr in alias.of else next(name for name in alias.of if name != "identity")
        for alias in found.aliases
        if "identity" in alias.of and len(alias.of) > 1 and (attr in alias.of or alias.name == attr)
    }
    return [
        f"Within a person {name} changes with {attr} (it follows from identity and {attr}): what is measured for "
        f"{attr} "
        f"includes {name}, and {name} is not matched."
        for name in sorted(names)
        if not found.renames(attr, name)
    ]
