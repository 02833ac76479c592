"""Unity Perception before SOLO: Dataset*/captures_NNN.json, pictures in RGB*/.

An instance_id counts spawned objects and no name is reported, so there is no identity unless the
user takes the instances of each sequence for persons.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gprplus.core.errors import FramesError
from gprplus.core.files.safe_names import plain_path
from gprplus.cropping.annotations import AnnotatedFrame, AnnotatedPerson
from gprplus.cropping.field_values import parse_number
from gprplus.cropping.forms.form import EngineForm, EngineScene, Scope, register_form
from gprplus.cropping.forms.solo_steps import objects_in
from gprplus.cropping.forms.source_files import folders_below, names_in, scene_name, stream_items
from gprplus.cropping.forms.source_values import is_person_label, unread_frame, whole_number
from gprplus.cropping.options import FormOptions

_CAPTURES = re.compile(r"captures_[0-9]+\.json")
_SIDES = ("x", "y", "width", "height")


@dataclass(frozen=True)
class PerceptionRun(EngineScene):
    """A run: the folder above Dataset*/ and RGB*/."""

    run: Path
    captures: tuple[Path, ...]

    def read(self) -> Iterator[AnnotatedFrame]:
        """Yield the captures in order; those of one step have one number."""
        number, last = -1, None
        for path in self.captures:
            for item in stream_items(path, "captures.item"):
                capture = item if isinstance(item, dict) else {}
                step = (capture.get("sequence_id"), capture.get("step"))
                number += step != last or None in step
                last = step
                yield self._frame(path, number, capture)

    def _frame(self, path: Path, number: int, capture: Mapping[str, Any]) -> AnnotatedFrame:
        sensor = capture.get("sensor")
        camera = sensor.get("sensor_id") if isinstance(sensor, dict) else None
        camera = camera if isinstance(camera, str) else "camera"
        sequence = str(capture.get("sequence_id", ""))
        try:
            name = plain_path(capture.get("filename"), f"{path.name}: filename", FramesError)
        except FramesError as error:
            place, people = path.relative_to(self.root).as_posix(), [unread_frame(error)]
        else:
            place = (self.run / name).relative_to(self.root).as_posix()
            people = [
                _person(value, sequence)
                for annotation in objects_in(capture.get("annotations"))
                for value in objects_in(annotation.get("values"))
                if "instance_id" in value and "width" in value
            ]
        return AnnotatedFrame(place, number, people=tuple(people), scene=self.name, camera=camera)


def _person(value: Mapping[str, Any], sequence: str) -> AnnotatedPerson:
    number = whole_number(value.get("instance_id"))
    left, top, width, height = (parse_number(value.get(side)) for side in _SIDES)
    box = None
    if left is not None and top is not None and width is not None and height is not None:
        box = (left, top, width, height)
    reject = None
    if not is_person_label(value.get("label_name")):
        reject = ("category", "the label names no person.")
    elif number is None:
        reject = ("identity", "its instance_id is no whole number.")
    identity = None if number is None else f"{sequence}-{number}"
    return AnnotatedPerson(number or 0, identity, box, reject=reject)


def find_scenes(folder: Path, options: FormOptions) -> list[EngineScene]:
    """Return the runs below a folder. Raises FramesError unless the options take instances for
    persons."""
    runs: dict[Path, list[Path]] = {}
    for path in _capture_files(folder):
        runs.setdefault(path.parent.parent, []).append(path)
    if runs and options.identity != "instance":
        raise FramesError(
            f"{folder} is of Unity Perception before SOLO, which reports no names, and an"
            " instance_id means no person. Take each instance of a sequence for a person with"
            " --identity instance."
        )
    return [
        PerceptionRun(scene_name(run, folder), folder, (), run, tuple(files))
        for run, files in runs.items()
    ]


def _capture_files(folder: Path) -> Iterator[Path]:
    for below in folders_below(folder):
        if below != folder and below.name.startswith("Dataset"):
            yield from (below / name for name in names_in(below) if _CAPTURES.fullmatch(name))


def detect(folder: Path) -> str:
    """Return why a folder is of the older Perception package; "" if it is not."""
    found = next(_capture_files(folder), None)
    return "" if found is None else f"{found.parent.name} has {found.name}"


register_form(
    EngineForm(
        "unity_perception",
        "Unity Perception before SOLO",
        Scope.RUN,
        detect,
        find_scenes,
        ("name", "instance"),
    )
)
