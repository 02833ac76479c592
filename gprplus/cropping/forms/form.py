"""The interface of a native form: how it is detected, and how its scenes are read."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from gprplus.cropping.annotations import AnnotatedFrame
from gprplus.cropping.options import FormOptions


class Scope(Enum):
    """How far an id means the same person. Outside of it, equal ids are different persons."""

    SEQUENCE = "sequence"
    SCENE = "scene"
    RUN = "run"
    GLOBAL = "global"


def scope_prefix(scene: str) -> str:
    """Return what an identity of a scene begins with: the name of the scene without underscores,
    and one. So the first underscore ends the scene, and the ids 1_2 of a and 2 of a_1 differ.

    >>> scope_prefix("train/Warehouse_000")
    'train-Warehouse-000_'
    """
    return f"{scene.replace('/', '-').replace('_', '-')}_"


@dataclass(frozen=True)
class EngineScene(ABC):
    """A scene, sequence or run: the unit that is read in one go, and kept if it is unchanged.

    `name` is unique in the folder `root`; paths of frames are relative to `root`. `files` are files
    whose content decides how the frames are annotated; the files of the pictures, and files of
    single frames next to these, need not be named.
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
