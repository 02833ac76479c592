"""The options of render and render_frames."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from gprplus.core.errors import GprplusError, RenderError
from gprplus.core.options import Options, option, options_of
from gprplus.core.shared_options import device_field, seed_field, workers_field

DESIGN, IMAGES, FRAMES = "Design", "Images", "Whole frames"
# Options that a plan takes the place of.
PLANNED = ("identities", "viewpoints", "weathers", "illuminations", "backgrounds")


@dataclass(frozen=True)
class DesignOptions(Options):
    """The crossed design, of crops and of frames."""

    error: ClassVar[type[GprplusError]] = RenderError
    default_size: ClassVar[tuple[int, int]] = (200, 470)

    identities: int = option(64, group=DESIGN, help="Number of identities.")
    viewpoints: int = option(
        6,
        group=DESIGN,
        help="Number of cameras around each identity; divides 360, and is at most 36.",
    )
    weathers: tuple[str, ...] = option(
        ("all",), group=DESIGN, metavar="LEVEL,...", help="Weathers, separated by commas, or all."
    )
    illuminations: tuple[str, ...] = option(
        ("forenoon", "dusk", "night"),
        group=DESIGN,
        metavar="LEVEL,...",
        help="Hours, separated by commas, or all.",
    )
    backgrounds: int = option(
        1, group=DESIGN, help="Number of places; each identity is drawn in all of them."
    )
    domain: str = option(
        "engine",
        group=DESIGN,
        metavar="DOMAIN",
        help="Cameras and appearance: engine, street or mall.",
    )
    same_people: bool = option(
        False,
        group=DESIGN,
        help="Draw the identities of the domain engine in another domain, for a paired comparison.",
    )
    seed: int = seed_field(DESIGN)
    size: tuple[int, ...] | str | None = option(
        None,
        group=IMAGES,
        metavar="WxH",
        default_note="200x470; 1280x720 for frames",
        help="Width and height of an image in pixels.",
    )
    masks: bool = option(False, group=IMAGES, help="Also write a mask for each image.")
    device: str = device_field()
    workers: int | None = workers_field()

    def __post_init__(self) -> None:
        super().__post_init__()
        size = self.default_size if self.size is None else self.size
        object.__setattr__(self, "size", parse_size(size) if isinstance(size, str) else size)

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of an image."""
        assert isinstance(self.size, tuple)
        width, height = self.size
        return int(width), int(height)


@dataclass(frozen=True)
class RenderOptions(DesignOptions):
    """The design and the annotations of crops."""

    boxes: bool = option(False, group=IMAGES, help="Also write a bounding box for each image.")
    keypoints: bool = option(
        False,
        group=IMAGES,
        help="Also write COCO annotations: 17 keypoints, box and mask of each identity.",
    )
    plan: Path | None = option(
        None,
        group=DESIGN,
        metavar="FILE",
        default_note="a crossed design",
        help=(
            "A render plan: the folder, or its file .csv, .json or .parquet. Exactly its images are"
            " drawn."
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.plan is None:
            return
        known = options_of(RenderOptions)
        for name in PLANNED:
            if getattr(self, name) != known[name].default:
                raise RenderError(f"{known[name].flag} cannot be given with a plan, which has it.")
        for name in ("boxes", "keypoints"):
            if getattr(self, name):
                raise RenderError(
                    f"{known[name].flag} is written for crossed designs only. Leave it out, or"
                    " render without a plan."
                )


@dataclass(frozen=True)
class FramesOptions(DesignOptions):
    """The design of frames with several people; their annotations always hold boxes and
    keypoints."""

    default_size: ClassVar[tuple[int, int]] = (1280, 720)

    meetings: int = option(
        2, group=FRAMES, help="Whole frames: number of moments in which each identity meets others."
    )


def parse_size(text: str) -> tuple[int, int]:
    """'200x470' -> (200, 470): width and height.

    >>> parse_size("200x470")
    (200, 470)
    """
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise RenderError(f"--size is width x height in pixels, such as 200x470, not '{text}'.")
    return int(width), int(height)
