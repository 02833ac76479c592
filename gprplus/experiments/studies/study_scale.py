"""A study at a fraction of its size: every number of identities and images is divided by one
number.

Scaling changes only identity counts, total image counts, and arm names that contain an identity
count. Images of each identity, levels, designs, controls, draws and seeds do not change. A number
that does not divide is an error.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

from gprplus.core.errors import DeclarationError
from gprplus.experiments.studies.study_file import StudyFile, StudySplit
from gprplus.splits.arm_names import identities_named, with_identities
from gprplus.splits.declared_arm import DeclaredArm
from gprplus.splits.request import SplitRequest

_CELL = re.compile(r"(\d+)(x\d+)?")


def scale_study(plan: StudyFile, scale: Fraction) -> StudyFile:
    """Return the study with identities and images times `scale`, called NAME-<p>-<q>.

    Raises DeclarationError if a number of identities or images would not be an integer.
    """
    if scale == 1:
        return plan
    name = f"{plan.study.name}-{scale.numerator}-{scale.denominator}"
    return replace(
        plan,
        study=replace(plan.study, name=name),
        splits=tuple(_split(split, scale) for split in plan.splits),
    )


def _split(split: StudySplit, scale: Fraction) -> StudySplit:
    request = split.request
    where = f"{split.name} at a scale of {scale}"

    def size(number: int | None, what: str) -> int | None:
        return None if number is None else _whole(number, scale, f"{where}: {what}")

    arms = tuple(
        replace(
            arm,
            name=_renamed(arm.name, scale, where, arm),
            identities=size(arm.identities, f"{arm.name}.identities"),
            images=size(arm.images, f"{arm.name}.images"),
        )
        for arm in request.arms
    )
    rungs = request.attr == "identity"
    restrict: dict[str, tuple[str | int, ...]] = {
        attr: (
            tuple(_level(str(level), scale, where) for level in levels)
            if attr == "identity"
            else levels
        )
        for attr, levels in request.restrict.items()
    }
    changed: SplitRequest = replace(
        request,
        identities=size(request.identities, "identities"),
        budget=size(request.budget, "budget"),
        levels=(
            tuple(_level(one, scale, where) for one in request.levels)
            if rungs and request.levels
            else request.levels
        ),
        restrict=restrict,
        arms=arms,
        reference=_reference(request, scale, where),
    )
    return replace(
        split, request=changed, published=_published(split.published, request, scale, where)
    )


def _published(
    found: Mapping[str, Any], request: SplitRequest, scale: Fraction, where: str
) -> dict[str, Any]:
    arms = {arm.name: arm for arm in request.arms}
    return {_renamed(name, scale, where, arms.get(name)): values for name, values in found.items()}


def _reference(request: SplitRequest, scale: Fraction, where: str) -> str | None:
    arms = {arm.name: arm for arm in request.arms}
    return request.reference and _renamed(
        request.reference, scale, where, arms.get(request.reference)
    )


def _renamed(name: str, scale: Fraction, where: str, arm: DeclaredArm | None) -> str:
    """Rename `ids-800` to `ids-40`; a declared arm's name only if it is its number of
    identities."""
    number = identities_named(name)
    if number is None or (arm is not None and arm.identities != number):
        return name
    return with_identities(name, _whole(number, scale, f"{where}: {name}"))


def _level(text: str, scale: Fraction, where: str) -> str:
    """Scale a level of identity: identities, or identities x images of each."""
    found = _CELL.fullmatch(text)
    return (
        f"{_whole(int(found[1]), scale, f'{where}: level {text}')}{found[2] or ''}"
        if found
        else text
    )


def _whole(number: int, scale: Fraction, what: str) -> int:
    size = number * scale
    if size.denominator != 1:
        raise DeclarationError(
            f"{what} would be {float(size):g} in the place of {number:,}; take a scale that leaves"
            " whole numbers."
        )
    return int(size)
