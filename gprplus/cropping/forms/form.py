"""The interface of a native form: how it is detected, and how its scenes are read."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import ClassVar

from gprplus.core.errors import FramesError, GprplusError
from gprplus.core.options import Options, option
from gprplus.cropping.annotations import AnnotatedFrame

ENGINE = "Engine output"


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
        help="Form of an engine's output: auto, none, or a name from `gprplus layouts --forms`.",
    )
    every: int = option(
        1,
        group=ENGINE,
        metavar="N",
        at_least=1,
        help="Read every N-th frame: those whose number is a multiple of N.",
    )
    identity: str = option(
        "",
        group=ENGINE,
        metavar="BY",
        default_note="the form's",
        help="What an identity is, where a form has a choice: id, look, name, tag or instance.",
    )


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


FORMS: dict[str, EngineForm] = {}


def register_form(form: EngineForm) -> None:
    """Add a form; `registry` imports the modules that do so."""
    assert form.name not in FORMS
    FORMS[form.name] = form
