"""Input and output of all designs, and their registry."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gprplus.core import sampling
from gprplus.core.errors import SplitError
from gprplus.schema.split_record import DesignFacts
from gprplus.splits.candidates import AttributeCodes, CandidateTable
from gprplus.splits.draws.matching import MatchedSlots, MatchTotals, draw_within, slot_quotas
from gprplus.splits.identifiability import AttributeRelations
from gprplus.splits.request import WARN_RETENTION, SplitRequest


@dataclass(frozen=True)
class DesignInput:
    """The train set as a design sees it: the pool, positions of its train rows, the request, ties
    among attributes, the uids `(n,) uint64` in each deal of arms that are declared by a table, and
    the deal that is drawn."""

    pool: CandidateTable
    rows: np.ndarray
    request: SplitRequest
    relations: AttributeRelations
    arm_uids: Mapping[str, tuple[np.ndarray, ...]] = field(default_factory=dict)
    deal: int = 0

    @property
    def identity(self) -> np.ndarray:
        """Return the identity of each train row."""
        return self.pool.identity[self.rows]

    def codes(self, name: str) -> AttributeCodes:
        """An attribute over the train rows."""
        return self.pool.codes(name).at(self.rows)

    def order(self, stream: str = "identity") -> np.ndarray:
        """Return the priorities of all identities of the pool under the seed, `(I,) uint64`."""
        return sampling.priorities(self.pool.identity_keys, self.request.seed, stream)


@dataclass(frozen=True)
class DrawnArm:
    """One training set: its kind, its levels, and its rows as sorted positions in the pool.

    `facts` go into split.json with its counts; `weights` (n,) float64, if any, are the sampling
    weights of the rows in the arm (their mean is 1). `others` are the same arm in deals 1, 2, ...
    (`gprplus.splits.draws.dealing`); empty if the rows of all deals are equal.
    """

    kind: str
    levels: tuple[str, ...]
    rows: np.ndarray
    facts: Mapping[str, Any] = field(default_factory=dict)
    weights: np.ndarray | None = None
    others: tuple["DrawnArm", ...] = ()

    @property
    def deals(self) -> tuple["DrawnArm", ...]:
        """The arm in each deal, itself first."""
        return (self, *self.others)


def sorted_unique(rows: np.ndarray, size: int) -> np.ndarray:
    """Different positions in a pool of `size` rows, sorted: by a mask, which beats sorting while
    they are not few."""
    if 16 * len(rows) < size:
        return np.sort(rows)
    there = np.zeros(size, dtype=bool)
    there[rows] = True
    return np.flatnonzero(there)


@dataclass(frozen=True)
class ArmSet:
    """The arms of a split by name, in order, with the input of the audit.

    `compared` names the arms that may differ only in the attributes `about` (by default the tested
    one), `reference` the arm that differences refer to. `facts` go into split.json under the
    design's name.
    """

    design: str
    arms: Mapping[str, DrawnArm]
    reference: str
    levels: tuple[Any, ...]
    compared: tuple[str, ...]
    strata: tuple[str, ...] = ()
    retention: float = 1.0
    matching: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    about: tuple[str, ...] = ()
    facts: DesignFacts | None = None


@dataclass(frozen=True)
class Design:
    """One kind of experiment: how its arms are drawn, the question it answers, and an example
    command."""

    draw: Callable[[DesignInput], ArmSet]
    asks: str
    example: str


DESIGNS: dict[str, Design] = {}


def design(
    name: str, *, asks: str, example: str
) -> Callable[[Callable[[DesignInput], ArmSet]], Callable[[DesignInput], ArmSet]]:
    """Register a function DesignInput -> ArmSet under a name.

    `asks` is the question that the design answers, `example` the arguments after `gprplus
    make-split`.
    """

    def register(function: Callable[[DesignInput], ArmSet]) -> Callable[[DesignInput], ArmSet]:
        if name in DESIGNS:
            raise ValueError(f"two designs are called {name}")
        DESIGNS[name] = Design(function, asks, example)
        return function

    return register


def check_retention(matched: MatchTotals, request: SplitRequest, advice: str) -> list[str]:
    """Refuse when too little can be matched, warn when it is less than half."""
    share = matched.retention
    if not matched.matched:
        raise SplitError(f"Nothing can be compared: {advice}")
    shown = f"{share:.1%} of the candidate images ({matched.matched:,} of {matched.candidates:,})"
    if share < request.min_retention:
        raise SplitError(
            f"Only {shown} can be matched across the levels of {request.attr}, less than"
            f" {request.min_retention:.0%}. {advice} Or accept it with a smaller --min-retention."
        )
    if share < WARN_RETENTION:
        return [f"Only {shown} could be matched; what is measured holds for those."]
    return []


def apply_size_limits(
    slots: MatchedSlots, order: np.ndarray, request: SplitRequest, unit: str
) -> MatchedSlots:
    """Return the slots within the requested sizes, or an error with the available number. `unit`
    names a block."""
    sizes = np.bincount(slots.block, minlength=len(order))
    return slots.only(slots.rank < size_quotas(sizes, order, request, unit)[slots.block])


def size_quotas(
    sizes: np.ndarray, order: np.ndarray, request: SplitRequest, unit: str
) -> np.ndarray:
    """Return how many slots each block gives within the requested sizes, `(B,)`, of its `sizes`
    (B,) slots, or raise an error with the available number. `unit` names a block."""
    wanted = request.images_per_identity
    able = int((sizes >= (wanted or 1)).sum())
    if able == 0:
        raise SplitError(
            f"No identity has {wanted:,} images at each level of {request.attr} in the train set;"
            f" the maximum is {int(sizes.max()):,}."
        )
    if request.identities is not None and request.identities > able:
        images = f" with {wanted:,} images at each level" if wanted else ""
        raise SplitError(
            f"{request.identities:,} identities were requested, but the train set has {able:,}"
            f" {unit}{images} for --attr={request.attr}."
        )
    unlimited = slot_quotas(sizes, order, request.identities, wanted, None)
    if request.budget is None:
        return unlimited
    if request.budget > unlimited.sum():
        raise SplitError(
            f"A budget of {request.budget:,} images was requested, but each arm of"
            f" --attr={request.attr} can have at most {int(unlimited.sum()):,}."
        )
    return slot_quotas(unlimited, order, None, None, request.budget)


def random_images(train: DesignInput, wanted: np.ndarray, draw: int) -> DrawnArm:
    """Draw the control of equal size: `wanted[p]` images of each identity p, from all its training
    images.

    Constant: the identities, the number of images of each, and so the total. Random: every
    attribute, including the tested one. The difference to the mixture is that nothing is balanced,
    so it measures the effect of balancing alone.
    """
    mine = np.flatnonzero(wanted[train.identity] > 0)
    rows = train.rows[mine]
    uid = train.pool.uid[rows]
    priority = sampling.priorities(uid, train.request.seed, f"random-images-{draw}")
    return DrawnArm(
        "random-images", (), rows[draw_within(train.pool.identity[rows], wanted, priority, uid)]
    )
