"""The options of analyze, of search and of embed."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from gprplus.core.errors import AnalysisError, GprplusError
from gprplus.core.options import Options, option, same_option
from gprplus.core.shared_options import device_field, roots_field, seed_field, workers_field

COMPARED, SEARCHED, EMBEDDED = "What is compared", "Search", "What is embedded"


@dataclass(frozen=True)
class AnalyzeOptions(Options):
    """Options of `analyze`."""

    error: ClassVar[type[GprplusError]] = AnalysisError

    attributes: tuple[str, ...] | None = option(
        None,
        group=COMPARED,
        flag="--attr",
        metavar="ATTR,...",
        default_note="all",
        help="Crossed attributes to measure, separated by commas.",
    )
    features: tuple[str, ...] = option(
        ("histograms",),
        group=COMPARED,
        metavar="FEATURES,...",
        help=(
            "Features that images are compared by, separated by commas: histograms, reid:RUN,"
            " imagenet, vgg19, resnet50, vgg19:FILE, resnet50:FILE, or a file of features as for"
            " score."
        ),
    )
    mode: str = option(
        "sound",
        group=COMPARED,
        metavar="MODE",
        help=(
            "sound, or paper: VGG-19 losses, cut levels and split counts as in the GPR+ paper, with"
            " their bias."
        ),
    )
    settings: Mapping[str, Any] = option(
        {},
        group=COMPARED,
        flag="--set",
        metavar="NAME=VALUE",
        help=(
            "Mode paper: a setting that the paper does not state, such as rule=median or pairs=32"
            " (docs/analysis.md)."
        ),
    )
    runs: tuple[Path, ...] = option(
        (),
        group=COMPARED,
        metavar="RUN",
        repeated=True,
        help=(
            "Benchmark that was scored on targets of these names: measure whether the distance"
            " ranks its arms as mAP does."
        ),
    )
    images: int = option(
        300, group=COMPARED, at_least=2, help="Images of each level and of the target."
    )
    people: int | None = option(
        None,
        group=COMPARED,
        at_least=2,
        default_note="as many as give about 4,000 images",
        help="Identities with an image in every combination, on which attributes are compared.",
    )
    seed: int = seed_field(COMPARED)
    device: str = device_field()
    workers: int | None = workers_field()


@dataclass(frozen=True)
class SearchOptions(Options):
    """Options of the subset search."""

    error: ClassVar[type[GprplusError]] = AnalysisError

    floor: float = option(
        0.5,
        group=SEARCHED,
        at_least=0,
        at_most=1,
        metavar="SHARE",
        help="Part of its even share that each viewpoint keeps at least.",
    )
    control_draws: int = option(
        1, group=SEARCHED, old="draws", at_least=1, help="Arms of each random control."
    )
    test_share: float = option(
        0.25,
        group=SEARCHED,
        at_least=0,
        below=1,
        metavar="SHARE",
        help="Share of the identities kept for the test set.",
    )
    features: str = option(
        "histograms", group=COMPARED, help="Features that images are compared by."
    )
    images: int = same_option(AnalyzeOptions, "images")
    people: int | None = same_option(AnalyzeOptions, "people")
    seed: int = same_option(AnalyzeOptions, "seed")
    device: str = same_option(AnalyzeOptions, "device")
    workers: int | None = same_option(AnalyzeOptions, "workers")
    splits: Path | None = option(
        None,
        group=SEARCHED,
        default_note="OUTPUT/splits",
        help="Folder of the splits for a benchmark.",
    )


@dataclass(frozen=True)
class EmbedOptions(Options):
    """Options of `embed`."""

    error: ClassVar[type[GprplusError]] = AnalysisError

    where: str | None = option(
        None,
        group=EMBEDDED,
        metavar="EXPR",
        default_note="all images",
        help="Images of a manifest or folder, such as \"weather == sunny and role != 'train'\".",
    )
    arm: str | None = option(
        None,
        group=EMBEDDED,
        metavar="ARM",
        default_note="query and gallery images",
        help="Training images of this arm of a split, instead of its test set.",
    )
    roots: Mapping[str, Path] = roots_field(EMBEDDED)
    device: str = device_field()
    workers: int | None = workers_field()
