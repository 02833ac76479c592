"""The contract of the native forms: one small world, written in every form, is read the same."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from engine_world import gta, omniverse, unity, unreal
from engine_world.scene import FRAMES, SEQUENCES, Seen

from gprplus.cropping.annotations import AnnotatedFrame, AnnotatedPerson
from gprplus.cropping.forms.form import FormOptions
from gprplus.cropping.forms.registry import all_forms, find_form
from gprplus.cropping.opened_frame import open_frame


@dataclass(frozen=True)
class Case:
    """A form, the writer of its files, and what it carries."""

    form: str
    write: Callable[..., None]
    carries: frozenset[str]
    identity: str = ""
    first: int = 0  # number of the first frame


ALL = frozenset({"viewpoint", "distance", "pitch", "visible", "look", "ground"})
CASES = {
    "ira": Case("isaac_people", omniverse.write_ira, ALL),
    "replicator": Case("replicator", omniverse.write_replicator, ALL - {"look"}),
    "replicator-kind": Case(
        "replicator", lambda root: omniverse.write_replicator(root, layout="kind"), ALL - {"look"}
    ),
    "replicator-flat": Case(
        "replicator", lambda root: omniverse.write_replicator(root, layout="flat"), ALL - {"look"}
    ),
    "replicator-old": Case(
        "replicator",
        lambda root: omniverse.write_replicator(root, boxes=False),
        frozenset({"pitch"}),
    ),
    "solo": Case("unity_solo", unity.write_solo, ALL - {"look"}),
    "perception": Case(
        "unity_perception", unity.write_perception, frozenset(), identity="instance"
    ),
    "mta": Case("mta", gta.write_mta, ALL - {"visible"}),
    "mta-short": Case("mta", lambda root: gta.write_mta(root, joints=False), frozenset()),
    "jta": Case("jta", gta.write_jta, frozenset({"viewpoint", "distance"}), first=1),
    "jta-images": Case(
        "jta",
        lambda root: gta.write_jta(root, video=False),
        frozenset({"viewpoint", "distance"}),
        first=1,
    ),
    "bedlam": Case("bedlam", unreal.write_bedlam, frozenset({"pitch", "look"})),
    "carla": Case("carla", unreal.write_carla, ALL - {"visible"}),
}


@pytest.fixture(params=CASES, scope="module")
def case(request, tmp_path_factory) -> tuple[Case, Path]:
    found = CASES[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    found.write(folder)
    return found, folder


def test_only_its_own_form_recognises_a_tree(case) -> None:
    found, folder = case
    assert [name for name, form in all_forms().items() if form.detect(folder)] == [found.form]


def test_people_are_where_and_as_the_world_has_them(case) -> None:
    found, folder = case
    scenes = find_form(found.form).scenes(folder, FormOptions(identity=found.identity))
    frames = [frame for scene in scenes for frame in scene.read()]
    assert len(frames) == 2 * 3 * FRAMES
    views = [(sequence, camera) for sequence in SEQUENCES for camera in sequence.cameras]
    places = sorted({(frame.scene, frame.camera) for frame in frames})
    per_run = len(places) < len(views)  # a run holds both sequences
    identities: dict[str, set[int]] = {}
    looks: dict[str, set[str]] = {}
    for frame in frames:
        step = frame.number - found.first
        place = places.index((frame.scene, frame.camera)) + (step // FRAMES * 3 if per_run else 0)
        sequence, camera = views[place]
        truth = sequence.visible_people(camera, step % FRAMES)
        people = [
            one
            for one in opened(folder, frame, sequence.picture(camera, 0).shape)
            if one.reject is None
        ]
        assert len(people) == len(truth), frame
        for seen in truth:
            person = next(one for one in people if one.box == tuple(map(float, seen.box)))
            check(found, frame, person, seen)
            identities.setdefault(f"{frame.scene} {person.identity}", set()).add(seen.person.number)
            looks.setdefault(str(person.look), set()).add(seen.person.asset)
    assert all(len(numbers) == 1 for numbers in identities.values())
    if "look" in found.carries:
        assert all(len(assets) == 1 for assets in looks.values())
        assert len(looks) == 6


def opened(folder: Path, frame: AnnotatedFrame, shape) -> tuple[AnnotatedPerson, ...]:
    if frame.picture is not None:
        assert (folder / frame.path).suffix == ".mp4"
        return frame.people
    result = open_frame(folder, frame, masks=bool(frame.mask))
    assert result.pixels.shape == shape
    return result.people


def check(found: Case, frame: AnnotatedFrame, person: AnnotatedPerson, seen: Seen) -> None:
    if "viewpoint" in found.carries:
        assert person.viewpoint is not None
        assert abs((person.viewpoint - seen.viewpoint + 180) % 360 - 180) < 0.1
    else:
        assert person.viewpoint is None
    if "distance" in found.carries:
        assert person.levels["distance_m"] == pytest.approx(seen.distance, abs=0.01)
    if "pitch" in found.carries:
        assert frame.levels["camera_pitch_deg"] == pytest.approx(seen.camera.pitch_deg, abs=0.06)
    if "visible" in found.carries:
        assert person.visible == pytest.approx(seen.visible, abs=1e-5)
    if "ground" in found.carries:
        assert person.ground == pytest.approx(seen.feet[:2], abs=1e-5)
        assert person.heading == pytest.approx(seen.person.front(seen.frame)[:2], abs=1e-5)
