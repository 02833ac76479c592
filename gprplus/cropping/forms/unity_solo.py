"""Unity SOLO: sequence.N/stepM.frame_data.json with captures of several cameras, and metrics.

`instanceId` counts spawned objects: it is unique in a run and means no person. The identity is the
name that the metadata labeler reports for the game object, or its tag. Where two objects have one
name, or none is reported, there is no identity, unless the user takes the instances of each sequence
for persons.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gprplus.core.errors import FramesError
from gprplus.core.files.safe_names import plain_name
from gprplus.cropping.annotations import AnnotatedFrame, AnnotatedPerson
from gprplus.cropping.forms.form import EngineForm, EngineScene, Scope, register_form
from gprplus.cropping.forms.solo_steps import (
    capture_camera,
    capture_mask,
    capture_people,
    metrics_of,
    objects_in,
)
from gprplus.cropping.forms.source_files import folders_below, names_in, scene_name
from gprplus.cropping.forms.source_values import camera_levels, frame_json, unread_frame
from gprplus.cropping.options import FormOptions

_SEQUENCE = re.compile(r"sequence\.[0-9]+")
_STEP = re.compile(r"step[0-9]+\.frame_data\.json")
IDENTITIES = ("name", "tag", "instance")
_LOOKED_AT = 20  # steps of a run, in which a name is looked for before the run is refused


@dataclass(frozen=True)
class SoloRun(EngineScene):
    """A run, and what its identities are: a name, a tag, or the instances of each sequence."""

    run: Path
    by: str

    def read(self) -> Iterator[AnnotatedFrame]:
        """Yield the pictures of all captures, step by step."""
        for number, path in enumerate(_steps(self.run)):
            try:
                step = frame_json(path, "the captures")
            except FramesError as error:
                yield self._unread(path, number, error)
                continue
            metrics = metrics_of(step)
            for capture in objects_in(step.get("captures")):
                people = capture_people(capture, metrics, self.by, path.parent.name)
                try:
                    frame = self._frame(path, number, capture, people)
                except FramesError as error:
                    frame = self._unread(path, number, error)
                yield replace(frame, levels={**frame.levels, **light_levels(metrics.lights)})

    def _frame(
        self, path: Path, number: int, capture: Mapping[str, Any], people: list[AnnotatedPerson]
    ) -> AnnotatedFrame:
        where = f"{path.name}: filename"
        name = plain_name(capture.get("filename"), where, FramesError)
        folder = path.parent
        mask = capture_mask(capture, people)
        if mask is not None:
            file = folder / plain_name(mask[0], where, FramesError)
            place = file.relative_to(self.root).as_posix()
            mask = (place, mask[1]) if file.is_file() else None
        return AnnotatedFrame(
            (folder / name).relative_to(self.root).as_posix(),
            number,
            people=tuple(people) if mask is None else (),
            mask="" if mask is None else mask[0],
            mask_form="rgba",
            known=None if mask is None else mask[1],
            scene=self.name,
            camera=str(capture.get("id")),
            levels=camera_levels(capture_camera(capture)),
        )

    def _unread(self, path: Path, number: int, error: FramesError) -> AnnotatedFrame:
        place = path.relative_to(self.root).as_posix()
        return AnnotatedFrame(place, number, people=(unread_frame(error),), scene=self.name)


def light_levels(lights: Mapping[str, float]) -> dict[str, float]:
    """Return the level of the light: the sum of the intensities of all reported lights.

    >>> light_levels({"Sun": 1.25, "Lamp": 0.5}), light_levels({})
    ({'light_intensity': 1.75}, {})
    """
    return {"light_intensity": round(sum(lights.values()), 4)} if lights else {}


def _steps(run: Path) -> Iterator[Path]:
    """The files of the steps of a run, in order."""
    for sequence in names_in(run):
        if _SEQUENCE.fullmatch(sequence):
            names = names_in(run / sequence)
            yield from (run / sequence / name for name in names if _STEP.fullmatch(name))


def find_scenes(folder: Path, options: FormOptions) -> list[EngineScene]:
    """Return the runs below a folder. Raises FramesError if one reports no names, unless the
    options take instances for persons."""
    by = options.identity or "name"
    runs = [below for below in folders_below(folder) if _has_steps(below)]
    for run in runs:
        if by != "instance" and not _has(run, by):
            raise FramesError(
                f"{scene_name(run, folder)} reports no {by} of its game objects, and an instanceId"
                f" means no person. Add the metadata labeler with the {by} tag and render again, or"
                " take each instance of a sequence for a person with --identity instance."
            )
    return [SoloRun(scene_name(run, folder), folder, (), run, by) for run in runs]


def _has_steps(folder: Path) -> bool:
    return next(_steps(folder), None) is not None


def _has(run: Path, by: str) -> bool:
    """Whether one of the first steps reports a name or a tag."""
    for path, _ in zip(_steps(run), range(_LOOKED_AT), strict=False):
        try:
            objects = metrics_of(frame_json(path, "the captures")).objects.values()
        except FramesError:  # it is rejected when it is read
            continue
        if any(getattr(item, by) is not None for item in objects):
            return True
    return False


def detect(folder: Path) -> str:
    """Return why a folder is the output of Unity SOLO; "" if it is not."""
    found = (next(_steps(below), None) for below in folders_below(folder))
    step = next((step for step in found if step is not None), None)
    return "" if step is None else f"{step.parent.name} has {step.name}"


register_form(EngineForm("unity_solo", "Unity SOLO", Scope.RUN, detect, find_scenes, IDENTITIES))
