"""The interface of a native form: how it is detected, and how its scenes are read."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar

from gprplus.core.errors import FramesError, GprplusError
from gprplus.core.options import Options, option
from gprplus.cropping.annotations import AnnotatedFrame
from gprplus.cropping.selection import EDGES, CropRules
from gprplus.cropping.worker import CropWriter

ENGINE, CROPS = "Engine output", "Crops of engine output"


class Scope(Enum):
    """How far an id means the same person. Outside of it, equal ids are different persons."""

    SEQUENCE = "sequence"
    SCENE = "scene"
    RUN = "run"
    GLOBAL = "global"


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
        50, group=CROPS, at_least=1, help="Smallest height of a box in the frame, in pixels."
    )
    min_width: int = option(
        25, group=CROPS, at_least=1, help="Smallest width of a box in the frame, in pixels."
    )
    min_visible: float = option(
        0.25, group=CROPS, at_least=0, at_most=1, help="Smallest visible share of a person."
    )
    max_truncated: float = option(
        0.25,
        group=CROPS,
        at_least=0,
        at_most=1,
        help="Largest share of a person outside the frame.",
    )
    edges: str = option(
        "drop",
        group=CROPS,
        choices=EDGES,
        help="Boxes that touch the frame's edge where the truncated share is unknown.",
    )
    margin: float = option(
        0.0, group=CROPS, at_least=0, at_most=2, help="Added on each side, as a share of the box."
    )
    quality: int = option(
        95, group=CROPS, at_least=1, at_most=100, help="Quality of a JPEG, from 1 to 100."
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
        group=CROPS,
        flag="--crops-folder",
        metavar="FOLDER",
        default_note="WORK/crops",
        recorded=False,
        help="Folder in which each engine output has a folder of its crops.",
    )

    def rules(self) -> CropRules:
        """Return the rules that decide which annotations become crops."""
        return CropRules(
            margin=self.margin,
            min_width_px=self.min_width,
            min_height_px=self.min_height,
            min_visible=self.min_visible,
            max_truncated=self.max_truncated,
            edges=self.edges,
        )

    def writing(self) -> CropWriter:
        """Return how crops are written."""
        return CropWriter(quality=self.quality)

    def recorded(self) -> dict[str, Any]:
        """Return the options that decide which crops result, for the record."""
        return {name: value for name, value in vars(self).items() if name not in ("form", "crops")}


@dataclass(frozen=True)
class EngineScene(ABC):
    """A scene, sequence or run: the unit that is read in one go, and kept if it is unchanged.

    `name` is unique in the folder `root`; paths of frames are relative to `root`. `files` are files
    whose content decides how the frames are annotated; the files of the pictures, and files for one
    frame beside these, need not be named.
    """

    name: str
    root: Path
    files: tuple[Path, ...]

    @abstractmethod
    def read(self) -> Iterator[AnnotatedFrame]:
        """Yield the frames with their persons, in the order of the source; cameras may alternate.

        Identities are as the source has them, unique in the form's scope. A person that cannot be
        used has `reject`. Raises FramesError if the source is damaged.
        """


@dataclass(frozen=True)
class EngineForm:
    """A native form.

    `detect` returns why a folder has this form, in a few words, and "" if it does not; `scenes`
    lists what is in it, and raises FramesError if it is incomplete. `identities` are the values of
    FormOptions.identity that it accepts, the default first.
    """

    name: str
    title: str
    scope: Scope
    detect: Callable[[Path], str]
    scenes: Callable[[Path, FormOptions], Sequence[EngineScene]]
    identities: tuple[str, ...] = ("id",)

    def scope_of(self, identity: str) -> Scope:
        """Return the scope of identities: a look, which is no id, means the same everywhere."""
        return Scope.GLOBAL if identity == "look" else self.scope


FORMS: dict[str, EngineForm] = {}


def register_form(form: EngineForm) -> None:
    """Add a form; `registry` imports the modules that do so."""
    assert form.name not in FORMS
    FORMS[form.name] = form
