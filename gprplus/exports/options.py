"""The options of export."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from gprplus.core.errors import ExportError, GprplusError
from gprplus.core.options import Options, option
from gprplus.core.shared_options import roots_field

EXPORTED = "What is written"


@dataclass(frozen=True)
class ExportOptions(Options):
    """Options of `export`."""

    error: ClassVar[type[GprplusError]] = ExportError

    arm: str | None = option(
        None,
        group=EXPORTED,
        metavar="ARM",
        default_note="every arm, each in its own folder",
        help="An arm of a split.",
    )
    deal: int = option(
        0, group=EXPORTED, at_least=0, help="Deal of an arm that has several (--deals)."
    )
    link: str = option(
        "hard",
        group=EXPORTED,
        metavar="HOW",
        choices=("hard", "sym", "copy"),
        help=(
            "hard links, sym(bolic) links or a copy of the images; images of an archive are always"
            " copied."
        ),
    )
    features: Path | None = option(
        None, group=EXPORTED, metavar="FILE", help="Features of the images, for atlas."
    )
    cameras: int = option(
        6,
        group=EXPORTED,
        at_least=1,
        help=(
            "Most cameras of market1501: further ones are merged. The usual loaders take 6; give"
            " more to a loader that reads all digits."
        ),
    )
    shard_size: int = option(
        10_000, group=EXPORTED, at_least=1, help="Most images in a file of parquet or webdataset."
    )
    roots: Mapping[str, Path] = roots_field(EXPORTED)
