"""Large texts are read by camera and frame, whatever the order of their lines."""

from pathlib import Path
from random import Random

import pytest
from engine_world import city, tracks
from engine_world.scene import SEQUENCES

from gprplus.core.errors import FramesError
from gprplus.cropping.forms.registry import find_form
from gprplus.cropping.options import FormOptions
from gprplus.cropping.sorted_lines import lines_by_group


def test_lines_come_by_group_and_keep_their_numbers(tmp_path: Path) -> None:
    """With a byte order mark, an empty line, Windows ends and no end of the last line."""
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbf2 b\r\n\n1 a\n2 c\n1 \xff")
    found = list(lines_by_group(path, lambda text: int(text[:1]) if text.strip() else 0))
    assert found == [(1, 3, "1 a"), (1, 5, "1 \ufffd"), (2, 1, "2 b"), (2, 4, "2 c")]
    path.write_bytes(b"")
    assert list(lines_by_group(path, lambda text: 0)) == []
    with pytest.raises(FramesError, match=r"b\.txt cannot be read"):
        list(lines_by_group(tmp_path / "b.txt", lambda text: 0))


@pytest.mark.parametrize(
    ("form", "write", "text"),
    [
        ("mot", tracks.write_mot, "gt/gt.txt"),
        ("mot", tracks.write_mots, "gt/gt.txt"),
        ("aicity", city.write_aicity, "ground_truth.txt"),
    ],
)
def test_the_order_of_rows_means_nothing(tmp_path: Path, form: str, write, text: str) -> None:
    write(tmp_path, SEQUENCES[:1])
    before = frames_of(form, tmp_path)
    for path in tmp_path.glob(f"*/{text}"):
        lines = path.read_text().splitlines(keepends=True)
        Random(0).shuffle(lines)
        path.write_text("".join(lines))
    assert frames_of(form, tmp_path) == before
    assert len(before) == 24


def frames_of(form: str, folder: Path) -> dict[tuple[str, int], dict[int, object]]:
    """Path and number of each frame -> number of each person -> the person."""
    scenes = find_form(form).scenes(folder, FormOptions())
    return {
        (frame.path, frame.number): {person.number: person for person in frame.people}
        for scene in scenes
        for frame in scene.read()
    }
