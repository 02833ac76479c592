"""Any value anywhere: each value of each annotation file is replaced by values of another kind.

Reading gives frames with rejected annotations, or one FramesError; never another exception. What is
read can be written as a line of JSON and be opened.
"""

import csv
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from engine_world import city, gta, omniverse, tracks, unity, unreal
from engine_world.scene import SEQUENCES

from gprplus.core.errors import FramesError
from gprplus.cropping.forms.form import FormOptions
from gprplus.cropping.forms.registry import all_forms, find_form
from gprplus.cropping.native.frame_lines import frame_line
from gprplus.cropping.opened_frame import open_frame

ODD = (None, True, -1, float("nan"), 10**30, "", "../x", "a\ud800", [], {}, "9" * 5000)
ODD += ([[1.0] * 4] * 4,)
TEXTS = ("", "x", "nan", "-1", "1e999", "9" * 30, '"', "../../x")
Writer = Callable[..., None]


def keep(folder: Path, *patterns: str) -> None:
    """Remove all files but those that a pattern fits: one frame of one camera."""
    kept = {path for pattern in patterns for path in folder.glob(pattern)}
    for path in list(folder.rglob("*")):
        if path.is_file() and path not in kept:
            path.unlink()


CASES: dict[str, tuple[str, Writer, tuple[str, ...], str]] = {
    "isaac": ("isaac_people", omniverse.write_ira, ("*/*Camera_01/*/*_0000.*",), ""),
    "replicator": ("replicator", omniverse.write_replicator, ("*/Replicator/*/*_0000.*",), ""),
    "solo": ("unity_solo", unity.write_solo, ("sequence.0/step0.*",), ""),
    "perception": (
        "unity_perception",
        unity.write_perception,
        ("Dataset*/captures_000.json", "RGB*/*"),
        "instance",
    ),
    "carla": ("carla", unreal.write_carla, ("*/Camera_01/*/000000.*",), ""),
    "jta": ("jta", gta.write_jta, ("*/train/seq_1.*",), ""),
    "mta": ("mta", gta.write_mta, ("*/cam_0/*",), ""),
    "smartspaces": ("smartspaces", city.write_smartspaces, ("*/*.json", "*/videos/*"), ""),
    "aicity": ("aicity", city.write_aicity, ("*/ground_truth.txt", "*/*/*"), ""),
    "mot": ("mot", tracks.write_mot, ("SEQ-01/*/*", "SEQ-01/*"), ""),
    "coco-video": ("coco_video", tracks.write_coco_video, ("annotations/*", "**/000001.png"), ""),
    "motsynth": (
        "motsynth",
        tracks.write_motsynth,
        ("annotations/000.json", "frames/000/**/*"),
        "",
    ),
    "bedlam": ("bedlam", unreal.write_bedlam, ("*.csv", "**/seq_000000*"), ""),
}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all values in a JSON value; of a list, its first item."""
    yield path
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = list(enumerate(value))[:1]
    for key, inner in items:
        yield from places(inner, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], odd: Any) -> Any:
    if not path:
        return odd
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], odd)
    return copy


def shorten(path: Path) -> None:
    """Keep a few frames and persons of a file: it is read hundreds of times."""
    text = path.read_text()
    if path.suffix != ".json":
        path.write_text("\n".join(text.splitlines()[:25]))
        return
    data = json.loads(text)
    if isinstance(data, list):
        data = data[:44]  # of JTA: two persons
    elif "0" in data and "1" in data and isinstance(data["0"], list):
        data = {"0": data["0"]}
    elif "images" in data:
        data["images"] = data["images"][:3]
        known = {image["id"] for image in data["images"]}
        data["annotations"] = [one for one in data["annotations"] if one["image_id"] in known]
    path.write_text(json.dumps(data))


def variants(path: Path) -> Iterator[str]:
    """The texts of a file with one value replaced."""
    if path.suffix == ".json":
        data = json.loads(path.read_text())
        for place in places(data):
            for odd in ODD:
                yield json.dumps(replaced(data, place, odd))
        return
    sign = "," if "," in path.read_text() else " "
    rows = list(csv.reader(path.read_text().splitlines(), delimiter=sign))
    for i in (0, 1, 2):
        for j in range(len(rows[i])):
            for odd in TEXTS:
                changed = [list(row) for row in rows]
                changed[i][j] = odd
                yield "\n".join(sign.join(row) for row in changed)


def read(form: str, folder: Path, identity: str) -> int:
    """The number of frames that are read, -1 for one sentence; each frame can be sent to a worker
    and opened."""
    count = 0
    try:
        for scene in find_form(form).scenes(folder, FormOptions(identity=identity)):
            for frame in scene.read():
                frame_line(frame).encode()
                count += 1
                if frame.picture is None and frame.mask:
                    open_frame(folder, frame, masks=False)
    except FramesError:
        return -1
    return count


def test_every_form_is_here() -> None:
    assert {form for form, *_ in CASES.values()} == all_forms().keys()


@pytest.mark.parametrize("name", CASES)
def test_no_value_raises_anything_but_a_sentence(name: str, tmp_path: Path) -> None:
    form, write, patterns, identity = CASES[name]
    write(tmp_path, SEQUENCES[:1])
    keep(tmp_path, *patterns)
    annotations = [
        path
        for path in sorted(tmp_path.rglob("*"))
        if path.suffix in (".json", ".csv", ".txt") and path.stat().st_size
    ]
    assert annotations
    for path in annotations:
        shorten(path)
    assert read(form, tmp_path, identity) > 0
    for path in annotations:
        original = path.with_name(f"{path.name}.kept")
        shutil.copy(path, original)
        outcomes = set()
        for text in variants(path):
            path.write_text(text)
            outcomes.add(read(form, tmp_path, identity))
        assert max(outcomes) > 0
        shutil.move(original, path)


@pytest.mark.parametrize("name", CASES)
def test_every_folder_of_a_tree_is_read_or_has_no_form(name: str, tmp_path: Path) -> None:
    """Given a camera, a split or a kind of files in place of the whole, nothing above it is read."""
    _, write, _, identity = CASES[name]
    write(tmp_path, SEQUENCES[:1])
    for folder in [path for path in sorted(tmp_path.rglob("*")) if path.is_dir()]:
        for form in all_forms().values():
            if form.detect(folder):
                read(form.name, folder, identity)
