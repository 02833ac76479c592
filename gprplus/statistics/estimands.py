"""Contrasts of an experiment: families declared by its design before training.

At one budget these answer different questions, and none of them is "the importance":

- sufficiency: S(only l) - S(mix);
- necessity: S(mix) - S(without l);
- attribute effect: S(restricted) - the mean over random sets with as many levels;
- share curve: dS/dt from one arm of a path to the next;
- additivity: S(cell) less what the means of its levels over all cells add up to;
- factorial effects and Shapley values: the effect of restrictions, and the division of the total.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from gprplus.core.errors import ScoreError
from gprplus.schema.split_record import RANDOM_IMAGES, RANDOM_LEVELS, ArmRecord, SplitRecord
from gprplus.statistics import factorial, shapley

Weights = dict[str, float]

# Families that are about effects adding up; their conclusions can depend on the scale of the score.
ADDITIVE = ("main effects", "interactions", "Shapley", "additivity")


@dataclass(frozen=True)
class DeclaredContrast:
    """One estimand: its name within its family, the weight of each arm (summing to 0), and its
    formula.

    `draws` are the arms that are draws of one random control; `aliases` are effects aliased with
    it.
    """

    family: str
    name: str
    formula: str
    weights: Weights
    draws: tuple[str, ...] = ()
    aliases: tuple[str, ...] = field(default=())


def declared_contrasts(split: SplitRecord, arms: Sequence[str]) -> list[DeclaredContrast]:
    """The contrasts of a split whose arms are all among `arms`, family by family."""
    known = {name: one for name, one in split.arms.items() if name in set(arms)}
    found = _BY_DESIGN.get(split.design, _against_reference)(split, known)
    if split.design not in ("factorial", "scaling"):
        found += _versus_random_levels(known) + _versus_random_images(split, known)
    return [one for one in found if all(arm in known for arm in one.weights)]


def control_draws(arms: Mapping[str, ArmRecord]) -> list[tuple[str, ...]]:
    """Arms that are draws of one random control, control by control: `random-images-<k>`,
    `random-levels-q<q>-<k>`."""
    groups: dict[tuple[str, int, int], list[str]] = {}
    for name, one in arms.items():
        if one.is_random:
            groups.setdefault((one.kind, len(one.levels), one.images), []).append(name)
    return [tuple(group) for group in groups.values()]


def _against_reference(split: SplitRecord, arms: Mapping[str, ArmRecord]) -> list[DeclaredContrast]:
    """Contrast each arm with the reference, without random controls and the arm of all images,
    whose size differs."""
    reference = split.reference
    return [
        DeclaredContrast(
            "to the reference",
            name,
            f"S({name}) - S({reference})",
            {name: 1.0, str(reference): -1.0},
        )
        for name, one in arms.items()
        if name != reference and not one.is_random and one.kind != "full"
    ]


def _sufficiency(split: SplitRecord, arms: Mapping[str, ArmRecord]) -> list[DeclaredContrast]:
    return [
        DeclaredContrast("sufficiency", name, f"S({name}) - S(mix)", {name: 1.0, "mix": -1.0})
        for name, one in arms.items()
        if one.kind == "only"
    ]


def _necessity(split: SplitRecord, arms: Mapping[str, ArmRecord]) -> list[DeclaredContrast]:
    return [
        DeclaredContrast("necessity", name, f"S(mix) - S({name})", {"mix": 1.0, name: -1.0})
        for name, one in arms.items()
        if one.kind == "without"
    ]


def _cells(split: SplitRecord, arms: Mapping[str, ArmRecord]) -> list[DeclaredContrast]:
    """Contrast each cell with the mixture and, if all cells of the crossing are there, with what
    the means of its levels over all cells add up to."""
    cells = {name: arm for name, arm in arms.items() if arm.kind == "cell"}
    found = [
        DeclaredContrast("sufficiency", name, f"S({name}) - S(mix)", {name: 1.0, "mix": -1.0})
        for name in cells
    ]
    grid = {name: tuple(map(str, arm.choice)) for name, arm in cells.items()}
    sides = [set(levels) for levels in zip(*grid.values(), strict=True)]
    if math.prod(map(len, sides)) != len(grid) or min(map(len, sides), default=0) < 2:
        return found
    means = "level means" if len(sides) > 2 else "row mean + column mean"
    less = f"{len(sides) - 1} overall means" if len(sides) > 2 else "overall mean"
    return [
        *found,
        *(
            DeclaredContrast(
                "additivity", name, f"S(cell) - ({means} - {less})", _departure(name, grid)
            )
            for name in grid
        ),
    ]


def _departure(name: str, grid: Mapping[str, tuple[str, ...]]) -> Weights:
    """The weights of a cell less the means of its levels, plus the overall means counted too often.

    >>> grid = {"pq"[i] + "xy"[j]: ("pq"[i], "xy"[j]) for i in (0, 1) for j in (0, 1)}
    >>> _departure("px", grid)
    {'px': 0.25, 'py': -0.25, 'qx': -0.25, 'qy': 0.25}
    """
    own = grid[name]
    weights = {other: float(other == name) for other in grid}
    for place, level in enumerate(own):
        alike = [other for other, cell in grid.items() if cell[place] == level]
        for other in alike:
            weights[other] -= 1 / len(alike)
    return {other: weight + (len(own) - 1) / len(grid) for other, weight in weights.items()}


def _both(split: SplitRecord, arms: Mapping[str, ArmRecord]) -> list[DeclaredContrast]:
    return _sufficiency(split, arms) + _necessity(split, arms)


def _path(split: SplitRecord, arms: Mapping[str, ArmRecord]) -> list[DeclaredContrast]:
    """Contrast every later point with the start, slopes between neighbors, and the least squares
    slope over all points.
    """
    steps = sorted((one.share, name) for name, one in arms.items() if one.share is not None)
    found = _against_reference(split, arms)
    found += [
        DeclaredContrast(
            "share curve",
            f"{before} to {after}",
            f"(S({after}) - S({before})) / {t1 - t0:g}",
            {after: 1 / (t1 - t0), before: -1 / (t1 - t0)},
        )
        for (t0, before), (t1, after) in pairwise(steps)
    ]
    if len(steps) > 1:
        t = np.array([share for share, _ in steps])
        slope = (t - t.mean()) / ((t - t.mean()) ** 2).sum()
        weights = {
            name: float(w) for (_, name), w in zip(steps, slope, strict=True) if abs(w) > 1e-12
        }
        found.append(DeclaredContrast("slope", "whole path", "dS/dt, least squares", weights))
    return found


def _scaling(split: SplitRecord, arms: Mapping[str, ArmRecord]) -> list[DeclaredContrast]:
    """Contrast the selected levels with the mixture and with random images, at each number of
    images."""
    found = []
    for name, one in arms.items():
        size = one.images
        if one.kind == "only":
            mix = next(
                (arm for arm, o in arms.items() if o.kind == "mix" and o.images == size),
                f"mix of {size}",
            )
            found.append(
                DeclaredContrast("same size", name, f"S({name}) - S({mix})", {name: 1.0, mix: -1.0})
            )
            draws = [arm for arm, o in arms.items() if o.kind == RANDOM_IMAGES and o.images == size]
            if draws:
                found.append(_over("against random images", name, draws, arms))
    return found


def _factorial(split: SplitRecord, arms: Mapping[str, ArmRecord]) -> list[DeclaredContrast]:
    known = split.factorial
    if known is None or not known.runs or any(name not in arms for name in known.runs):
        return []
    runs, letters, names = known.runs, list(known.factors), list(known.runs)
    called = {letter: factor.attribute for letter, factor in known.factors.items()}
    signs = np.array([[runs[name][letter] for letter in letters] for name in names])
    found = []
    for effect in factorial.factorial_effects(signs, letters):
        name, *aliases = (_named(one, called) for one in (effect.name, *effect.aliases))
        alone = len(effect.name) == 1
        family = "main effects" if alone else "interactions"
        formula = (
            "mean S(restricted) - mean S(free)"
            if alone
            else "mean S(both or neither) - mean S(one of them)"
        )
        weights = dict(zip(names, effect.weights.tolist(), strict=True))
        found.append(DeclaredContrast(family, name, formula, weights, (), tuple(aliases)))
    try:
        free = [frozenset(letter for letter in letters if runs[name][letter] < 0) for name in names]
        shares = shapley.shapley_weights(free, letters)
    except ScoreError:
        return (
            found  # a fraction, or too many factors: there are effects, and no split of the total
        )
    for letter, row in zip(letters, shares, strict=True):
        weights = dict(zip(names, row.tolist(), strict=True))
        found.append(
            DeclaredContrast(
                "Shapley", called[letter], "what leaving it free adds, over all orders", weights
            )
        )
    return found


def _named(effect: str, called: Mapping[str, str]) -> str:
    sign, letters = ("-", effect[1:]) if effect.startswith("-") else ("", effect)
    return sign + " x ".join(called[letter] for letter in letters)


def _versus_random_levels(arms: Mapping[str, ArmRecord]) -> list[DeclaredContrast]:
    """Restricted arms against the mean over random sets of as many levels."""
    found = []
    for draws in control_draws(arms):
        one = arms[draws[0]]
        if one.kind == RANDOM_LEVELS:
            held = len(one.levels)
            same = [
                n
                for n, o in arms.items()
                if o.kind in ("only", "without") and len(o.levels) == held
            ]
            found += [_over("attribute effect", name, draws, arms) for name in same]
    return found


def _versus_random_images(
    split: SplitRecord, arms: Mapping[str, ArmRecord]
) -> list[DeclaredContrast]:
    """The mean over random images against the reference: what balance by itself is worth."""
    reference = str(split.reference)
    draws = [name for name, one in arms.items() if one.kind == RANDOM_IMAGES]
    if not draws or reference not in arms:
        return []
    weights = {name: 1 / len(draws) for name in draws} | {reference: -1.0}
    formula = f"mean S(random-images) - S({reference})"
    return [DeclaredContrast("random images", "random-images", formula, weights, tuple(draws))]


def _over(
    family: str, name: str, draws: Sequence[str], arms: Mapping[str, ArmRecord]
) -> DeclaredContrast:
    weights = {name: 1.0} | {draw: -1 / len(draws) for draw in draws}
    control = arms[draws[0]].control if len(draws) > 1 else draws[0]
    return DeclaredContrast(family, name, f"S({name}) - mean S({control})", weights, tuple(draws))


_BY_DESIGN: dict[str, Callable[[SplitRecord, Mapping[str, ArmRecord]], list[DeclaredContrast]]] = {
    "only": _sufficiency,
    "persons": _sufficiency,
    "cells": _cells,
    "without": _necessity,
    "transfer": _both,
    "path": _path,
    "scaling": _scaling,
    "factorial": _factorial,
}
