"""`factorial`: several attributes at once, each restricted or not, to estimate their interactions.

Factors have the letters A, B, C, ... in the given order, the number of identities last. A full
factorial has an arm for every combination; a fractional one declares further letters as products of
others ("D=ABC"), and then effects are aliased as the generators determine (Box, Hunter and Hunter,
Statistics for Experimenters, chapter 6).
"""

from itertools import combinations, product
from typing import Any

import numpy as np

from gprplus.core.errors import SplitError
from gprplus.schema.records import Level
from gprplus.schema.split_record import Factor, FactorialFacts
from gprplus.splits.declared_arm import DeclaredArm
from gprplus.splits.designs.arguments import count_levels
from gprplus.splits.designs.base import ArmSet, DesignInput, DrawnArm, check_retention, design
from gprplus.splits.designs.joint_matching import (
    factors_of,
    kept_level_codes,
    match_jointly,
    match_warnings,
    rows_of,
)

ROMAN = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X")
Word = frozenset[str]


@design(
    "factorial",
    asks=(
        "What does restricting each of several attributes do, alone and together, at one number of"
        " images?"
    ),
    example=(
        "--attr=weather,illumination --design factorial --restrict weather=sunny+clouds "
        "--restrict illumination=forenoon"
    ),
)
def factorial_design(train: DesignInput) -> ArmSet:
    """Make arms `mix` (nothing restricted) and `restrict-<attributes>`, all with the size of the
    smallest and equal identities.

    If identity is a factor, restricted arms have that many identities and the same number of
    images, so more of each.
    """
    attrs, persons = _factors(train)
    letters = dict(zip("ABCDEFGHIJ", [*attrs, *(["identity"] if persons else [])], strict=False))
    words = {letter: _word(text, letters) for letter, text in _generators(train, letters).items()}
    runs = _runs(letters, words)
    kept = {attr: tuple(map(str, train.request.restrict[attr])) for attr in attrs}
    factors = factors_of(train, attrs)
    arms = {_name(run, letters): _declared(run, letters, kept, persons) for run in runs}
    matched = match_jointly(train, [arm.restrict for arm in arms.values()], attrs, factors)
    _refuse_trivial(train, kept)
    warnings = [
        *match_warnings(train, attrs),
        *check_retention(matched.totals, train.request, "the restricted levels hardly meet."),
    ]
    order, per_person = train.order(), train.request.images_per_identity
    cap = train.request.identities
    sized = {
        name: DeclaredArm(name, arm.restrict, arm.identities or cap) for name, arm in arms.items()
    }
    tightest = min(
        len(rows_of(matched.slots, 0, order, arm, None, per_person)) for arm in sized.values()
    )
    budget = train.request.budget or tightest
    drawn = {
        name: DrawnArm(
            "mix" if name == "mix" else "factorial",
            tuple(letters[letter] for letter in letters if run[letter]),
            rows_of(matched.slots, column, order, sized[name], budget, per_person),
            {"restricted": [letters[letter] for letter in letters if run[letter]]},
        )
        for column, (name, run) in enumerate(zip(arms, runs, strict=True))
    }
    return ArmSet(
        design="factorial",
        arms=drawn,
        reference="mix" if "mix" in drawn else next(iter(drawn)),
        levels=tuple(
            train.codes(attrs[0]).levels[code] for code in train.codes(attrs[0]).present()
        ),
        compared=tuple(drawn),
        strata=("identity", *factors),
        retention=matched.retention,
        matching=count_levels(matched.totals),
        warnings=(*warnings, *_few(tightest, order, drawn)),
        about=(*attrs, *(["identity"] if persons else [])),
        facts=FactorialFacts(
            factors={
                letter: Factor(attr, _recorded_levels(attr, kept, persons))
                for letter, attr in letters.items()
            },
            runs={name: _signs(run, letters) for name, run in zip(arms, runs, strict=True)},
            **factorial_structure(letters, words),
        ),
    )


def _signs(run: dict[str, bool], letters: dict[str, str]) -> dict[str, int]:
    """1 for each factor that a run restricts, else -1."""
    return {letter: 1 if run[letter] else -1 for letter in letters}


def _factors(train: DesignInput) -> tuple[tuple[str, ...], int | None]:
    """Return the restricted attributes, and the number of identities if that is a factor."""
    request = train.request
    attrs = tuple(attr for attr in request.factors if attr != "identity")
    named = {*request.factors, *request.restrict}
    absent = [attr for attr in request.factors if attr not in request.restrict]
    if absent or named - set(request.factors) - {"identity"} or len(named) < 2 or not attrs:
        wrong = absent or sorted(named - set(request.factors) - {"identity"})
        raise SplitError(
            "A factorial has two or more factors, each with what it is restricted to:"
            " --attr=weather,illumination --restrict weather=sunny+clouds --restrict"
            " illumination=noon" + (f"; missing for {', '.join(wrong)}." if wrong else ".")
        )
    if len(named) > len("ABCDEFGHIJ"):
        raise SplitError(f"A factorial has at most 10 factors; found {len(named)}.")
    if "identity" not in request.restrict:
        return attrs, None
    count = "+".join(map(str, request.restrict["identity"]))
    if not count.isdecimal() or int(count) < 2:
        raise SplitError(
            f"--restrict identity=N takes one number of identities, at least 2; found '{count}'."
        )
    return attrs, int(count)


