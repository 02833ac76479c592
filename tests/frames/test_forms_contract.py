"""The contract of the native forms: one small world, written in every form, is read the same.

The truth (boxes, visible shares, viewpoints, distances) is computed by the world. `carries` names
what a form has; everything else must stay unknown.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from engine_world import city, gta, omniverse, tracks, unity, unreal
from engine_world.scene import FRAMES, SEQUENCES, Camera, Seen, Sequence

from gprplus.cropping.annotations import AnnotatedFrame, AnnotatedPerson
from gprplus.cropping.forms.registry import all_forms, find_form
from gprplus.cropping.native.crop_output import crop_engine_output
from gprplus.cropping.opened_frame import open_frame
from gprplus.cropping.options import FormOptions

POSE = frozenset({"viewpoint", "distance", "pitch", "ground"})
ENDS = (0, FRAMES - 1)
JOINTS = frozenset({"viewpoint", "distance", "visible"})


@dataclass(frozen=True)
class Case:
    """A form, the writer of its files, what it carries, how many identities it knows, and the
    number of its first frame."""

    form: str
    write: Callable[[Path], None]
    carries: frozenset[str]
    identities: int = 8  # 4 in each sequence, none joined
    first: int = 0
    identity: str = ""
    levels: frozenset[str] = frozenset()
    tolerance_deg: float = 0.1
    by_walking: bool = False  # headings from the frames before and after, unknown at the ends


CASES = {
    "ira": Case("isaac_people", omniverse.write_ira, POSE | {"visible", "look"}),
    "replicator": Case("replicator", omniverse.write_replicator, POSE | {"visible"}),
    "replicator-kind": Case(
        "replicator", partial(omniverse.write_replicator, layout="kind"), POSE | {"visible"}
    ),
    "replicator-flat": Case(
        "replicator", partial(omniverse.write_replicator, layout="flat"), POSE | {"visible"}
    ),
    "replicator-old": Case(
        "replicator", partial(omniverse.write_replicator, boxes=False), frozenset({"pitch"})
    ),
    "solo": Case("unity_solo", unity.write_solo, POSE | {"visible"}, identities=7),
    "solo-instances": Case(
        "unity_solo",
        partial(unity.write_solo, names=False),
        frozenset({"pitch", "visible"}),
        identity="instance",
    ),
    "perception": Case(
        "unity_perception", unity.write_perception, frozenset(), identity="instance"
    ),
    "mta": Case(
        "mta", gta.write_mta, POSE | {"look"}, levels=frozenset({"illumination", "gender"})
    ),
    "mta-short": Case("mta", partial(gta.write_mta, joints=False), frozenset()),
    "jta": Case("jta", gta.write_jta, JOINTS, identities=24, first=1),
    "jta-images": Case("jta", partial(gta.write_jta, video=False), JOINTS, identities=24, first=1),
    "bedlam": Case("bedlam", unreal.write_bedlam, frozenset({"pitch", "look"}), identities=7),
    "carla": Case(
        "carla",
        unreal.write_carla,
        POSE | {"look"},
        levels=frozenset({"illumination", "weather"}),
    ),
    "smartspaces": Case("smartspaces", city.write_smartspaces, POSE | {"look", "visible boxes"}),
    "aicity": Case("aicity", city.write_aicity, POSE - {"ground"}, by_walking=True),
    "mot": Case("mot", tracks.write_mot, frozenset({"visible"}), identities=24, first=1),
    "mot-video": Case(
        "mot",
        partial(tracks.write_mot, video=True),
        frozenset({"visible"}),
        identities=24,
        first=1,
    ),
    "mots": Case("mot", tracks.write_mots, frozenset(), identities=24, first=1),
    "coco-video": Case(
        "coco_video", tracks.write_coco_video, frozenset({"visible"}), identities=24
    ),
    "motsynth": Case(
        "motsynth",
        tracks.write_motsynth,
        JOINTS | {"pitch", "look"},
        identities=24,
        first=1,
        levels=frozenset({"illumination", "weather"}),
        tolerance_deg=1.0,
    ),
}
LEVELS = {
    "seq_1": {"illumination": "noon", "weather": "sunny"},
    "seq_2": {"illumination": "night", "weather": "rain"},
}
VIEWS = [(sequence, camera) for sequence in SEQUENCES for camera in sequence.cameras]


@pytest.fixture(params=CASES, scope="module")
def case(request: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Case, Path]:
    found = CASES[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    found.write(folder)
    return found, folder


def test_every_form_is_here() -> None:
    assert {found.form for found in CASES.values()} == all_forms().keys()


def test_only_its_own_form_recognises_a_tree(case: tuple[Case, Path]) -> None:
    found, folder = case
    assert [name for name, form in all_forms().items() if form.detect(folder)] == [found.form]


def views_of(places: set[tuple[str, ...]]) -> Callable[[tuple[str, ...], int], Any]:
    """A function from the place (scene, camera) and the step of a frame to sequence, camera and
    frame of the world: places are in its order; a run with three cameras holds both sequences."""
    order = sorted(places)
    assert len(order) in (3, 6)

    def view(place: tuple[str, ...], step: int) -> tuple[Sequence, Camera, int]:
        later = step // FRAMES * 3 if len(order) == 3 else 0
        return *VIEWS[order.index(place) + later], step % FRAMES

    return view


def test_people_are_where_and_as_the_world_has_them(case: tuple[Case, Path]) -> None:
    found, folder = case
    scenes = find_form(found.form).scenes(folder, FormOptions(identity=found.identity))
    frames = [(frame.scene or scene.name, frame) for scene in scenes for frame in scene.read()]
    assert len(frames) == len(VIEWS) * FRAMES
    view = views_of({(scene, frame.camera or "") for scene, frame in frames})
    looks: dict[str, set[str]] = {}
    for scene, frame in frames:
        sequence, camera, step = view((scene, frame.camera or ""), frame.number - found.first)
        people = opened(folder, frame, sequence.picture(camera, step))
        truth = sequence.visible_people(camera, step)
        assert len(people) == len(truth)
        for seen in truth:
            person = next(one for one in people if one.box == tuple(map(float, seen.box)))
            check(found, frame, person, seen)
            looks.setdefault(str(person.look), set()).add(seen.person.asset)
    if "look" in found.carries:
        assert all(len(assets) == 1 for assets in looks.values())
        assert len(looks) == 6


def opened(folder: Path, frame: AnnotatedFrame, picture: np.ndarray) -> list[AnnotatedPerson]:
    """The persons of a frame that nothing rejects, with the boxes of masks."""
    pixels = picture if frame.picture is not None else None
    people = open_frame(folder, frame, masks=bool(frame.mask), pixels=pixels).people
    return [person for person in people if person.reject is None]


def check(found: Case, frame: AnnotatedFrame, person: AnnotatedPerson, seen: Seen) -> None:
    levels = {**frame.levels, **person.levels}
    known = {
        "viewpoint": person.viewpoint,
        "distance": levels.get("distance_m"),
        "pitch": levels.get("camera_pitch_deg"),
        "ground": person.ground,
        "visible": person.visible,
        "look": person.look,
    }
    for name, value in known.items():
        extra = name == "ground" or (found.form == "unity_solo" and name == "look")
        assert name in found.carries or value is None or extra or "visible boxes" in found.carries
    if "viewpoint" in found.carries and not (found.by_walking and seen.frame in ENDS):
        assert person.viewpoint is not None
        difference = (person.viewpoint - seen.viewpoint + 180) % 360 - 180
        assert abs(difference) < found.tolerance_deg
    if "distance" in found.carries:
        assert known["distance"] == pytest.approx(seen.distance, abs=0.02)
    if "pitch" in found.carries:
        assert known["pitch"] == pytest.approx(seen.camera.pitch_deg, abs=0.06)
    if "visible" in found.carries:
        step = 1 / 20 if found.carries >= JOINTS else 1e-3  # a share of joints is coarse
        assert person.visible == pytest.approx(seen.visible, abs=step)
    if "ground" in found.carries:
        assert person.ground == pytest.approx(seen.feet[:2], abs=1e-5)
        assert person.heading == pytest.approx(seen.person.front(seen.frame)[:2], abs=1e-5)


@pytest.fixture(scope="module")
def crops(
    case: tuple[Case, Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any], list[dict[str, Any]]]:
    found, folder = case
    output = tmp_path_factory.mktemp("crops") / "out"
    made = crop_engine_output(folder, output, identity=found.identity, quality=100, workers=1)
    return output, made.record, pq.read_table(made.table).to_pylist()


def test_crops_identities_cameras_and_attributes_are_those_of_the_world(
    case: tuple[Case, Path], crops: tuple[Path, dict[str, Any], list[dict[str, Any]]]
) -> None:
    found, _ = case
    output, record, rows = crops
    assert record["form"] == found.form
    assert not record["remarks"]
    assert len(rows) == len(VIEWS) * FRAMES * 4
    view = views_of({tuple(row["camera_code"].split("/")) for row in rows})
    identities: dict[str, set[int]] = {}
    for row in rows:
        place = tuple(row["camera_code"].split("/"))
        sequence, camera, step = view(place, row["frame"] - found.first)
        seen = same_picture(output / row["path"], sequence, camera, step)
        identities.setdefault(row["identity"], set()).add(seen.person.number)
        if found.by_walking and step in ENDS:
            assert row["viewpoint_deg"] is None
        elif "viewpoint" in found.carries:
            difference = (row["viewpoint_deg"] - seen.viewpoint + 180) % 360 - 180
            assert abs(difference) <= 0.5 + found.tolerance_deg
        else:
            assert row.get("viewpoint_deg") is None
        expected = {**LEVELS[sequence.name], "gender": seen.person.gender}
        if found.form == "carla":  # its presets have no other word for it
            expected["weather"] = expected["weather"].replace("sunny", "clear")
        for name, level in expected.items():
            assert row.get(name) == (level if name in found.levels else None)
    assert len(identities) == found.identities
    assert all(len(numbers) == 1 for numbers in identities.values())


def same_picture(path: Path, sequence: Sequence, camera: Camera, step: int) -> Seen:
    """The person whose box, cut out of the drawing, is the crop up to compression."""
    crop = cv2.imread(str(path))[:, :, ::-1].astype(int)
    picture = sequence.picture(camera, step)
    people = sequence.visible_people(camera, step)
    fitting = [seen for seen in people if seen.box[2:] == (crop.shape[1], crop.shape[0])]
    assert fitting
    errors = []
    for seen in fitting:
        left, top, width, height = seen.box
        errors.append(np.abs(crop - picture[top : top + height, left : left + width]).mean())
    assert min(errors) < 15  # of 255; between two people it is above 30
    return fitting[int(np.argmin(errors))]
