"""A recipe: everything about a training except its data, as one TOML file.

Recipes are fixed so that two scores differ only by their data. The resolved recipe of a run is in
its run.json.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from gprplus.core import declarations
from gprplus.core.benchmark_options import COMPILE, PRECISIONS
from gprplus.core.errors import RecipeError, did_you_mean, format_bytes
from gprplus.core.files.safe_names import plain_name

SCHEDULES = ("one-cycle", "cosine", "steps")
OPTIMIZERS = ("adamw", "adam", "sgd")
POOLINGS = ("mean", "gem")
# Least and most of every number. Past these a run fails somewhere else, or could not end.
BOUNDS: dict[str, tuple[float, float]] = {
    "seeds": (1, 1000),
    "length.steps": (0, 10_000_000),
    "length.epochs": (0, 100_000),
    "length.least": (0, 10_000_000),
    "input.height": (16, 4096),
    "input.width": (16, 4096),
    "network.last_stride": (1, 2),
    "batch.identities": (2, 65_536),
    "batch.images": (2, 4096),
    "optimizer.lr": (1e-12, 100),
    "optimizer.weight_decay": (0, 100),
    "optimizer.warmup": (0, 1),
    "optimizer.final": (0, 1),
    "optimizer.decay_at": (0, 1),
    "optimizer.decay": (0, 1),
    "loss.identity": (0, 1000),
    "loss.triplet": (0, 1000),
    "loss.label_smoothing": (0, 1),
    "loss.margin": (0, 1000),
    "augment.flip": (0, 1),
    "augment.pad": (0, 1024),
    "augment.erase": (0, 1),
}
MOST_STEP_BYTES = 4 << 30  # of the pixels of one step


@dataclass(frozen=True)
class InputSettings:
    """Size that images are packed and trained at, in pixels."""

    height: int = 256
    width: int = 128


@dataclass(frozen=True)
class NetworkSettings:
    """`backbone` names an entry of backbones.BACKBONES, or timm:NAME; `weights` is none, imagenet
    or a file, which must fit in every tensor unless `partial_weights`; `last_stride` 1 keeps the
    last stage twice as fine; `pooling` is mean, or gem (a generalised mean of learnt power).
    """

    backbone: str = "resnet50"
    weights: str = "none"
    last_stride: int = 1
    pooling: str = "mean"
    partial_weights: bool = False


@dataclass(frozen=True)
class BatchSettings:
    """P identities, K images of each."""

    identities: int = 16
    images: int = 4

    @property
    def size(self) -> int:
        """Images a step."""
        return self.identities * self.images


@dataclass(frozen=True)
class TrainingLength:
    """The length of a training: `steps`, the same for every arm, or `epochs` over the images of the
    arm. Exactly one of them is not zero.

    `equal` epochs are counted over the mean of the distinct training sets, of a split or of all
    splits of a study (a set shared by two splits is trained once and counted once). They give the
    same number of steps for every arm, at least `least`, so that the arms of a study can differ in
    size but not in training. The total number of images seen never exceeds one pass for each epoch
    over each distinct training set, unless `least` is larger.
    """

    steps: int = 0
    epochs: float = 0.0
    equal: bool = False
    least: int = 0


@dataclass(frozen=True)
class OptimizerSettings:
    """`warmup` and `decay_at` are shares of the run. one-cycle and cosine fall to `final` x `lr`;
    steps multiplies by `decay` at each of `decay_at`.
    """

    name: str = "adamw"
    lr: float = 3.5e-4
    weight_decay: float = 5e-4
    schedule: str = "cosine"
    warmup: float = 0.1
    final: float = 0.01
    decay_at: tuple[float, ...] = ()
    decay: float = 0.1


@dataclass(frozen=True)
class LossSettings:
    """Weights of the identity and the batch-hard triplet loss, the first one's label smoothing and
    the second one's margin.
    """

    identity: float = 1.0
    triplet: float = 1.0
    label_smoothing: float = 0.1
    margin: float = 0.3


@dataclass(frozen=True)
class AugmentSettings:
    """Chance of a mirror image, pixels of padding before the crop, chance of an erased
    rectangle."""

    flip: float = 0.5
    pad: int = 10
    erase: float = 0.0


@dataclass(frozen=True)
class ComputeSettings:
    """`precision` auto is bfloat16 on GPUs that multiply it natively (convolutions in float32 run in
    TF32 on a GPU, as torch has it), and on processors where a trial shows that it is faster;
    `compile` is one of torch.compile's modes, or no:
    default fuses operations, reduce-overhead replays a step's kernels as one CUDA graph,
    max-autotune does both and tries kernels out. true is default, false no. `deterministic` takes
    only such convolutions of cuDNN as give the same bits each time, and the same ones in every
    process: what exact resume on a GPU needs; false lets cuDNN try out which are fastest.
    `flip_features` adds the mirror image's feature.
    """

    precision: str = "auto"
    compile: str = "no"
    deterministic: bool = True
    flip_features: bool = False


@dataclass(frozen=True)
class Recipe:
    """A training recipe; `seeds` is the default number of seeds."""

    name: str
    title: str
    seeds: int
    length: TrainingLength
    input: InputSettings = field(default_factory=InputSettings)
    network: NetworkSettings = field(default_factory=NetworkSettings)
    batch: BatchSettings = field(default_factory=BatchSettings)
    optimizer: OptimizerSettings = field(default_factory=OptimizerSettings)
    loss: LossSettings = field(default_factory=LossSettings)
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    compute: ComputeSettings = field(default_factory=ComputeSettings)

    @classmethod
    def read(cls, name: str | Path) -> "Recipe":
        """A shipped recipe by name, or your own by the path of its `.toml` file.

        Raises RecipeError or DeclarationError.
        """
        declaration = declarations.load_declaration("recipes", name)
        data = {"name": declaration.name, **declaration.data}
        plain_name(data["name"], f"{declaration.where}: name", RecipeError)
        compute = data.get("compute")
        if isinstance(compute, dict) and isinstance(compute.get("compile"), bool):
            data["compute"] = compute | {"compile": "default" if compute["compile"] else "no"}
        return declarations.from_mapping(cls, data, declaration.where).checked(declaration.where)

    def with_options(
        self,
        *,
        backbone: str | None = None,
        weights: str | None = None,
        partial_weights: bool = False,
        steps: int | None = None,
        epochs: float | None = None,
        compile: str | None = None,
        precision: str | None = None,
    ) -> "Recipe":
        """The recipe with what the command line changed."""
        if steps is not None and epochs is not None:
            raise RecipeError("A training has --steps or --epochs, not both.")
        network, length, compute = self.network, self.length, self.compute
        if backbone is not None:
            network = replace(network, backbone=backbone)
        if weights is not None:
            network = replace(network, weights=weights)
        if partial_weights:
            network = replace(network, partial_weights=True)
        if steps is not None:
            length = TrainingLength(steps=int(steps))
        if epochs is not None:
            length = TrainingLength(epochs=float(epochs))
        if compile is not None:
            compute = replace(compute, compile=compile)
        if precision is not None:
            compute = replace(compute, precision=precision)
        return replace(self, network=network, length=length, compute=compute).checked()

    def checked(self, where: str | None = None) -> "Recipe":
        """Return the recipe, or raise RecipeError with the first invalid key and its location
        `where`."""
        where = where or f"recipe '{self.name}'"
        for value, choices, knob in (
            (self.optimizer.schedule, SCHEDULES, "optimizer.schedule"),
            (self.optimizer.name, OPTIMIZERS, "optimizer.name"),
            (self.compute.precision, PRECISIONS, "compute.precision"),
            (self.network.pooling, POOLINGS, "network.pooling"),
            (self.compute.compile, COMPILE, "compute.compile"),
        ):
            if value not in choices:
                raise RecipeError(
                    f"{where}: there is no {knob} '{value}'. {did_you_mean(value, choices)}"
                )
        for knob, number in self._numbers():
            _within(f"{where}: {knob}", number, *BOUNDS[knob])
        if (self.length.steps > 0) == (self.length.epochs > 0):
            raise RecipeError(
                f"{where}: give a positive length.steps or length.epochs, and only one of them "
                f"(found steps {self.length.steps}, epochs {self.length.epochs:g})."
            )
        if not self.loss.identity and not self.loss.triplet:
            raise RecipeError(
                f"{where}: loss.identity and loss.triplet are both 0, so that nothing is learnt."
            )
        step = self.batch.size * self.input.height * self.input.width * 3
        if step > MOST_STEP_BYTES:
            raise RecipeError(
                f"{where}: a step of {self.batch.size:,} images of {self.input.height} x"
                f" {self.input.width} holds {format_bytes(step)} of pixels, at most"
                f" {format_bytes(MOST_STEP_BYTES)} are expected: lower batch.identities,"
                " batch.images or the input's size."
            )
        return self

    def _numbers(self) -> Iterator[tuple[str, float]]:
        """Yield every number of the recipe with its name in BOUNDS; a list gives each of its
        items."""
        yield "seeds", self.seeds
        for section, knobs in self.resolved().items():
            for name, value in knobs.items() if isinstance(knobs, dict) else ():
                for one in value if isinstance(value, list | tuple) else (value,):
                    if isinstance(one, int | float) and not isinstance(one, bool):
                        yield f"{section}.{name}", one

    def steps(self, images: float) -> int:
        """Optimiser steps over a training set of so many images: the whole ones that its epochs
        hold."""
        if self.length.steps:
            return self.length.steps
        exact = self.length.epochs * images / self.batch.size
        return max(1, self.length.least, math.floor(exact + 1e-6))  # 0.1 has no exact binary form

    def for_arms(self, images: Sequence[int]) -> "Recipe":
        """The recipe for arms whose training sets hold so many `images`, each set once: equal
        epochs become steps, all else stays.
        """
        if not self.length.equal:
            return self
        return replace(self, length=TrainingLength(steps=self.steps(sum(images) / len(images))))

    def resolved(self) -> dict[str, Any]:
        """Return all settings for the record."""
        return asdict(self)


def _within(what: str, value: float, least: float, most: float) -> None:
    """Raise RecipeError unless `value` is a number in the range; `what` is its location."""
    if least <= value <= most:
        return
    if value < least:
        raise RecipeError(f"{what} must be at least {least:,}, found {value}.")
    if value > most:
        raise RecipeError(f"{what} must be at most {most:,}, found {value}.")
    raise RecipeError(f"{what} must be a number from {least:,} to {most:,}, found {value}.")
