"""`full`: all training images. An upper reference, not a comparison for a smaller arm."""

import numpy as np

from gprplus.splits.designs.base import ArmSet, DesignInput, DrawnArm, design


@design(
    "full",
    asks="How good can training on all of it be?",
    example="--attr=weather --design full",
)
def full_design(train: DesignInput) -> ArmSet:
    """Make the single arm `full`, whatever the other options."""
    return ArmSet(
        design="full",
        arms={"full": full_arm(train)},
        reference="full",
        levels=_levels(train),
        compared=(),
    )


def full_arm(train: DesignInput) -> DrawnArm:
    """Return all train rows."""
    return DrawnArm("full", (), np.sort(train.rows))


def _levels(train: DesignInput) -> tuple[object, ...]:
    if train.request.attr == "identity":
        return ()
    codes = train.codes(train.request.attr)
    return tuple(codes.levels[code] for code in codes.present())
