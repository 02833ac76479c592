"""build-manifest on the native output of an engine: recognised, cut, and built in one command."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from engine_world import city, omniverse, tracks, unity
from engine_world.scene import FRAMES, SEQUENCES

from gprplus.core.errors import FramesError, LayoutError, RequestChanged
from gprplus.cropping.forms import source_files
from gprplus.cropping.forms.registry import detect_form
from gprplus.cropping.native import crop_output
from gprplus.cropping.native.crop_output import crop_engine_output
from gprplus.cropping.native.video import VideoReader
from gprplus.cropping.options import FormOptions
from gprplus.ingest import build_manifest

CAMERAS = sum(len(sequence.cameras) for sequence in SEQUENCES)
PEOPLE = 4  # in each sequence


def jpegs(folder: Path) -> dict[str, int]:
    """Crops by their path, with their times of modification."""
    return {
        path.relative_to(folder).as_posix(): path.stat().st_mtime_ns
        for path in folder.rglob("*.jpg")
    }


def cut(folder: Path, output: Path, **options):
    return crop_engine_output(folder, output, workers=1, edges="keep", **options)


def test_a_folder_becomes_a_manifest_in_one_call(tmp_path):
    omniverse.write_ira(tmp_path / "isaac")
    crops = FormOptions(crops=tmp_path / "crops", edges="keep")
    seen = []
    manifest = build_manifest(
        [tmp_path / "isaac"],
        tmp_path / "m",
        workers=1,
        crops=crops,
        on_crops=lambda folder, found: seen.append((folder.name, found.record["form"], found.made)),
    )
    assert seen == [("isaac", "isaac_people", True)]
    about = manifest.datasets["isaac"]
    assert (about.images, about.identities) == (FRAMES * CAMERAS * PEOPLE, 8)
    columns = ["identity", "distance_m", "camera_pitch_deg", "viewpoint_deg"]
    images = manifest.images.to_pandas(columns=columns)
    assert images.notna().all().all()
    assert manifest.identities.to_pandas()["look"].nunique() == 6
    again = build_manifest([tmp_path / "isaac"], tmp_path / "m", workers=1, crops=crops)
    assert again.rebuilt == ()


def test_native_and_plain_folders_are_built_together(tmp_path, draw):
    tracks.write_mot(tmp_path / "mot")
    draw(tmp_path / "plain", people=2)
    crops = FormOptions(crops=tmp_path / "crops", edges="keep")
    manifest = build_manifest(
        [tmp_path / "mot", tmp_path / "plain"], tmp_path / "m", workers=1, crops=crops
    )
    assert len(manifest.datasets) == 2
    assert manifest.datasets["mot"].identities == 24


def test_form_none_reads_a_folder_as_renders(tmp_path):
    tracks.write_mot(tmp_path / "mot")
    with pytest.raises(LayoutError):
        build_manifest([tmp_path / "mot"], tmp_path / "m", crops=FormOptions(form="none"))


def test_a_second_scene_leaves_the_crops_of_the_first(tmp_path):
    city.write_smartspaces(tmp_path / "spaces", SEQUENCES[:1])
    first = cut(tmp_path / "spaces", tmp_path / "c")
    before = jpegs(first.path)
    city.write_smartspaces(tmp_path / "new", SEQUENCES)
    (tmp_path / "new" / "Warehouse_001").rename(tmp_path / "spaces" / "Warehouse_001")
    second = cut(tmp_path / "spaces", tmp_path / "c")
    after = jpegs(second.path)
    assert second.record["identities"] == 2 * first.record["identities"]
    assert {path: after[path] for path in before} == before
    assert not cut(tmp_path / "spaces", tmp_path / "c").made


def test_a_changed_scene_is_cut_again_and_its_old_crops_are_gone(tmp_path):
    city.write_smartspaces(tmp_path / "spaces", SEQUENCES)
    before = jpegs(cut(tmp_path / "spaces", tmp_path / "c").path)
    truth = tmp_path / "spaces" / "Warehouse_000" / "ground_truth.json"
    data = json.loads(truth.read_text())
    del data["0"]
    truth.write_text(json.dumps(data))
    after = jpegs(cut(tmp_path / "spaces", tmp_path / "c").path)
    gone = before.keys() - after.keys()
    assert {path.split("/")[0] for path in gone} == {"Warehouse_000"}
    assert all("_f000000_" in path for path in gone)
    kept = {path for path in before if path.startswith("Warehouse_001")}
    assert {path: after[path] for path in kept} == {path: before[path] for path in kept}


def test_the_table_is_the_same_after_an_interruption_and_for_any_workers(tmp_path, monkeypatch):
    unity.write_solo(tmp_path / "solo")
    whole = cut(tmp_path / "solo", tmp_path / "whole")

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(crop_output, "_finish", killed)
        with pytest.raises(KeyboardInterrupt):
            cut(tmp_path / "solo", tmp_path / "c")
    before = jpegs(tmp_path / "c")
    victim = tmp_path / "c" / sorted(before)[0]
    victim.unlink()
    resumed = crop_engine_output(tmp_path / "solo", tmp_path / "c", workers=2, edges="keep")
    assert resumed.table.read_bytes() == whole.table.read_bytes()
    assert victim.is_file()
    kept = [path for path, time in jpegs(tmp_path / "c").items() if before[path] == time]
    assert len(kept) >= len(before) - 2 * 32 * PEOPLE


def test_other_rules_need_force(tmp_path):
    tracks.write_mot(tmp_path / "mot")
    cut(tmp_path / "mot", tmp_path / "c")
    with pytest.raises(RequestChanged, match=r"every was 1, now 4.*folder with --crops-folder"):
        cut(tmp_path / "mot", tmp_path / "c", every=4)
    found = cut(tmp_path / "mot", tmp_path / "c", every=4, force=True)
    assert found.record["images"] == FRAMES // 4 * CAMERAS * PEOPLE
    assert {path.split("_f")[1][:6] for path in jpegs(found.path)} == {"000004", "000008"}


def test_identities_by_look_join_sequences_of_motsynth(tmp_path):
    tracks.write_motsynth(tmp_path / "s")
    by_id = cut(tmp_path / "s", tmp_path / "a").record["identities"]
    by_look = cut(tmp_path / "s", tmp_path / "b", identity="look").record["identities"]
    assert (by_id, by_look) == (24, 6)
    with pytest.raises(FramesError, match="motsynth takes id or look"):
        cut(tmp_path / "s", tmp_path / "c", identity="name")


@pytest.mark.parametrize("combined", [False, True])
def test_motsynth_in_videos_skips_the_two_pictures_that_extraction_drops(tmp_path, combined):
    tracks.write_motsynth(tmp_path / "images", combined=combined)
    tracks.write_motsynth(tmp_path / "video", combined=combined, video=True)
    images = cut(tmp_path / "images", tmp_path / "a").path
    videos = cut(tmp_path / "video", tmp_path / "b").path
    assert jpegs(images).keys() == jpegs(videos).keys()
    for name in list(jpegs(images))[::17]:
        pair = [cv2.imread(str(folder / name)).astype(int) for folder in (images, videos)]
        assert np.abs(pair[0] - pair[1]).mean() < 12


def test_a_cut_ground_truth_is_one_sentence(tmp_path):
    city.write_smartspaces(tmp_path / "spaces", SEQUENCES[:1])
    truth = tmp_path / "spaces" / "Warehouse_000" / "ground_truth.json"
    truth.write_bytes(truth.read_bytes()[:-200])
    with pytest.raises(FramesError, match=r"ground_truth\.json cannot be read as JSON") as found:
        cut(tmp_path / "spaces", tmp_path / "c")
    assert str(found.value).startswith(f"{truth} ")
    assert "\n" not in str(found.value)


def test_unknown_numbers_of_a_ground_truth_are_no_error(tmp_path):
    for name in ("plain", "unknown"):
        city.write_smartspaces(tmp_path / name, SEQUENCES[:1])
    path = tmp_path / "unknown" / "Warehouse_000" / "ground_truth.json"
    truth = json.loads(path.read_text())
    for people in truth.values():
        for person in people:
            person["3d bounding box rotation"] = [0, 0, float("nan")]
    path.write_text(json.dumps(truth))
    assert "NaN" in path.read_text()
    plain, unknown = (
        cut(tmp_path / name, tmp_path / f"c-{name}").path for name in ("plain", "unknown")
    )
    assert jpegs(unknown).keys() == jpegs(plain).keys() != set()


def test_a_frame_beyond_the_video_is_rejected(tmp_path):
    city.write_smartspaces(tmp_path / "spaces", SEQUENCES[:1])
    truth = tmp_path / "spaces" / "Warehouse_000" / "ground_truth.json"
    data = json.loads(truth.read_text())
    data["900"] = data["0"]
    truth.write_text(json.dumps(data))
    found = cut(tmp_path / "spaces", tmp_path / "c")
    assert found.record["rejected"]["frame"] == 3 * PEOPLE
    text = (found.path / "_rejected.csv").read_text()
    assert text.startswith("frame,frame_number,number,identity,reason,detail\n")
    assert "Warehouse_000/videos/Camera_01.mp4,900,1,Warehouse-000_1,frame," in text
    assert "has no picture 900 (counted from 0) that decodes" in text


def test_output_without_a_usable_person_is_one_sentence(tmp_path):
    city.write_smartspaces(tmp_path / "spaces", SEQUENCES[:1])
    for video in (tmp_path / "spaces").rglob("*.mp4"):
        video.unlink()
    with pytest.raises(FramesError, match=r"No annotation became a crop .*Camera_01\.mp4 is miss"):
        cut(tmp_path / "spaces", tmp_path / "c")


BAD_ROWS = [
    ("1,7,NaN,20,40,100,1,1,1", "box"),
    ("1,7,20,20,-40,100,1,1,1", "box"),
    ("1,7,20", "line"),
    ("one,7,20,20,40,100,1,1,1", "line"),
    ("1,-1,20,20,40,100,1,1,1", "identity"),
    ("1,7,20,20,40,100,0,1,1", "category"),
    ("1,7,20,20,40,100,1,8,1", "category"),
]


@pytest.mark.parametrize(("row", "reason"), BAD_ROWS)
def test_a_bad_row_of_tracks_is_rejected(tmp_path, row, reason):
    tracks.write_mot(tmp_path / "mot", SEQUENCES[:1])
    text = tmp_path / "mot" / "SEQ-01" / "gt" / "gt.txt"
    text.write_text(f"{row}\n" + text.read_text())
    before = cut(tmp_path / "mot", tmp_path / "c").record
    assert before["rejected"].get(reason, 0) >= 1
    assert before["images"] == FRAMES * 3 * PEOPLE


def test_visible_shares_of_minus_one_are_unknown(tmp_path):
    tracks.write_mot(tmp_path / "mot", SEQUENCES[:1])
    for text in (tmp_path / "mot").rglob("gt.txt"):
        rows = [line.rsplit(",", 1)[0] + ",-1" for line in text.read_text().splitlines()]
        text.write_text("\n".join(rows))
    assert cut(tmp_path / "mot", tmp_path / "c").record["images"] > 80


def test_a_folder_of_two_forms_is_refused_with_the_choice(tmp_path):
    tracks.write_mot(tmp_path / "both")
    city.write_smartspaces(tmp_path / "both")
    with pytest.raises(FramesError, match=r"several forms: mot .* --form NAME"):
        detect_form(tmp_path / "both")
    assert cut(tmp_path / "both", tmp_path / "c", form="mot").record["form"] == "mot"


def test_a_folder_without_a_form_is_listed_once(tmp_path, monkeypatch):
    (tmp_path / "photos" / "more").mkdir(parents=True)
    (tmp_path / "photos" / "x 1.jpg").touch()
    listed = Counter()
    for name in ("listdir", "scandir"):
        real = getattr(os, name)

        def counting(path, real=real, name=name):
            listed[name, Path(path).name] += 1
            return real(path)

        monkeypatch.setattr(source_files.os, name, counting)
    assert detect_form(tmp_path / "photos") is None
    # The form replicator also looks for the first picture with annotations.
    assert listed["listdir", "photos"] == listed["listdir", "more"] == 1
    assert listed["scandir", "photos"] <= 2


def burnt(number: int) -> np.ndarray:
    """A picture whose 12 stripes are the binary digits of its number."""
    digits = [(number >> bit) & 1 for bit in range(12)]
    return np.repeat(np.array(digits, np.uint8) * 255, 16)[None, :, None].repeat(64, 0).repeat(3, 2)


def number_in(picture: np.ndarray) -> int:
    stripes = picture[32, 8::16, 0] > 127
    return sum(1 << bit for bit, on in enumerate(stripes) if on)


@pytest.mark.parametrize("codec", ["mp4v", "MJPG", "mpeg4 with B-frames"])
def test_a_picture_of_a_video_is_the_one_with_its_number(tmp_path, codec):
    path = tmp_path / ("v.avi" if codec == "MJPG" else "v.mp4")
    if "B-frames" in codec:
        av = pytest.importorskip("av")
        with av.open(str(path), "w") as container:
            stream = container.add_stream("mpeg4", rate=30, options={"bf": "2"})
            stream.width, stream.height, stream.pix_fmt = 192, 64, "yuv420p"
            stream.codec_context.max_b_frames = 2
            stream.bit_rate = 4_000_000
            for number in range(300):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(burnt(number), "rgb24")))
            container.mux(stream.encode())
    else:
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), 30, (192, 64))
        for number in range(300):
            writer.write(burnt(number))
        writer.release()
    with VideoReader(path) as video:
        for number in (0, 1, 7, 8, 100, 299, 3):
            picture = video.picture(number)
            assert picture is not None
            assert number_in(picture) == number
        assert video.picture(300) is None


def test_numbers_of_cameras_stay_when_a_scene_is_added(tmp_path):
    city.write_smartspaces(tmp_path / "new", SEQUENCES)
    (tmp_path / "spaces").mkdir()
    (tmp_path / "new" / "Warehouse_001").rename(tmp_path / "spaces" / "Warehouse_001")
    first = cut(tmp_path / "spaces", tmp_path / "c").record["cameras"]
    assert first == {f"Warehouse_001/Camera_0{i}": 10_000 + i for i in (1, 2, 3)}
    (tmp_path / "new" / "Warehouse_000").rename(tmp_path / "spaces" / "Warehouse_000")
    second = cut(tmp_path / "spaces", tmp_path / "c").record["cameras"]
    assert second == first | {f"Warehouse_000/Camera_0{i}": i for i in (1, 2, 3)}


def test_a_damaged_video_prints_nothing_but_one_sentence(tmp_path):
    """In a process that has read no video: FFmpeg's messages are set when it reads the first."""
    path = tmp_path / "v.mp4"
    path.write_bytes(b"no video" * 1000)
    code = (
        "from pathlib import Path\n"
        "from gprplus.core.errors import FramesError\n"
        "from gprplus.cropping.native.video import VideoReader\n"
        "try:\n"
        "    VideoReader(Path('v.mp4')).picture(0)\n"
        "except FramesError as error:\n"
        "    print(error)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert (ran.stdout, ran.stderr) == ("v.mp4 cannot be read as a video.\n", "")
