"""Estimands with queries and gallery of one level: own level and transfer.

The gallery of a split's test set has all levels evenly, which is the distribution of the mixture.
The difference on it (the estimand *mixed gallery*) therefore depends on that gallery too. With
M_a[l] the score of arm a on queries of level l in the gallery of level l alone, two more estimands
are computed from the same features:

- own level: M_a[l] - M_ref[l] over the levels l that arm a was trained on. It favors arms of few levels.
- transfer: M_a[l] - M_ref[l] over the levels that arm a was not trained on. It favors a reference that was.
- transfer, unseen by both: arm a against other arms, each level only if neither was trained on it. It favors none:
  `only-A` against the other single-level arms, `without-A` against them on A.

Each is a weighted sum of cells (arm, level), and the weights of a contrast sum to 0. A split with
mixtures of several sizes compares arms of one size alone: the reference of an arm is then the
mixture with as many images.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gprplus.core import benchmark_options
from gprplus.core.errors import GprplusError, did_you_mean
from gprplus.schema.split_record import ArmRecord

ESTIMANDS = tuple(
    benchmark_options.ESTIMANDS
)  # all three in one verdict, so that they share the 5%
OWN, TRANSFER, UNSEEN = "own level", "transfer", "transfer, unseen by both"
OWN_MEAN, TRANSFER_MEAN = "own level, mean", "transfer, mean"
MEAN = "all arms"  # the contrast that a family of one mean holds
FAMILIES = (OWN_MEAN, OWN, TRANSFER_MEAN, TRANSFER, UNSEEN)

Cells = dict[tuple[str, str], float]


@dataclass(frozen=True)
class CellContrast:
    """One estimand: its name within its family, the weight of each cell (arm, level), and its
    formula."""

    family: str
    name: str
    formula: str
    cells: Cells


def count_estimands(families: Iterable[str]) -> int:
    """The number of estimands that share the 5% in a verdict on contrasts of these families.

    >>> count_estimands(["sufficiency", "own level"]), count_estimands(["to the reference"])
    (3, 1)
    """
    return len(ESTIMANDS) if set(families) & set(FAMILIES) else 1


def reference_of(name: str, arms: Mapping[str, ArmRecord], reference: str | None) -> str | None:
    """The arm that arm `name` is compared with on single levels: `reference`, or, if there are
    mixtures of several sizes, the one with as many images; None if that is not among `arms`.

    >>> size = {"identities": 2, "fingerprint": ""}
    >>> arms = {f"mix-{n}": ArmRecord(kind="mix", levels=["a"], images=n, **size) for n in (4, 8)}
    >>> arms |= {f"only-a-{n}": ArmRecord(kind="only", levels=["a"], images=n, **size) for n in (2, 4)}
    >>> reference_of("only-a-4", arms, "mix-8"), reference_of("only-a-2", arms, "mix-8")
    ('mix-4', None)
    """
    mixtures = {arm.images: mix for mix, arm in arms.items() if arm.kind == "mix"}
    if len(mixtures) < 2 or name not in arms:
        return reference
    return mixtures.get(arms[name].images)


def require_estimand(name: str | None, error: type[GprplusError]) -> None:
    """Raise `std_error` unless `name` is one of ESTIMANDS, or None.

    >>> require_estimand("owned", GprplusError)
    Traceback (most recent call last):
    gprplus.core.errors.GprplusError: There is no estimand 'owned'. Did you mean 'own'?
    """
    if name is not None and name not in ESTIMANDS:
        raise error(f"There is no estimand '{name}'. {did_you_mean(str(name), ESTIMANDS)}")


def level_contrasts(
    arms: Mapping[str, ArmRecord], reference: str | None, levels: Sequence[str]
) -> list[CellContrast]:
    """The contrasts of level estimands, for arms (by name) and the levels that have a test.

    Arms of kind only are compared with the reference, or those of kind without where there are no
    others. Among themselves both kinds take part.

    >>> size = {"images": 8, "identities": 2, "fingerprint": ""}
    >>> arms = {"mix": ArmRecord(kind="mix", levels=["a", "b"], **size)}
    >>> arms |= {"only-a": ArmRecord(kind="only", levels=["a"], **size)}
    >>> [(one.family, one.name, one.cells) for one in level_contrasts(arms, "mix", ["a", "b"])][0]
    ('own level, mean', 'all arms', {('only-a', 'a'): 1.0, ('mix', 'a'): -1.0})
    """
    seen = {name: seen_levels(arm, levels) for name, arm in arms.items()}
    seen = {name: mine for name, mine in seen.items() if mine and name != reference}
    unseen = {name: [level for level in levels if level not in mine] for name, mine in seen.items()}
    kinds = {arms[name].kind for name in seen}
    alike = [name for name in seen if arms[name].kind == ("only" if "only" in kinds else "without")]
    against = {name: str(reference_of(name, arms, reference)) for name in seen}
    found: list[CellContrast] = []
    for family, levels_of, where in (
        (OWN, seen, "levels it was trained on"),
        (TRANSFER, unseen, "levels it was not trained on"),
    ):
        mine = {name: levels_of[name] for name in alike if against[name] in arms}
        found += _against_reference(family, mine, against, where)
    return found + _unseen_by_both(unseen, arms, against)


def seen_levels(arm: ArmRecord, levels: Sequence[str]) -> list[str]:
    """The levels among `levels` that an arm of kind only or without was trained on; empty for other
    arms."""
    if arm.kind not in ("only", "without"):
        return []
    held = set(map(str, arm.levels))
    return [level for level in levels if level in held]


def _against_reference(
    family: str, levels_of: Mapping[str, Sequence[str]], against: Mapping[str, str], where: str
) -> list[CellContrast]:
    """Contrast each arm with its reference on its levels, with the mean over the arms first."""
    each = {
        name: _mean_cells(name, mine, 1.0) | _mean_cells(against[name], mine, -1.0)
        for name, mine in levels_of.items()
        if mine
    }
    if not each:
        return []
    total: Cells = {}
    for cells in each.values():
        for cell, weight in cells.items():
            total[cell] = total.get(cell, 0.0) + weight / len(each)
    references = {against[name] for name in each}
    common = references.pop() if len(references) == 1 else "mixture of the same size"
    formula = f"mean over arms of S(arm) - S({common}), each on the {where}"
    return [
        CellContrast(f"{family}, mean", MEAN, formula, total),
        *(
            CellContrast(family, name, f"S({name}) - S({against[name]}), on the {where}", cells)
            for name, cells in each.items()
        ),
    ]


def _unseen_by_both(
    unseen: Mapping[str, Sequence[str]],
    arms: Mapping[str, ArmRecord],
    against: Mapping[str, str],
) -> list[CellContrast]:
    """Contrast each arm with the mean of the arms of its size that were not trained on the level
    either, level by level."""
    only = [name for name in unseen if arms[name].kind == "only"]
    found = []
    for name, mine in unseen.items():
        alike = [one for one in only if one != name and against[one] == against[name]]
        rivals = {level: [one for one in alike if level in unseen[one]] for level in mine}
        rivals = {level: others for level, others in rivals.items() if others}
        cells = _mean_cells(name, list(rivals), 1.0)
        for level, others in rivals.items():
            for other in others:
                cells[other, level] = -1.0 / (len(rivals) * len(others))
        if rivals:
            formula = f"S({name}) - mean S(only arms), on levels that neither was trained on"
            found.append(CellContrast(UNSEEN, name, formula, cells))
    return found if len(found) > 1 else []


def _mean_cells(arm: str, levels: Sequence[str], sign: float) -> Cells:
    return {(arm, level): sign / len(levels) for level in levels}
