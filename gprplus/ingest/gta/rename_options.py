"""The options of write_renamed."""

from dataclasses import dataclass
from typing import ClassVar

from gprplus.core.errors import GprplusError, ManifestError
from gprplus.core.options import Options, option
from gprplus.core.shared_options import workers_field

NAMES, FILES = "Names", "Files"


@dataclass(frozen=True)
class RenameOptions(Options):
    """Options of renaming raw output."""

    error: ClassVar[type[GprplusError]] = ManifestError

    layout: str = option(
        "auto",
        group=NAMES,
        metavar="LAYOUT",
        help="gta_raw_v30, gta_raw_v31, gta_raw_v314 or auto.",
    )
    cameras: str = option(
        "degrees",
        group=NAMES,
        metavar="RULE",
        choices={
            "degrees": "c01 is the front, each next camera 30 degrees on",
            "code": "c is C + 1",
        },
        help="How cameras are numbered.",
    )
    name: str | None = option(
        None, group=NAMES, metavar="NAME", default_note="gprplus", help="Name of the dataset."
    )
    bytes_: str = option(
        "jpeg",
        group=FILES,
        flag="--bytes",
        metavar="HOW",
        choices={"jpeg": "encode PNG bytes as JPEG", "keep": "copy them"},
        help="How images are written.",
    )
    quality: int = option(
        95, group=FILES, at_least=1, at_most=100, help="Quality of a JPEG, from 1 to 100."
    )
    workers: int | None = workers_field()
