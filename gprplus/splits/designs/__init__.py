"""The kinds of experiment, by name: one module a design, each a function from the train set to its
arms."""

from dataclasses import replace

from gprplus.core.errors import SplitError, did_you_mean
from gprplus.core.files.safe_names import plain_name
from gprplus.splits.designs import (
    between_identities,
    budget,
    declared,
    factorial,
    full,
    identity_ladder,
    only_without,
    path,
    single_cells,
    weighting,
)
from gprplus.splits.designs.arguments import suited_design
from gprplus.splits.designs.base import DESIGNS, ArmSet, Design, DesignInput, DrawnArm

__all__ = [
    "DESIGNS",
    "ArmSet",
    "Design",
    "DesignInput",
    "DrawnArm",
    "between_identities",
    "budget",
    "declared",
    "draw_design",
    "factorial",
    "full",
    "identity_ladder",
    "only_without",
    "path",
    "single_cells",
    "weighting",
]


def draw_design(train: DesignInput) -> ArmSet:
    """Return the arms of the requested design; by default the one for the attribute: an identity
    ladder, a comparison between identities, or one within them.

    Raises SplitError for a design that is unknown or does not fit the attribute.
    """
    name = train.request.design or suited_design(train)
    if name not in DESIGNS:
        raise SplitError(f"There is no design called '{name}'. {did_you_mean(name, DESIGNS)}")
    plan = DESIGNS[name].draw(train)
    if train.request.on_missing == "weight":
        plan = weighting.weight_arms(train, plan)
    if train.request.add_full_arm and "full" not in plan.arms:
        plan = replace(plan, arms={**plan.arms, "full": full.full_arm(train)})
    for arm, drawn in plan.arms.items():
        plain_name(arm, "the name of an arm", SplitError)
        if not len(drawn.rows):
            raise SplitError(f"No image in the train set is left for the arm '{arm}'.")
    return plan
