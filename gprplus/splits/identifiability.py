"""Functional relations between attributes, and the factors and effects that they leave
identifiable.

A camera that is determined by the viewpoint, or a background that identity and weather determine,
is not a separate factor: matching on it would leave no rows, and its effect is aliased with its
determinants. Layouts declare known relations; others are found in the data.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gprplus.core.errors import SplitError
from gprplus.splits.candidates import AttributeCodes, CandidateTable, determines

GLANCE = 4096  # rows that refute most candidates before all rows are looked at


@dataclass(frozen=True)
class AliasedAttributes:
    """`name` is a function of the attributes `of` (sorted, may hold "identity"), `declared` by the
    layout or found."""

    name: str
    of: tuple[str, ...]
    declared: bool

    def __str__(self) -> str:
        return f"{self.name} follows from {' and '.join(self.of)}"


@dataclass(frozen=True)
class AttributeRelations:
    """The aliases among image-level attributes, and the factors that the manifest's layouts declare
    as crossed."""

    aliases: tuple[AliasedAttributes, ...]
    factors: tuple[str, ...]

    def is_function_of(self, name: str, of: Iterable[str]) -> bool:
        """Return True if `name` is a function of (some of) the given attributes, declared or
        found."""
        given = set(of)
        return any(alias.name == name and set(alias.of) <= given for alias in self.aliases)

    def renames(self, first: str, second: str) -> bool:
        """Return True if the two are equivalent: one to one in the data, and declared so by the
        layout.

        A place that is determined by the weather is not equivalent to it if two weathers share a
        place.
        """
        pairs = {(first, (second,)), (second, (first,))}
        declared = any(alias.declared and (alias.name, alias.of) in pairs for alias in self.aliases)
        return (
            declared
            and self.is_function_of(first, (second,))
            and self.is_function_of(second, (first,))
        )

    def equivalents(self) -> dict[str, str]:
        """Map each attribute that is one to one with others to the first of them by name, except
        that one."""
        alone = {(alias.name, alias.of[0]) for alias in self.aliases if len(alias.of) == 1}
        both = sorted((one, two) for one, two in alone if one < two and (two, one) in alone)
        found: dict[str, str] = {}
        for one, two in both:
            found.setdefault(two, found.get(one, one))
        return found

    def strata(self, attr: str) -> tuple[str, ...]:
        """Return the factors to match on in addition to identity: crossed with `attr`, unrelated to
        it, without duplicates.
        """
        kept: list[str] = []
        for name in self.factors:
            tied = self.is_function_of(name, ("identity", attr)) or self.is_function_of(
                attr, ("identity", name)
            )
            redundant = any(self.is_function_of(name, ("identity", other)) for other in kept)
            if name != attr and not (tied or redundant or self._declared_of_factors(name)):
                kept.append(name)
        return tuple(kept)

    def tied(self, attr: str) -> set[str]:
        """Return the attributes that change with `attr`, by declaration or within an identity."""
        pairs = [
            (alias.name, other)
            for alias in self.aliases
            for other in alias.of
            if other != "identity"
        ]
        return {one if two == attr else two for one, two in pairs if attr in (one, two)}

    def _declared_of_factors(self, name: str) -> bool:
        """A declared function whose determinants are themselves factors adds nothing to them."""
        others = {"identity", *self.factors} - {name}
        return any(
            alias.declared and alias.name == name and set(alias.of) <= others
            for alias in self.aliases
        )


class RelationFacts(ABC):
    """What relations among image attributes are found from; `names` are those with several
    levels in the train set."""

    names: Sequence[str]

    @abstractmethod
    def follows(self, name: str, by: Sequence[str]) -> bool:
        """Return True if `name` is a function of the attributes `by` ("identity" may be one), and
        some two rows agree in all of them."""

    @abstractmethod
    def share(self, name: str) -> float:
        """The share of the cells of identity and `name` that have an image, 0-1."""


@dataclass(frozen=True)
class RowFacts(RelationFacts):
    """Facts from the codes of all rows."""

    varying: Mapping[str, AttributeCodes]
    person: AttributeCodes

    @property
    def names(self) -> Sequence[str]:  # type: ignore[override]
        """The attributes with several levels."""
        return list(self.varying)

    def follows(self, name: str, by: Sequence[str]) -> bool:
        """Look at all rows."""
        known = {"identity": self.person, **self.varying}
        return _function_of([known[one] for one in by], self.varying[name])

    def share(self, name: str) -> float:
        """Count cells."""
        codes = self.varying[name]
        cells = np.unique(self.person.values.astype(np.int64) * len(codes.levels) + codes.values)
        return len(cells) / (len(codes.present()) * len(self.person.present()))


def attribute_relations(
    pool: CandidateTable,
    rows: np.ndarray,
    factors: Sequence[str],
    functions: Mapping[str, Sequence[str]],
) -> AttributeRelations:
    """Find declared functions, and those among image attributes: of one other, of identity, or of
    both.

    A relation that holds because no two rows share the determinants is not evidence and is not
    counted.
    """
    varying = {
        name: codes.at(rows)
        for name, codes in pool.images.items()
        if len(codes.at(rows).present()) > 1
    }
    person = AttributeCodes("identity", pool.identity[rows], tuple(range(len(pool.identities))))
    return find_relations(RowFacts(varying, person), factors, functions)


def find_relations(
    facts: RelationFacts, factors: Sequence[str], functions: Mapping[str, Sequence[str]]
) -> AttributeRelations:
    """Return the relations that `facts` show, and the crossed factors, declared or found."""
    varying = facts.names
    declared = [
        AliasedAttributes(name, tuple(sorted(of)), True)
        for name, of in sorted(functions.items())
        if name in varying and of
    ]
    found: list[AliasedAttributes] = []
    for name in varying:
        others = [other for other in varying if other != name]
        for by in [
            ("identity",),
            *((other,) for other in others),
            *(("identity", other) for other in others),
        ]:
            known = [alias for alias in (*declared, *found) if alias.name == name]
            if not any(set(alias.of) <= set(by) for alias in known) and facts.follows(name, by):
                found.append(AliasedAttributes(name, tuple(sorted(by)), False))
    aliases = (*declared, *found)
    crossed = [name for name in varying if name in factors] if factors else _crossed(aliases, facts)
    return AttributeRelations(aliases, tuple(crossed))


def _crossed(aliases: Sequence[AliasedAttributes], facts: RelationFacts) -> list[str]:
    """Find the factors of a dataset that declares none: of two attributes that are one to one
    within each identity, the one with more levels for each identity. A design crosses factors that
    all identities have; the other one follows it.
    """
    tied = {
        (a.name, other)
        for a in aliases
        if "identity" in a.of
        for other in a.of
        if other in facts.names
    }
    followers = {name for name, other in tied if facts.share(name) < facts.share(other)}
    return [name for name in facts.names if name not in followers]


def _function_of(by: Sequence[AttributeCodes], target: AttributeCodes) -> bool:
    def holds(rows: slice) -> bool:
        return determines(
            [codes.values[rows] for codes in by],
            [len(codes.levels) for codes in by],
            target.values[rows],
        )

    if not (holds(slice(GLANCE)) and holds(slice(None))):
        return False
    if math.prod(len(codes.levels) + 1 for codes in by) < len(target.values):
        return True  # more rows than combinations: some two share one
    group = by[0].values.astype(np.int64)
    for codes in by[1:]:
        group = group * (len(codes.levels) + 1) + codes.values
    return len(np.unique(group)) < len(group)


def reject_aliased(found: AttributeRelations, attr: str) -> None:
    """Refuse an image attribute whose effect is aliased with another's.

    That is one that is one to one with another which the layout does not declare as equivalent, or
    one that is not a crossed factor and is determined by identity and another attribute.
    """
    for alias in found.aliases:
        others = [name for name in alias.of if name not in ("identity", attr)]
        if alias.name == attr and others and not found.renames(attr, others[0]):
            if "identity" not in alias.of or attr not in found.factors:
                raise SplitError(
                    f"The effect of {attr} cannot be separated: in this manifest {alias}. Use "
                    f"--attr={others[0]}, or renders in which the two vary independently."
                )
        elif alias.of == (attr,) and not found.renames(attr, alias.name):
            raise SplitError(
                f"The effect of {attr} is aliased with that of {alias.name}: in this manifest"
                f" {alias}. Use renders in which the two vary independently, or a --where within"
                " which they do."
            )


def reject_nested(found: AttributeRelations, pool: CandidateTable, attr: str) -> None:
    """Refuse an image attribute with one level for each identity: its effect is aliased with the
    identities.

    Attributes that are constant for each identity by nature, such as gender, are compared between
    identities.
    """
    if attr in pool.images and found.is_function_of(attr, ("identity",)):
        raise SplitError(
            f"The effect of {attr} is aliased with that of the identities: {attr} is constant for"
            f" each identity in this manifest ({attr} follows from identity). Use renders with"
            " several levels of it for each identity, or `--design persons` to compare different"
            " identities nevertheless."
        )


def nesting_warnings(found: AttributeRelations, attr: str) -> list[str]:
    """Return sentences about attributes that change with `attr` within an identity and therefore
    share its effect."""
    names = {
        alias.name if attr in alias.of else next(name for name in alias.of if name != "identity")
        for alias in found.aliases
        if "identity" in alias.of and len(alias.of) > 1 and (attr in alias.of or alias.name == attr)
    }
    return [
        f"Within an identity {name} changes with {attr} (it follows from identity and {attr}): the"
        f" measured effect of {attr} includes {name}, and {name} is not matched."
        for name in sorted(names)
        if not found.renames(attr, name)
    ]
