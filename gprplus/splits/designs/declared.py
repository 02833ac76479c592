"""`declared`: explicitly declared arms, for example those of a paper, matched or not.

An arm is a number of identities, a restriction to some levels of any attributes, and a number of
images (`gprplus.splits.declared_arm.DeclaredArm` is the form, in Python and in the TOML of a
study). Unmatched arms can differ in identities, images and everything else, and the split records
the differences. Matched ones share their slots.
"""

import numpy as np

from gprplus.core import sampling
from gprplus.core.errors import SplitError, did_you_mean, first_few
from gprplus.splits.declared_arm import DeclaredArm
from gprplus.splits.designs.arguments import count_levels
from gprplus.splits.designs.base import ArmSet, DesignInput, DrawnArm, check_retention, design
from gprplus.splits.designs.cells import cell_counts_design
from gprplus.splits.designs.joint_matching import (
    factors_of,
    kept_level_codes,
    match_jointly,
    match_warnings,
    rows_of,
)
from gprplus.splits.draws.matching import MatchedRows
from gprplus.splits.test_sets.test_set import rank_in_runs


@design(
    "declared",
    asks="How do these training sets compare, which I write out myself?",
    example=(
        '--attr=weather --design declared --arm "all" --arm "mild: weather=sunny+clouds'
        ' identities=12"'
    ),
)
def declared_design(train: DesignInput) -> ArmSet:
    """The arms of the request, in its order; the reference is the one it names, else the first."""
    declared = train.request.arms
    if not declared:
        raise SplitError(
            "The design declared needs arms: --arm 'NAME: weather=sunny+clouds identities=400',"
            " once for each."
        )
    names = [arm.name for arm in declared]
    reference = train.request.reference or names[0]
    if reference not in names:
        raise SplitError(
            f"There is no arm '{reference}' to be the reference. {did_you_mean(reference, names)}"
        )
    together = [arm for arm in declared if arm.matched]
    matched, attrs, factors = _matched(train, together)
    arms = _dealt(train, matched, together) if matched else {}
    arms = {arm.name: arms[arm.name] if arm.matched else _plain(train, arm) for arm in declared}
    warnings = [*match_warnings(train, attrs)]
    if matched:
        warnings += check_retention(
            matched.totals, train.request, "hardly any identity has images of every arm's levels."
        )
    return ArmSet(
        design="declared",
        arms=arms,
        reference=reference,
        levels=(
            tuple(
                train.codes(train.request.attr).levels[c]
                for c in train.codes(train.request.attr).present()
            )
            if train.request.attr != "identity"
            else ()
        ),
        compared=tuple(arm.name for arm in together) if len(together) > 1 else (),
        strata=("identity", *factors) if matched else (),
        retention=matched.retention if matched else 1.0,
        matching=count_levels(matched.totals) if matched else {},
        warnings=(*warnings, *_unequal(arms, reference)),
        about=tuple(dict.fromkeys([train.request.attr, *attrs])),
    )


def _matched(
    train: DesignInput, together: list[DeclaredArm]
) -> tuple[MatchedRows | None, tuple[str, ...], tuple[str, ...]]:
    if not together:
        return None, (), ()
    attrs = tuple(dict.fromkeys(attr for arm in together for attr in arm.restrict))
    factors = factors_of(train, attrs)
    return match_jointly(train, [arm.restrict for arm in together], attrs, factors), attrs, factors


def _dealt(
    train: DesignInput, matched: MatchedRows, together: list[DeclaredArm]
) -> dict[str, DrawnArm]:
    """Matched arms at the tightest one's number of images, unless an arm names its own."""
    order, per_person = train.order(), train.request.images_per_identity
    tightest = min(
        len(rows_of(matched.slots, 0, order, arm, arm.images, per_person)) for arm in together
    )
    budget = train.request.budget or tightest
    return {
        arm.name: DrawnArm(
            "declared",
            _describe_arm(arm),
            rows_of(matched.slots, column, order, arm, arm.images or budget, per_person),
            _facts(arm),
        )
        for column, arm in enumerate(together)
    }


def _plain(train: DesignInput, arm: DeclaredArm) -> DrawnArm:
    """Return all images of the first identities under the restriction, or a number spread evenly;
    or its cells."""
    if arm.cells is not None:
        return DrawnArm(
            "declared",
            (),
            cell_counts_design(train, arm),
            {"cells": len(arm.cells), "matched": False},
        )
    if arm.name in train.arm_uids:
        deals = train.arm_uids[arm.name]
        return _of_table(train, arm.name, deals[train.deal % len(deals)])
    kept = np.ones(len(train.rows), dtype=bool)
    for attr, levels in arm.restrict.items():
        kept &= np.isin(train.codes(attr).values, kept_level_codes(train, attr, levels))
    rows = train.rows[kept]
    if not len(rows):
        raise SplitError(f"No image in the train set is left for the arm '{arm.name}'.")
    person, uid = train.pool.identity[rows], train.pool.uid[rows]
    there = np.unique(person)
    if arm.identities is not None and arm.identities > len(there):
        raise SplitError(
            f"The arm '{arm.name}' requires {arm.identities:,} identities, but the train set has"
            f" {len(there):,} with such images."
        )
    line = np.full(len(train.pool.identities), len(there), dtype=np.int64)
    line[there[sampling.bottom_k(train.order()[there], len(there), there)]] = np.arange(len(there))
    mine = np.flatnonzero(line[person] < (arm.identities or len(there)))
    if arm.images is not None:
        if arm.images > len(mine):
            raise SplitError(
                f"The arm '{arm.name}' requires {arm.images:,} images, but its identities have"
                f" {len(mine):,} such images."
            )
        mine = mine[
            np.lexsort(
                (
                    uid[mine],
                    sampling.priorities(uid[mine], train.request.seed, "image"),
                    line[person[mine]],
                )
            )
        ]
        mine = mine[np.lexsort((line[person[mine]], rank_in_runs(person[mine])))[: arm.images]]
    return DrawnArm("declared", _describe_arm(arm), np.sort(rows[mine]), _facts(arm))


def _of_table(train: DesignInput, name: str, uids: np.ndarray) -> DrawnArm:
    """The images of a table of uids, all of which must be in the train set."""
    mine = train.pool.uid[train.rows]
    rows = train.rows[np.isin(mine, uids)]
    if len(rows) < len(uids):
        absent = uids[~np.isin(uids, mine)]
        raise SplitError(
            f"{len(absent):,} of the {len(uids):,} uids of the arm '{name}' are not in the train set"
            f" ({first_few(absent.tolist())}). Take uids of this manifest; --test-share 0 keeps all"
            " identities for training."
        )
    return DrawnArm("declared", (), np.sort(rows), {"matched": False})


def _describe_arm(arm: DeclaredArm) -> tuple[str, ...]:
    """The restriction in words, one an attribute."""
    return tuple(f"{attr}={'+'.join(map(str, levels))}" for attr, levels in arm.restrict.items())


def _facts(arm: DeclaredArm) -> dict[str, object]:
    return {
        "restrict": {attr: list(levels) for attr, levels in arm.restrict.items()},
        "matched": arm.matched,
    }


def _unequal(arms: dict[str, DrawnArm], reference: str) -> list[str]:
    """List the arms that differ in size from the reference."""
    size = len(arms[reference].rows)
    other = [f"{name} ({len(arm.rows):,})" for name, arm in arms.items() if len(arm.rows) != size]
    if not other:
        return []
    return [
        f"The arms have different numbers of images: {reference} has {size:,}, unlike"
        f" {first_few(other)}. A difference between them is one of size as well."
    ]
