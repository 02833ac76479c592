"""The options of crop_frames."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from gprplus.core.errors import FramesError, GprplusError
from gprplus.core.options import Options, option
from gprplus.core.shared_options import workers_field

ANNOTATIONS, CROPS = "Annotations", "Crops"


@dataclass(frozen=True)
class CropOptions(Options):
    """Where annotations are read from, and how crops are written. Exactly one of `coco`, `masks`
    and `points`."""

    error: ClassVar[type[GprplusError]] = FramesError

    coco: tuple[Path, ...] = option(
        (),
        group=ANNOTATIONS,
        metavar="FILE",
        repeated=True,
        help=(
            "COCO JSON with boxes, masks and keypoints. Identities of several files are kept apart."
        ),
    )
    masks: Path | None = option(
        None,
        group=ANNOTATIONS,
        metavar="FOLDER",
        help="Folder of instance masks: a value or color for each person.",
    )
    people: Path | None = option(
        None, group=ANNOTATIONS, metavar="FILE", help="CSV from the values of masks to identities."
    )
    points: Path | None = option(
        None,
        group=ANNOTATIONS,
        metavar="PATH",
        help="RandPerson's cameraX_Y_point.txt, or a folder of them.",
    )
    rename: tuple[str, ...] = option(
        (),
        group=ANNOTATIONS,
        flag="--key",
        metavar="NAME=KEY",
        repeated=True,
        help=(
            "Key of a COCO annotation that holds identity, visible, weather, ...; KEY+KEY joins"
            " several, attributes.3 is an entry of a list."
        ),
    )
    category: str | None = option(
        None,
        group=ANNOTATIONS,
        metavar="NAME",
        default_note="person or pedestrian",
        help="Category of the annotations that become crops.",
    )
    name: str | None = option(
        None,
        group=CROPS,
        metavar="NAME",
        default_note="that of its folder",
        help="Name of the dataset.",
    )
    extension: str = option(
        ".jpg", group=CROPS, choices=(".jpg", ".png"), help="Format of the crops: .jpg or .png."
    )
    quality: int = option(
        95, group=CROPS, at_least=1, at_most=100, help="Quality of a JPEG, from 1 to 100."
    )
    save_masks: bool = option(False, group=CROPS, help="Write the mask of each crop into _masks/.")
    workers: int | None = workers_field()

    def __post_init__(self) -> None:
        one = self.coco
        if one is None or isinstance(one, str | Path):  # a single file, as in earlier versions
            object.__setattr__(self, "coco", () if one is None else (Path(one),))
        super().__post_init__()
