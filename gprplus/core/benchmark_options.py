"""The options of benchmark, and how benchmark.json records them so that a report can print the
command."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from gprplus.core.commands import relative_command, resolve_command
from gprplus.core.errors import GprplusError, TrainingError
from gprplus.core.options import Options, option, options_of, renamed
from gprplus.core.shared_options import (
    COMPUTE,
    device_field,
    protocol_field,
    roots_field,
    targets_field,
)
from gprplus.core.typed import parse_typed

MAX_SEEDS = 1000  # of every arm, as in a recipe
PRECISIONS = ("auto", "float32", "bfloat16")
COMPILE = ("no", "default", "reduce-overhead", "max-autotune")
BUILT_IN = ("none", "imagenet")  # initial weights that are no file
ESTIMANDS = {
    "own": "query and gallery of one level that the arm was trained on",
    "transfer": "of one level that it was not trained on",
    "mixed": "a gallery of all levels",
}
TRAINING, SCORING, TRACKING = "Training", "Scoring and statistics", "Tracking"
_UNRECORDED = (
    "seeds",
    "jobs",
)  # of the arguments: more seeds may be added, and jobs change no result


@dataclass(frozen=True)
class TrainingOptions(Options):
    """Training options of every arm of a split."""

    error: ClassVar[type[GprplusError]] = TrainingError

    recipe: str | Path = option(
        "auto",
        group=TRAINING,
        metavar="RECIPE",
        help=(
            "Training recipe: the name of a shipped one or a .toml file; auto is fast on a GPU and"
            " quick without one."
        ),
    )
    backbone: str | None = option(
        None,
        group=TRAINING,
        metavar="NAME",
        default_note="the recipe's",
        help="Network, such as small, resnet50 or one of timm.",
    )
    weights: str | Path | None = option(
        None,
        group=TRAINING,
        metavar="WEIGHTS",
        default_note="the recipe's",
        help="Initial weights of the network: none, imagenet or a file.",
    )
    partial_weights: bool = option(
        False,
        group=TRAINING,
        help=(
            "Accept initial weights that fit only a part of the network; the other tensors start"
            " from random values."
        ),
    )
    seeds: int | None = option(
        None,
        group=TRAINING,
        at_least=1,
        at_most=MAX_SEEDS,
        default_note="the recipe's",
        help="Number of training seeds of every arm.",
    )
    steps: int | None = option(
        None,
        group=TRAINING,
        at_least=1,
        default_note="the recipe's",
        help="Optimizer steps, the same for every arm.",
    )
    epochs: float | None = option(
        None,
        group=TRAINING,
        above=0,
        default_note="the recipe's",
        help="Length of training in passes over the images of each arm, instead of {steps}.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(
            self, "recipe", _file_or_name(self.recipe, str(self.recipe).endswith(".toml"))
        )
        weights = self.weights
        if weights is not None:
            object.__setattr__(
                self, "weights", _file_or_name(weights, str(weights) not in BUILT_IN)
            )


@dataclass(frozen=True)
class BenchmarkOptions(TrainingOptions):
    """Options for training, scoring and comparing the arms of splits."""

    first_seed: int = option(
        0,
        group=TRAINING,
        at_least=0,
        metavar="N",
        help=(
            "Number of the first training seed. To confirm a choice that was made with some seeds"
            " by others, give these another --output: all seeds in a run folder count together."
        ),
    )
    precision: str | None = option(
        None,
        group=TRAINING,
        choices=PRECISIONS,
        metavar="TYPE",
        default_note="the recipe's",
        help="Number type of trainings: float32, bfloat16, or auto, which is the faster one.",
    )
    compile: str | None = option(
        None,
        group=TRAINING,
        choices=COMPILE,
        metavar="MODE",
        default_note="the recipe's",
        help="Mode of torch.compile: no, default, reduce-overhead or max-autotune.",
    )
    targets: Mapping[str, Path] = targets_field(SCORING)
    roots: Mapping[str, Path] = roots_field(SCORING)
    protocol: str | None = protocol_field(
        SCORING,
        "that of each target's manifest",
        "Which gallery images of a {targets} leave the ranking of a query.",
    )
    rerank: bool = option(
        False,
        group=SCORING,
        help="Also score with the gallery re-ranked by k-reciprocal neighbors.",
    )
    margin_points: float = option(
        1.0,
        group=SCORING,
        flag="--margin",
        old="margin",
        metavar="POINTS",
        above=0,
        at_most=100,
        help=(
            "Equivalence margin in points of mAP: a smaller difference counts as none. Choose it"
            " before the results are known."
        ),
    )
    estimand: str | None = option(
        None,
        group=SCORING,
        metavar="NAME",
        choices=ESTIMANDS,
        default_note="all three",
        help="What the verdict answers first.",
    )
    sensitivity: bool = option(
        False,
        group=SCORING,
        help=(
            "Then train the arm with the largest difference and the reference again, with half and"
            " double the learning rate and, if arms differ in size, for equal epochs; report"
            " whether the sign of the difference holds."
        ),
    )
    device: str = device_field()
    jobs: int | None = option(
        None,
        group=COMPUTE,
        at_least=1,
        default_note="one per core; 1 on a GPU",
        help="Number of parallel runs; with --on ray and GPUs, of those that share a GPU.",
    )
    shard: str | None = option(
        None,
        group=COMPUTE,
        metavar="I/N",
        recorded=False,
        help=(
            "Train only the I-th of N parts of the runs, as a job of an array. The same command"
            " without it trains what is left and reports."
        ),
    )
    track: str | None = option(
        None,
        group=TRACKING,
        metavar="TRACKER[:OPTIONS]",
        recorded=False,
        help=(
            "Log every run to tensorboard, wandb, mlflow or trackio, with options after a colon:"
            " tensorboard:DIR, wandb:project=NAME,mode=offline, mlflow:URI or trackio:project=NAME."
        ),
    )


def _file_or_name(value: str | Path, is_file: bool) -> str | Path:
    return Path(value) if is_file else str(value)


def arguments_record(
    options: BenchmarkOptions, output: Path, folder: Path, earlier: Mapping[str, Any]
) -> dict[str, Any]:
    """The options as JSON for benchmark.json in `folder`, with paths relative to it.

    Targets, roots, re-ranking and sensitivity of `earlier` calls, whose results are kept, stay.
    """
    record: dict[str, Any] = {"output": relative_command(output, folder)}
    for name, one in options_of(BenchmarkOptions).items():
        if name not in _UNRECORDED:
            record[one.key] = _relative(getattr(options, name), folder)
    for name in ("targets", "roots"):
        record[name] = {**earlier.get(name, {}), **record[name]}
    for name in ("rerank", "sensitivity"):
        record[name] = record[name] or earlier.get(name, False)
    return record


def _relative(value: Any, folder: Path) -> Any:
    if isinstance(value, Mapping):
        return {key: _relative(item, folder) for key, item in value.items()}
    return relative_command(value, folder) if isinstance(value, Path) else value


def read_arguments(
    record: Any, folder: Path, error: type[GprplusError]
) -> tuple[Path, BenchmarkOptions]:
    """The output folder and the options of the arguments in a benchmark.json in `folder`. Raises
    `error`."""
    where = "benchmark.json: arguments"
    given = renamed(BenchmarkOptions, record) if isinstance(record, Mapping) else record
    output = given.pop("output", "../..") if isinstance(given, dict) else "../.."
    try:
        options = parse_typed(BenchmarkOptions, given, where, error)
    except TrainingError as problem:
        raise error(f"{where}: {problem}") from problem
    found = {
        name: _resolved(getattr(options, name), folder) for name in options_of(BenchmarkOptions)
    }
    return resolve_command(str(output), folder), BenchmarkOptions(**found)


def _resolved(value: Any, folder: Path) -> Any:
    if isinstance(value, Mapping):
        return {key: _resolved(item, folder) for key, item in value.items()}
    return resolve_command(str(value), folder) if isinstance(value, Path) else value
