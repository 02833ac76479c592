"""Native forms of engines: crops a second and core, against decoding and encoding alone; memory at
200 MB of ground truth."""

import json
import multiprocessing
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from itertools import count
from pathlib import Path

import cv2
import numpy as np

from benchmarks import harness
from benchmarks.ratios import Ratio
from gprplus.core.files.workdir import write_text
from gprplus.core.imaging import images
from gprplus.cropping.native.crop_output import crop_engine_output
from gprplus.cropping.native.row_files import rows_of
from gprplus.cropping.native.video import VideoReader

sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))

from engine_world import city, gta, omniverse, scene, tracks, unity, unreal

SIZE, FOCAL = (1280, 720), 1200.0
FRAMES = {"video": 96, "PNG": 16, "JPEG": 16}  # of each camera; drawing PNG is slow
ROUNDS = 3
WORLD_FRAMES = scene.FRAMES  # before they are changed
TRUTH_BYTES = 200 * 10**6
TRACKS = 60  # in each frame of a text


class TexturedSequence(scene.Sequence):
    """The world of the contract test in colored noise, so that pictures cost what pictures cost."""

    def picture(self, camera: scene.Camera, frame: int) -> np.ndarray:
        """`(H, W, 3) uint8` RGB: the flat picture and noise that moves with the frame."""
        flat = super().picture(camera, frame).astype(np.int16)
        noise = np.roll(_noise(), 7 * frame, axis=1)
        return np.clip(flat + noise, 0, 255).astype(np.uint8)


