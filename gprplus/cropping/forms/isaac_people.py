"""Isaac Sim people (IRA): a folder for each camera, with rgb/, object_detection/, camera_params/.

The identity is the path of a character's prim, unique within a run; the look is its asset, of
which several characters may be spawned.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gprplus.core.errors import FramesError
from gprplus.cropping.annotations import AnnotatedFrame, AnnotatedPerson
from gprplus.cropping.forms.form import EngineForm, EngineScene, Scope, register_form
from gprplus.cropping.forms.source_files import folder_above, folders_below, names_in, scene_name
from gprplus.cropping.forms.source_values import (
    BodyPose,
    area_share,
    box_of_corners,
    camera_levels,
    frame_json,
    is_person_label,
    known_share,
    prim_identity,
    unread_frame,
)
from gprplus.cropping.geometry import CameraPose, row_vector_pose, view_camera
from gprplus.cropping.options import FormOptions

_RGB = re.compile(r"rgb_([0-9]{1,12})\.(?:png|jpe?g)")


def people_of(detections: Mapping[str, Any], camera: CameraPose | None) -> list[AnnotatedPerson]:
    """Return the agents of an object_detection file, numbered by their order."""
    agents = detections.get("agents")
    if not isinstance(agents, dict):
        raise FramesError("the object_detection file has no object 'agents'.")
    return [
        _person(number, prim, agent, camera)
        for number, (prim, agent) in enumerate(agents.items(), start=1)
    ]


def _person(number: int, prim: str, agent: Any, camera: CameraPose | None) -> AnnotatedPerson:
    agent = agent if isinstance(agent, dict) else {}
    annotators = _object(agent.get("annotators"))
    tight, loose = (
        _object(annotators.get(f"bounding_box_2d_{kind}_fast")) for kind in ("tight", "loose")
    )
    box, whole = _box(tight), _box(loose)
    hidden = known_share(tight.get("occlusionRatio"))
    matrix = _object(annotators.get("bounding_box_3d_fast")).get("transform")
    placed = row_vector_pose(matrix)
    labels = _object(agent.get("label")).values()
    asset = annotators.get("asset_url")
    reject = None
    if not any(map(is_person_label, labels)):
        reject = ("category", f"the label of {prim} names no person.")
    return AnnotatedPerson(
        number,
        prim_identity(prim) or None,
        box if box is not None else whole,
        visible=area_share(box, whole) if hidden is None else 1 - hidden,
        look=Path(asset).stem if isinstance(asset, str) and asset else None,
        reject=reject,
        **({} if placed is None else BodyPose(*placed).fields(camera)),
    )


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _box(values: Mapping[str, Any]) -> Any:
    return box_of_corners(*(values.get(key) for key in ("x_min", "y_min", "x_max", "y_max")))


@dataclass(frozen=True)
class IsaacRun(EngineScene):
    """A run: folders of cameras below one folder."""

    run: Path
    cameras: tuple[str, ...]

    def read(self) -> Iterator[AnnotatedFrame]:
        """Yield the frames of the run, camera by camera."""
        for camera in self.cameras:
            folder = self.run / camera
            for name in names_in(folder / "rgb"):
                match = _RGB.fullmatch(name)
                if match:
                    yield _frame(self, folder, name, match[1])


def find_scenes(folder: Path, options: FormOptions) -> list[EngineScene]:
    """Return the runs below a folder."""
    runs: dict[Path, list[str]] = {}
    for camera in _camera_folders(folder):
        run = folder_above(camera, folder)
        runs.setdefault(run, []).append(camera.relative_to(run).as_posix())
    return [
        IsaacRun(scene_name(run, folder), folder, (), run, tuple(cameras))
        for run, cameras in runs.items()
    ]


def _camera_folders(folder: Path) -> Iterator[Path]:
    for below in folders_below(folder):
        if (below / "object_detection").is_dir() and (below / "rgb").is_dir():
            yield below


def detect(folder: Path) -> str:
    """Return why a folder is the output of Isaac Sim people; "" if it is not."""
    camera = next(_camera_folders(folder), None)
    if camera is None:
        return ""
    return f"{camera.name} has rgb/ and object_detection/"


def _frame(run: IsaacRun, folder: Path, name: str, number: str) -> AnnotatedFrame:
    camera = None
    try:
        camera = read_camera(folder / f"camera_params/camera_params_{number}.json")
        detections = folder / f"object_detection/object_detection_{number}.json"
        people = people_of(frame_json(detections, "the agents"), camera)
    except FramesError as error:
        people = [unread_frame(error)]
    return AnnotatedFrame(
        (folder / "rgb" / name).relative_to(run.root).as_posix(),
        int(number),
        people=tuple(people),
        scene=run.name,
        camera=folder.name.strip("_"),
        levels=camera_levels(camera),
    )


def read_camera(path: Path) -> CameraPose | None:
    """Return the camera of a camera_params file of Replicator; None without the file or a matrix."""
    if not path.is_file():
        return None
    return view_camera(frame_json(path, "the camera").get("cameraViewTransform"))


register_form(EngineForm("isaac_people", "Isaac Sim people (IRA)", Scope.RUN, detect, find_scenes))