def _refuse_trivial(train: DesignInput, kept: dict[str, tuple[str, ...]]) -> None:
    for attr, levels in kept.items():
        if len(kept_level_codes(train, attr, levels)) == len(train.codes(attr).present()):
            raise SplitError(f"Restricting {attr} to all its levels restricts nothing; name fewer.")


def _generators(train: DesignInput, letters: dict[str, str]) -> dict[str, str]:
    """'D=ABC' as {'D': 'ABC'}."""
    found: dict[str, str] = {}
    for text in train.request.generators:
        letter, equals, word = text.upper().partition("=")
        if not equals or letter not in letters or letter in found:
            named = ", ".join(f"{key} ({attr})" for key, attr in letters.items())
            raise SplitError(
                f"A generator names one of the factors {named} as a product of others, such as"
                f" D=ABC; found '{text}'."
            )
        found[letter] = word
    for letter, word in found.items():
        if (
            len(set(word)) < 2
            or not set(word) <= set(letters) - set(found)
            or len(set(word)) != len(word)
        ):
            basic = "".join(sorted(set(letters) - set(found)))
            raise SplitError(
                f"The generator {letter}={word} must be a product of two or more of the factors"
                f" {basic}, each once."
            )
    return found


def _word(text: str, letters: dict[str, str]) -> Word:
    return frozenset(text)


def _runs(letters: dict[str, str], words: dict[str, Word]) -> list[dict[str, bool]]:
    """Return the restricted factors of each arm; generated letters are products with restricted =
    +1, free = -1."""
    basic = [letter for letter in letters if letter not in words]
    runs = []
    for signs in product((False, True), repeat=len(basic)):
        run = dict(zip(basic, signs, strict=True))
        for letter, word in words.items():
            run[letter] = sum(not run[one] for one in word) % 2 == 0
        runs.append({letter: run[letter] for letter in letters})
    return sorted(
        runs, key=lambda run: (sum(run.values()), [not run[letter] for letter in letters])
    )


def factorial_structure(letters: dict[str, str], words: dict[str, Word]) -> dict[str, Any]:
    """Generators, defining relation, resolution and alias table: effects up to two factors, and
    what hides in them.

    >>> found = factorial_structure(dict.fromkeys("ABCD", ""), {"D": frozenset("ABC")})
    >>> found["resolution"], found["defining"], found["aliases"]["A"], found["aliases"]["AB"]
    ('IV', ['ABCD'], ['BCD'], ['CD'])
    """
    relation = {word | {letter} for letter, word in words.items()}
    group: set[Word] = set()
    for count in range(1, len(relation) + 1):
        for chosen in combinations(sorted(relation, key=sorted), count):
            group.add(frozenset(_product(chosen)))
    effects = [frozenset(e) for size in (1, 2) for e in combinations(letters, size)]
    aliases = {
        _text(effect): sorted((_text(effect ^ word) for word in group), key=_short)
        for effect in effects
    }
    shortest = min((len(word) for word in group), default=0)
    return {
        "generators": [f"{letter}={_text(word)}" for letter, word in words.items()],
        "defining": sorted((_text(word) for word in group), key=_short),
        "resolution": ROMAN[shortest] if group else "full",
        "aliases": {effect: others for effect, others in aliases.items() if others},
    }


def _product(words: tuple[Word, ...]) -> Word:
    out: Word = frozenset()
    for word in words:
        out = out ^ word
    return out


def _text(word: Word) -> str:
    return "".join(sorted(word))


def _short(text: str) -> tuple[int, str]:
    return len(text), text


def _name(run: dict[str, bool], letters: dict[str, str]) -> str:
    return (
        "restrict-" + "+".join(letters[one] for one in letters if run[one])
        if any(run.values())
        else "mix"
    )


def _declared(
    run: dict[str, bool],
    letters: dict[str, str],
    kept: dict[str, tuple[str, ...]],
    persons: int | None,
) -> DeclaredArm:
    on = [letters[letter] for letter in letters if run[letter]]
    return DeclaredArm(
        _name(run, letters),
        {attr: tuple(kept[attr]) for attr in on if attr != "identity"},
        persons if "identity" in on else None,
    )


def _recorded_levels(
    attr: str, kept: dict[str, tuple[str, ...]], persons: int | None
) -> list[Level] | int:
    return list(kept[attr]) if attr != "identity" or persons is None else persons


def _few(tightest: int, order: np.ndarray, drawn: dict[str, DrawnArm]) -> list[str]:
    if tightest >= 100:
        return []
    return [
        f"The tightest arm has {tightest} images, and so have all {len(drawn)} arms: few to"
        " train on."
    ]