@lru_cache
def _noise() -> np.ndarray:
    rough = np.random.default_rng(0).normal(0, 80, (SIZE[1] // 4, SIZE[0] // 4, 3))
    return cv2.resize(rough, SIZE, interpolation=cv2.INTER_CUBIC).astype(np.int16)


def _world(frames: int) -> list[TexturedSequence]:
    """The sequences of the contract test in smaller steps, and set its writers to this size."""
    slow = WORLD_FRAMES / frames
    for module in (scene, city, gta, omniverse, tracks, unity, unreal):
        for name, value in (("FRAMES", frames), ("SIZE", SIZE), ("FOCAL", FOCAL)):
            if hasattr(module, name):
                setattr(module, name, value)
    return [
        TexturedSequence(
            **{
                **vars(sequence),
                "people": tuple(
                    replace(person, step=person.step * slow, turn_deg=person.turn_deg * slow)
                    for person in sequence.people
                ),
            }
        )
        for sequence in scene.SEQUENCES
    ]


def _writers(sequences: list[TexturedSequence]) -> dict[str, tuple[Callable[[Path], None], str]]:
    """What writes each form, and the option identity that it needs."""
    found = {
        "smartspaces, video": (city.write_smartspaces, ""),
        "aicity, video": (city.write_aicity, ""),
        "isaac_people, PNG": (omniverse.write_ira, ""),
        "replicator, PNG": (omniverse.write_replicator, ""),
        "mot, PNG": (tracks.write_mot, ""),
        "mot, video": (partial(tracks.write_mot, video=True), ""),
        "mot (MOTS), PNG": (tracks.write_mots, ""),
        "coco_video, PNG": (tracks.write_coco_video, ""),
        "motsynth, JPEG": (tracks.write_motsynth, ""),
        "motsynth, video": (partial(tracks.write_motsynth, video=True), ""),
        "unity_solo, PNG": (unity.write_solo, ""),
        "unity_perception, PNG": (unity.write_perception, "instance"),
        "mta, video": (gta.write_mta, ""),
        "jta, video": (gta.write_jta, ""),
        "jta, JPEG": (partial(gta.write_jta, video=False), ""),
        "bedlam, PNG": (unreal.write_bedlam, ""),
        "carla, PNG": (unreal.write_carla, ""),
    }
    return {name: (partial(write, sequences=sequences), by) for name, (write, by) in found.items()}


def main() -> None:
    """Measure and keep results/forms.md."""
    rows = []
    for name in _writers([]):
        world = _world(FRAMES[name.rpartition(" ")[2]])
        rows.append(list(_measured(name, *_writers(world)[name])))
    body = "\n\n".join(
        [
            f"Six cameras of {FRAMES['PNG']} images or a video of {FRAMES['video']} frames each, of"
            f" {SIZE[0]}x{SIZE[1]} with four people. Processor"
            " seconds of one process, best of"
            f" {ROUNDS} rounds; the floor decodes every frame with a crop (and its masks, where"
            " these decide the crop) and encodes the crops, in the same rounds.",
            harness.table(
                ["form", "crops", "crops a second and core", "floor", "seconds / floor"], rows
            ),
            f"Largest memory of a process that cuts every 400th frame of {TRUTH_BYTES / 1e6:.0f}"
            " MB of ground truth, with imports; in brackets after imports:",
            harness.table(["ground truth", "MiB"], [list(_memory(name)) for name in TRUTHS]),
        ]
    )
    harness.keep("forms", "Native forms of engines: cutting crops", body)


def _measured(name: str, write: Callable[[Path], None], identity: str) -> Iterator[object]:
    """The row of one form."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "output"
        write(root)
        times: dict[str, list[float]] = {"cut": [], "floor": []}
        for number in range(ROUNDS):
            output = Path(scratch) / f"crops{number}"
            cut = partial(crop_engine_output, root, output, workers=1, identity=identity)
            times["cut"].append(harness.processor_seconds(cut))
            needed = _needed(output)
            times["floor"].append(harness.processor_seconds(partial(_floor, root, needed)))
        crops = sum(len(one.windows) for found in needed.values() for one in found.values())
    whole, floor = min(times["cut"]), min(times["floor"])
    ratio = f"{whole / floor:.2f}"
    print(name, crops, f"{crops / whole:.0f}", f"{crops / floor:.0f}", ratio, flush=True)
    yield from (name, crops, f"{crops / whole:.0f}", f"{crops / floor:.0f}", ratio)


@dataclass
class Needed:
    """What the crops of a picture need: their windows, and the masks that must be read."""

    windows: list[tuple[int, int, int, int]] = field(default_factory=list)
    masks: set[str] = field(default_factory=set)


Pictures = dict[str, dict[int, Needed]]


def _needed(output: Path) -> Pictures:
    """Source -> number of the picture (0 for an image) -> what its crops need."""
    found: Pictures = {}
    for path in sorted(output.rglob("*.frames")):
        lines = (json.loads(line) for line in path.read_text().splitlines())
        frames = {(frame["path"], frame["number"]): frame for frame in lines}
        for crop in rows_of(path.with_suffix(".rows"), "crop"):
            frame = frames[crop["source"], crop["frame"]]
            pictures = found.setdefault(crop["source"], {})
            needed = pictures.setdefault(frame.get("picture") or 0, Needed())
            needed.windows.append(crop["window"])
            if crop["visible_from"] == "masks":
                needed.masks |= {frame["mask"]} if frame.get("mask") else set()
                needed.masks.update(*(person.get("masks", ()) for person in frame["people"]))
    return found


def _floor(root: Path, sources: Pictures) -> None:
    """Decode every frame with a crop and the masks it needs, and encode the crops."""
    for source, pictures in sources.items():
        if Path(source).suffix == ".mp4":
            with VideoReader(root / source) as video:
                for number, needed in sorted(pictures.items()):
                    _encode(video.picture(number), needed.windows)
            continue
        for mask in pictures[0].masks:
            with images.open_image((root / mask).read_bytes()) as image:
                np.asarray(image)
        _encode(images.decode_image(images.read_bytes(root, source)), pictures[0].windows)


def _encode(pixels: np.ndarray | None, windows: list[tuple[int, int, int, int]]) -> None:
    assert pixels is not None
    for left, top, right, bottom in windows:
        images.encode_jpeg(pixels[top:bottom, left:right], 95)


def ratios(scratch: Path) -> list[Ratio]:
    """Cutting over decoding and encoding, from images and from videos."""
    found = _writers(_world(frames=12))
    return [
        _ratio(scratch / label, label, found[name][0])
        for label, name in (("video", "smartspaces, video"), ("images", "mot, PNG"))
    ]


def _ratio(scratch: Path, label: str, write: Callable[[Path], None]) -> Ratio:
    root, numbers = scratch / "output", count()
    write(root)
    needed = _needed(crop_engine_output(root, scratch / "crops", workers=1).path)
    return Ratio(
        f"forms: cut {label} / decode, encode",
        lambda: crop_engine_output(root, scratch / f"crops{next(numbers)}", workers=1),
        lambda: _floor(root, needed),
    )


def _memory(name: str) -> Iterator[object]:
    with tempfile.TemporaryDirectory() as scratch:
        TRUTHS[name](Path(scratch) / "output")
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            before, peak = pool.apply(_peak, (Path(scratch),))
    print(name, peak, before, flush=True)
    yield from (name, f"{peak:.0f} ({peak - before:.0f})")


def _peak(scratch: Path) -> tuple[float, float]:
    """MiB of this process at its most, before and after cutting."""
    import pyarrow.parquet  # noqa: F401

    before = _largest_mib()
    crop_engine_output(scratch / "output", scratch / "crops", workers=1, every=400)
    return before, _largest_mib()


def _largest_mib() -> float:
    status = Path("/proc/self/status").read_text()  # ru_maxrss includes that of the parent
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _smartspaces(root: Path) -> None:
    """Ten people in two videos, each box named by both cameras."""
    cameras = ("Camera_01", "Camera_02")
    boxes = {camera: [120, 20, 180, 200] for camera in cameras}
    people = [
        {
            "object type": "Person",
            "object id": number,
            "object name": f"male_{number:02d}",
            "3d location": [1.0 + number, 2.0, 0.9],
            "3d bounding box scale": [0.7, 0.7, 1.75],
            "3d bounding box rotation": [0, 0, 1.5],
            "2d bounding box visible": boxes,
            "2d bounding box": boxes,
        }
        for number in range(10)
    ]
    text = json.dumps(people)
    total = TRUTH_BYTES // (len(text) + 10)
    lines = (f'"{number}": {text}' for number in range(total))
    _write_truth(root / "Warehouse_000" / "ground_truth.json", lines, "{", "}")
    sensors = [{"type": "camera", "id": camera} for camera in cameras]
    write_text(root / "Warehouse_000/calibration.json", json.dumps({"sensors": sensors}))
    for camera in cameras:
        _write_video(root / f"Warehouse_000/videos/{camera}.mp4", total)


def _motsynth(root: Path) -> None:
    """One sequence of ten people with all joints, in frames that are one file."""
    person = tracks._annotation(scene.SEQUENCES[0].visible_people(scene.CAMERAS[0], 0)[0])
    text = json.dumps({"id": 0, "image_id": 0, **person})
    total = TRUTH_BYTES // (len(text) + 10)
    rows = (
        json.dumps(
            {"id": i, "image_id": i // 10, **person, "ped_id": i % 10, "bbox": [20, 20, 60, 150]}
        )
        for i in range(total)
    )
    pictures = [
        {
            "id": i,
            "file_name": f"frames/000/rgb/{i:04d}.jpg",
            "frame_n": i + 1,
            "width": 320,
            "height": 240,
        }
        for i in range(total // 10 + 1)
    ]
    head = {"info": {"seq_name": "000", "weather": "RAIN", "time": "13"}, "images": pictures}
    head["categories"] = [{"id": 1, "name": "person"}]
    start = json.dumps(head)[:-1] + ', "annotations": ['
    _write_truth(root / "annotations/000.json", rows, start, "]}")
    folder = root / "frames/000/rgb"
    folder.mkdir(parents=True)
    done, data = cv2.imencode(".jpg", np.full((240, 320, 3), 128, np.uint8))
    assert done
    for i in range(19, len(pictures), 20):
        (folder / f"{i:04d}.jpg").write_bytes(data.tobytes())


def _mot(root: Path) -> None:
    """Tracks one after the other, as MOT sorts them, and a video."""
    total = TRUTH_BYTES // (TRACKS * 31)
    lines = (
        f"{frame + 1},{track},121,21,60,180,1,1,{frame / total:.4f}"
        for track in range(TRACKS)
        for frame in range(total)
    )
    _write_truth(root / "SEQ-01/gt/gt.txt", lines, "", "", between="\n")
    _write_video(root / "SEQ-01.mp4", total)


def _aicity(root: Path) -> None:
    """People in two videos, ordered by camera."""
    folder = root / "scene_001"
    total = TRUTH_BYTES // (2 * TRACKS * 36)
    lines = (
        f"{camera} {number} {frame} 120 20 60 180 {number}.25 {frame % 100}.5"
        for camera in (1, 2)
        for frame in range(total)
        for number in range(10, 10 + TRACKS)
    )
    _write_truth(folder / "ground_truth.txt", lines, "", "", between="\n")
    for camera in (1, 2):
        _write_video(folder / f"camera_{camera:04d}/video.mp4", total)


TRUTHS = {
    "SmartSpaces JSON": _smartspaces,
    "MOTSynth JSON": _motsynth,
    "MOT text": _mot,
    "AI City text": _aicity,
}


def _write_truth(
    path: Path, rows: Iterator[str], start: str, end: str, between: str = ",\n"
) -> None:
    path.parent.mkdir(parents=True)
    with path.open("w") as file:
        file.write(start)
        for number, row in enumerate(rows):
            file.write((between if number else "") + row)
        file.write(end)


def _write_video(path: Path, frames: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 30, (320, 240))
    for _ in range(frames):
        writer.write(np.full((240, 320, 3), 128, np.uint8))
    writer.release()


if __name__ == "__main__":
    main()
