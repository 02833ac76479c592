"""Replicator's BasicWriter: rgb, boxes as NPY with labels and prim paths, instance masks, cameras.

All files of a frame share a number such as 0012 or 0_9999. One camera writes into one folder;
several write into RENDER_PRODUCT/KIND/ or KIND/RENDER_PRODUCT/. The identity is the path of the
person's prim, unique within a run. Where old versions wrote no prim paths, it is read from the
mapping of the instance masks, whose colors change with every frame and mean parts of a person.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gprplus.core.errors import FramesError
from gprplus.cropping.annotations import AnnotatedFrame
from gprplus.cropping.forms.form import EngineForm, EngineScene, Scope, register_form
from gprplus.cropping.forms.replicator_frames import (
    BOXES,
    INSTANCES,
    FrameFiles,
    frame_files,
    read_people,
    stage_of,
)
from gprplus.cropping.forms.source_files import folders_below, names_in, scene_name
from gprplus.cropping.forms.source_values import camera_levels, unread_frame
from gprplus.cropping.options import FormOptions

_CAMERA = re.compile(r"(?i)replicator|render_?product|cam|sensor|view")


@dataclass(frozen=True)
class ReplicatorRun(EngineScene):
    """A run: the folders of pictures of each of its cameras."""

    cameras: tuple[tuple[str, Path], ...]

    def read(self) -> Iterator[AnnotatedFrame]:
        """Yield the frames of the run, camera by camera."""
        for camera, folder in self.cameras:
            found = [files for name in names_in(folder) if (files := frame_files(folder / name))]
            numbers = [int(files.number.partition("_")[0]) for files in found]
            if len(set(numbers)) < len(numbers):  # the second part is the number, as in 0_9999
                numbers = list(range(len(found)))
            for number, files in zip(numbers, found, strict=True):
                yield self._frame(files, number, camera)

    def _frame(self, files: FrameFiles, number: int, camera: str) -> AnnotatedFrame:
        stage, known = None, None
        try:
            stage = stage_of(files)
            people, known = read_people(files, stage)
        except FramesError as error:
            people = [unread_frame(error)]
        mask = ""
        if known is not None:
            path = files.path(INSTANCES, INSTANCES, ".png")
            mask = path.relative_to(self.root).as_posix()
        return AnnotatedFrame(
            files.picture.relative_to(self.root).as_posix(),
            number,
            people=() if mask else tuple(people),
            mask=mask,
            mask_form="rgba",
            known=known,
            scene=self.name,
            camera=camera,
            levels=camera_levels(None if stage is None else stage.camera),
        )


def find_scenes(folder: Path, options: FormOptions) -> list[EngineScene]:
    """Return the runs below a folder."""
    runs: dict[Path, list[tuple[str, Path]]] = {}
    for pictures, run, camera in _picture_folders(folder):
        runs.setdefault(run, []).append((camera, pictures))
    return [
        ReplicatorRun(scene_name(run, folder), folder, (), tuple(cameras))
        for run, cameras in runs.items()
    ]


def _picture_folders(folder: Path) -> Iterator[tuple[Path, Path, str]]:
    """Folder of pictures, folder of the run, and name of the camera."""
    for below in folders_below(folder):
        files = _annotated_picture(below)
        if files is None or not (files.top == folder or folder in files.top.parents):
            continue
        tree = below
        if files.nested:
            tree = below.parent if files.depth == 0 else below.parent.parent / below.name
        if (tree / "object_detection").is_dir():  # Isaac Sim people derives from this writer
            continue
        inside = tree != folder and folder in tree.parents
        if inside and (files.depth == 1 or _CAMERA.search(tree.name)):
            yield below, tree.parent, tree.name
        else:
            yield below, tree if inside else folder, "camera"


def _annotated_picture(folder: Path) -> FrameFiles | None:
    """Any picture in a folder, if there are boxes or instance masks of some frame."""
    found, annotated = None, False
    with os.scandir(folder) as entries:  # of many files: it stops as soon as it can
        for entry in entries:
            found = found or frame_files(folder / entry.name)
            annotated = annotated or entry.name.startswith((f"{BOXES}_", f"{INSTANCES}_"))
            if found is not None and found.nested:
                kinds = (found.path(kind, kind, "").parent for kind in (BOXES, INSTANCES))
                return found if any(kind.is_dir() for kind in kinds) else None
            if found is not None and annotated:
                return found
    return None


def detect(folder: Path) -> str:
    """Return why a folder is the output of the BasicWriter; "" if it is not."""
    found = next(_picture_folders(folder), None)
    if found is None:
        return ""
    return f"{scene_name(found[0], folder)} has rgb_NUMBER.png with boxes or instance masks"


register_form(EngineForm("replicator", "Replicator BasicWriter", Scope.RUN, detect, find_scenes))
