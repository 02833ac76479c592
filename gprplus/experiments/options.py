"""The options of study and of run-external."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import ClassVar

from gprplus.core.benchmark_options import MAX_SEEDS, BenchmarkOptions
from gprplus.core.errors import DeclarationError, GprplusError, TrainingError
from gprplus.core.options import Options, option, same_option
from gprplus.core.shared_options import COMPUTE

STUDY = "the study's"
PROGRAM = "Program"
_SCALE = re.compile(r"\d{1,12}(/\d{1,12})?|\d?\.\d{1,12}", re.ASCII)


@dataclass(frozen=True)
class StudyOptions(Options):
    """Changes of a study file by a call of study, and how the study is run."""

    error: ClassVar[type[GprplusError]] = DeclarationError

    manifest: Path | None = option(
        None,
        group="Study",
        metavar="FOLDER",
        default_note=STUDY,
        help="Manifest to make the splits from.",
    )
    scale: str | float | Fraction = option(
        Fraction(1),
        group="Study",
        metavar="FRACTION",
        help=(
            "Factor of all numbers of identities and images, such as 1/20, for a small trial of a"
            " study."
        ),
    )
    recipe: str | Path | None = same_option(BenchmarkOptions, "recipe", None, default_note=STUDY)
    seeds: int | None = same_option(BenchmarkOptions, "seeds", default_note=STUDY)
    steps: int | None = same_option(BenchmarkOptions, "steps", default_note=STUDY)
    epochs: float | None = same_option(BenchmarkOptions, "epochs", default_note=STUDY)
    compile: str | None = same_option(BenchmarkOptions, "compile")
    targets: Mapping[str, Path] = same_option(BenchmarkOptions, "targets", default_note=STUDY)
    roots: Mapping[str, Path] = same_option(BenchmarkOptions, "roots")
    device: str = same_option(BenchmarkOptions, "device")
    jobs: int | None = same_option(BenchmarkOptions, "jobs")
    shard: str | None = same_option(BenchmarkOptions, "shard")
    track: str | None = same_option(BenchmarkOptions, "track")

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "scale", read_scale(str(self.scale)))


@dataclass(frozen=True)
class ExternalOptions(Options):
    """Options of `run_external`."""

    error: ClassVar[type[GprplusError]] = TrainingError

    name: str = option(
        "external",
        group=PROGRAM,
        metavar="NAME",
        help="Name of the trainer in tables, and of the folder of its runs.",
    )
    seeds: int = option(
        1, group=PROGRAM, at_least=1, at_most=MAX_SEEDS, help="Number of seeds of every arm."
    )
    backbone: str | None = option(
        None,
        group=PROGRAM,
        metavar="NAME",
        help="Network of the checkpoint that the program writes, such as resnet50.",
    )
    height: int = option(256, group=PROGRAM, at_least=1, help="Input height of {backbone}.")
    width: int = option(128, group=PROGRAM, at_least=1, help="Input width of {backbone}.")
    untrained: str | None = option(
        None,
        group=PROGRAM,
        metavar="COMMAND",
        help=(
            "Command line that embeds the images before any training, as the arm untrained; it may"
            " do without training images."
        ),
    )
    targets: Mapping[str, Path] = same_option(BenchmarkOptions, "targets")
    protocol: str | None = same_option(BenchmarkOptions, "protocol")
    roots: Mapping[str, Path] = same_option(BenchmarkOptions, "roots")
    rerank: bool = same_option(BenchmarkOptions, "rerank")
    device: str = same_option(BenchmarkOptions, "device")
    jobs: int = option(
        1,
        group=COMPUTE,
        at_least=1,
        help="Number of parallel runs; with --on ray and GPUs, of those that share a GPU.",
    )


def read_scale(text: str) -> Fraction:
    """Parse a scale: 1/20, 0.05 or 1. DeclarationError unless it is above 0 and at most 1.

    >>> read_scale("1/20"), read_scale("0.05") == read_scale("1/20")
    (Fraction(1, 20), True)
    """
    scale = Fraction(0)
    if _SCALE.fullmatch(text):  # Fraction itself would work out 1e-1000000000
        with suppress(ZeroDivisionError):
            scale = Fraction(text)
    if not 0 < scale <= 1:
        raise DeclarationError(
            f"A scale is a fraction above 0 and at most 1, such as 1/20; found '{text[:40]}'."
        )
    return scale
