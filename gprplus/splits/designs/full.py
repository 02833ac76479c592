"""`full`: everything on the train side. A reference for what there is, never what a smaller arm is judged against."""

import numpy as np

from gprplus.splits.designs.base import Arm, Plan, Train, design


@design(
    "full",
    asks="How good can training on all of it be?",
    example="--attr=weather --design full",
)
def full(train: Train) -> Plan:
    """The one arm `full`, whatever else was asked."""
    return Plan(design="full", arms={"full": everything(train)}, reference="full", levels=_levels(train), compared=())


def everything(train: Train) -> Arm:
    """All train rows."""
    return Arm("full", (), np.sort(train.rows))


def _levels(train: Train) -> tuple[object, ...]:
    if train.request.attr == "identity":
        return ()
    codes = train.codes(train.request.attr)
    return tuple(codes.levels[code] for code in codes.present())
