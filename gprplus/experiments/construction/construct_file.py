"""The TOML file of a construction."""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from gprplus.core.benchmark_options import TrainingOptions
from gprplus.core.declarations import Declaration, from_mapping, load_declaration
from gprplus.core.errors import (
    DeclarationError,
    GprplusError,
    PlanError,
    TrainingError,
    did_you_mean,
)
from gprplus.core.options import Options, option, options_of, same_option
from gprplus.planning.budget import RenderBudget
from gprplus.planning.options import PlanOptions, SpaceOptions

ROUNDS = "Rounds"
METHODS = ("uniform", "matched", "descent", "failures", "holes")  # that need no earlier runs
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True)
class ConstructInfo:
    """Name and question of a construction."""

    name: str
    question: str


@dataclass(frozen=True)
class RoundOptions(Options):
    """How the set grows.

    Every round adds images to the same identities. Each of its trials is one addition, a mixture of
    the proposals of `methods`; the one whose set scores best on the validation half is kept.
    """

    error: ClassVar[type[GprplusError]] = PlanError

    budget: str = option(
        group=ROUNDS,
        metavar="NxM",
        help="Size of the set at the end: identities and images of each, such as 40x20.",
    )
    rounds: int = option(3, group=ROUNDS, at_least=1, help="Number of rounds.")
    looks: int = option(
        4, group=ROUNDS, at_least=1, help="Trials of a round: looks at the validation half."
    )
    methods: tuple[str, ...] = option(
        ("uniform", "matched", "descent"),
        group=ROUNDS,
        choices=METHODS,
        help="Methods whose proposals are mixed; the shares are optimized over the rounds.",
    )
    look_steps: int | None = option(
        None,
        group=ROUNDS,
        at_least=1,
        default_note="those of the final training",
        help="Optimizer steps of the training of a trial.",
    )
    look_seeds: int = option(1, group=ROUNDS, at_least=1, help="Training seeds of a trial.")
    plan_seed: int = same_option(PlanOptions, "plan_seed", group=ROUNDS)
    features: str = same_option(PlanOptions, "features", group=ROUNDS)
    floor: float = same_option(PlanOptions, "floor", group=ROUNDS)
    probe: int = same_option(PlanOptions, "probe", group=ROUNDS)
    sweeps: int = same_option(PlanOptions, "sweeps", group=ROUNDS)

    @property
    def size(self) -> RenderBudget:
        """Return the size of the set at the end."""
        return RenderBudget.parse(self.budget)

    def added_images(self, number: int) -> int:
        """Images of each identity that round `number`, from 0, adds: as even as possible."""
        each, rest = divmod(self.size.images, self.rounds)
        return each + (number < rest)


@dataclass(frozen=True, kw_only=True)
class ConstructFile(TrainingOptions):
    """A whole file: the renders, the target, the other target of the control, rounds, and the
    options of the final training. `target_images` are the images of both targets by name, for a dry
    run where they do not exist."""

    construct: ConstructInfo
    renders: SpaceOptions
    target: dict[str, str]
    other_target: dict[str, str]
    rounds: RoundOptions
    price_per_hour: float | None = field(default=None)
    target_images: dict[str, int] = field(default_factory=dict)

    def training(self) -> dict[str, Any]:
        """The options of training."""
        return {name: getattr(self, name) for name in options_of(TrainingOptions)}

    @property
    def target_name(self) -> str:
        """Return the name of the target."""
        return next(iter(self.target))

    @property
    def other_name(self) -> str:
        """Return the name of the other target."""
        return next(iter(self.other_target))


def read_construct(path: str | Path) -> tuple[ConstructFile, Declaration]:
    """Read the file of a construction. DeclarationError names what is wrong and where."""
    declaration = load_declaration("constructions", path)
    where, data = declaration.where, declaration.data
    try:
        found = from_mapping(ConstructFile, data, where)
    except (PlanError, TrainingError) as problem:
        raise DeclarationError(f"{where}: {problem}") from problem
    for key, given in (("target", found.target), ("other_target", found.other_target)):
        if len(given) != 1:
            raise DeclarationError(
                f"{where}: {key}: expected one line NAME = PATH, found {len(given)}."
            )
    if found.target_images and set(found.target_images) != {found.target_name, found.other_name}:
        raise DeclarationError(
            f"{where}: target_images: expected numbers for {found.target_name} and"
            f" {found.other_name}, found {', '.join(found.target_images)}."
        )
    for word in (found.construct.name, found.target_name, found.other_name):
        if not _NAME.fullmatch(word):
            raise DeclarationError(f"{where}: '{word}' is no name; use letters, digits, - and _.")
    if found.target_name == found.other_name:
        raise DeclarationError(
            f"{where}: target and other_target have the same name, {found.target_name}."
        )
    _check_rounds(found.rounds, where)
    return replace(found, seeds=found.seeds or 5), declaration


def _check_rounds(rounds: RoundOptions, where: str) -> None:
    try:
        size = rounds.size
    except PlanError as problem:
        raise DeclarationError(f"{where}: rounds: {problem}") from problem
    if rounds.rounds > size.images:
        raise DeclarationError(
            f"{where}: rounds: {rounds.rounds} rounds cannot share {size.images} images of an"
            " identity. Reduce the rounds, or give each identity more images."
        )
    if "failures" in rounds.methods and (rounds.rounds == 1 or len(rounds.methods) == 1):
        raise DeclarationError(
            f"{where}: rounds: the method failures rests on the scores of the round before. Give 2"
            " rounds or more, and another method for the first."
        )
    if len(set(rounds.methods)) < len(rounds.methods) or not rounds.methods:
        raise DeclarationError(
            f"{where}: rounds: methods: name each once. {did_you_mean('', METHODS)}"
        )
