"""The small world has what the contract test needs, and every writer writes it."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from engine_world import city, gta, omniverse, tracks, unity, unreal
from engine_world.scene import FRAMES, SEQUENCES, SIZE, Seen

WRITERS = [
    omniverse.write_ira,
    omniverse.write_replicator,
    unity.write_solo,
    unity.write_perception,
    gta.write_mta,
    gta.write_jta,
    unreal.write_bedlam,
    unreal.write_carla,
    city.write_smartspaces,
    city.write_aicity,
    tracks.write_mot,
    tracks.write_mots,
    tracks.write_coco_video,
    tracks.write_motsynth,
]


def all_views() -> list[tuple[str, Seen]]:
    return [
        (sequence.name, seen)
        for sequence in SEQUENCES
        for camera in sequence.cameras
        for frame in range(FRAMES)
        for seen in sequence.visible_people(camera, frame)
    ]


def test_the_visible_part_of_everybody_extends_over_the_whole_box() -> None:
    """So that forms with visible and forms with whole boxes give the same crops."""
    for name, seen in all_views():
        sequence = next(one for one in SEQUENCES if one.name == name)
        y, x = np.nonzero(sequence.instances(seen.camera, seen.frame) == seen.local)
        left, top, width, height = seen.box
        assert (x.min(), y.min(), x.max() + 1, y.max() + 1) == (
            left,
            top,
            left + width,
            top + height,
        )
        assert left > 0
        assert top > 0
        assert left + width < SIZE[0]
        assert top + height < SIZE[1]


def test_some_are_partly_hidden_one_looks_like_another_and_one_comes_again() -> None:
    assert sum(seen.visible < 0.9 for _, seen in all_views()) > 10
    first, second = (sequence.people for sequence in SEQUENCES)
    assert len({person.asset for person in first}) < len(first)
    assert {person.number for person in first} & {person.number for person in second} == {1}


def test_people_walk_where_they_look() -> None:
    for sequence in SEQUENCES:
        for person in sequence.people:
            way = person.position(1) - person.position(0)
            middle = person.front(0) + person.front(1)
            assert np.allclose(way / np.linalg.norm(way), middle / np.linalg.norm(middle))


@pytest.mark.parametrize("write", WRITERS)
def test_writers_write_pictures_and_annotations(write, tmp_path: Path) -> None:
    write(tmp_path)
    suffixes = {path.suffix for path in tmp_path.rglob("*") if path.is_file()}
    assert suffixes & {".png", ".jpg", ".mp4"}
    assert suffixes & {".json", ".csv", ".txt"}


def test_videos_hold_every_frame_of_the_world(tmp_path: Path) -> None:
    gta.write_mta(tmp_path, SEQUENCES[:1])
    video = cv2.VideoCapture(str(tmp_path / "test/cam_0/cam_0.mp4"))
    for frame in range(FRAMES):
        there, picture = video.read()
        assert there
        expected = SEQUENCES[0].picture(SEQUENCES[0].cameras[0], frame)
        assert np.abs(picture[:, :, ::-1].astype(int) - expected).mean() < 4
    assert not video.read()[0]
