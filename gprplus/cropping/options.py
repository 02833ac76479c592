"""The options of crop_frames and crop_engine_output."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from gprplus.core.errors import FramesError, GprplusError
from gprplus.core.options import Options, option
from gprplus.core.shared_options import workers_field

ANNOTATIONS, CROPS = "Annotations", "Crops"
ENGINE, ENGINE_CROPS = "Engine output", "Crops of engine output"
EDGES = ("drop", "keep")


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


@dataclass(frozen=True)
class FormOptions(Options):
    """How the native output of an engine is read."""

    error: ClassVar[type[GprplusError]] = FramesError

    form: str = option(
        "auto",
        group=ENGINE,
        metavar="FORM",
        help="Form of an engine's output: auto, none, or a name from `gprplus layouts forms`.",
    )
    every: int = option(
        1,
        group=ENGINE,
        metavar="N",
        at_least=1,
        help="Read every N-th frame: those whose number is a multiple of N.",
    )
    min_height: int = option(
        50, group=ENGINE_CROPS, at_least=1, help="Smallest height of a box in the frame, in pixels."
    )
    min_width: int = option(
        25, group=ENGINE_CROPS, at_least=1, help="Smallest width of a box in the frame, in pixels."
    )
    min_visible: float = option(
        0.25, group=ENGINE_CROPS, at_least=0, at_most=1, help="Smallest visible share of a person."
    )
    max_truncated: float = option(
        0.25,
        group=ENGINE_CROPS,
        at_least=0,
        at_most=1,
        help="Largest share of a person outside the frame.",
    )
    edges: str = option(
        "drop",
        group=ENGINE_CROPS,
        metavar="|".join(EDGES),
        choices=EDGES,
        help="Boxes that touch the frame's edge where the truncated share is unknown.",
    )
    margin: float = option(
        0.0,
        group=ENGINE_CROPS,
        at_least=0,
        at_most=2,
        help="Added on each side, as a share of the box.",
    )
    quality: int = option(
        95, group=ENGINE_CROPS, at_least=1, at_most=100, help="Quality of a JPEG, from 1 to 100."
    )
    identity: str = option(
        "",
        group=ENGINE,
        metavar="BY",
        default_note="the form's",
        help="What an identity is, where a form has a choice: id, look, name, tag or instance.",
    )

    crops: Path | None = option(
        None,
        group=ENGINE_CROPS,
        flag="--crops-folder",
        metavar="FOLDER",
        default_note="WORK/crops",
        recorded=False,
        help="Folder in which each engine output has a folder of its crops.",
    )

    def recorded(self) -> dict[str, Any]:
        """Return the options that decide which crops result, for the record."""
        return {name: value for name, value in vars(self).items() if name not in ("form", "crops")}
