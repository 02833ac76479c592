"""What is listed, what is skipped, and what no directory order can change."""

import os
from pathlib import Path

import pytest

from gprplus.core.errors import LayoutError
from gprplus.ingest.files.scan import list_files


def test_hidden_and_underscored_names_and_side_files_are_left_aside(tmp_path: Path, plant) -> None:
    plant(
        tmp_path,
        [
            "0001/a.jpg",
            "_masks/0001/a.png",
            ".cache/b.jpg",
            "0001/.c.jpg",
            "0001/_d.jpg",
            "Thumbs.db",
        ],
    )
    (tmp_path / "renders.json").write_text("{}")
    listing = list_files(tmp_path)
    assert list(listing.paths()) == ["0001/a.jpg"]
    assert listing.ignored == 2  # Thumbs.db and renders.json; the rest is not meant to be looked at


def test_a_layout_may_ignore_folders_of_its_own(tmp_path: Path, plant) -> None:
    plant(tmp_path, ["query/a.jpg", "gt_bbox/a.jpg"])
    assert list(list_files(tmp_path, ("gt_bbox",)).paths()) == ["query/a.jpg"]


def test_files_come_sorted_whatever_the_order_they_were_made_in(tmp_path: Path, plant) -> None:
    plant(tmp_path, ["b/2.jpg", "a/9.jpg", "b/10.jpg", "a-b/1.jpg", "c.jpg", "a/b/3.jpg"])
    assert list(list_files(tmp_path).paths()) == [
        "c.jpg",
        "a/9.jpg",
        "a-b/1.jpg",
        "a/b/3.jpg",
        "b/10.jpg",
        "b/2.jpg",
    ]


@pytest.mark.parametrize("step", [1, 2, 3, 7])
def test_a_step_takes_evenly_across_folders(tmp_path: Path, plant, step: int) -> None:
    plant(tmp_path, [f"{folder}/{i}.jpg" for folder in "abc" for i in range(5)])
    listing = list_files(tmp_path)
    assert list(listing.paths(step)) == list(listing.paths())[::step]


def test_links_are_followed_but_not_in_circles(tmp_path: Path, plant) -> None:
    root = plant(tmp_path / "root", ["0001/a.jpg"])
    plant(tmp_path / "elsewhere", ["b.jpg"])
    (root / "0002").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (root / "0001" / "up").symlink_to(root, target_is_directory=True)
    (root / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    listing = list_files(root)
    assert list(listing.paths()) == ["0001/a.jpg", "0002/b.jpg"]
    assert [(item.path, item.reason) for item in listing.refused] == [
        ("0001/up", "link"),
        ("gone.jpg", "unreadable"),
    ]


def test_strange_names_are_listed_or_refused_but_never_crash(tmp_path: Path, plant) -> None:
    long = "x" * 251 + ".jpg"
    plant(tmp_path, ["a\nb.jpg", "märz.jpg", "图.jpg", "folder.jpg/c.jpg", long])
    with open(os.fsencode(tmp_path) + b"/bad\xff.jpg", "wb"):
        pass
    os.mkfifo(tmp_path / "pipe.jpg")
    listing = list_files(tmp_path)
    assert set(listing.paths()) == {"a\nb.jpg", "märz.jpg", "图.jpg", "folder.jpg/c.jpg", long}
    assert [(item.path, item.reason) for item in listing.refused] == [
        ("bad\\xff.jpg", "name"),
        ("pipe.jpg", "unreadable"),
    ]


def test_looking_records_size_and_time(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"abc")
    os.utime(tmp_path / "a.jpg", ns=(5, 7_000_000_001))
    (folder,) = list_files(tmp_path, look=True).folders
    assert (folder.sizes.tolist(), folder.mtimes.tolist()) == ([3], [7_000_000_001])


def test_no_folder_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(
        LayoutError, match=r"no folder \S+nowhere\. Name one .*, or draw some with `gprplus render`"
    ):
        list_files(tmp_path / "nowhere")
    (tmp_path / "a.jpg").write_bytes(b"abc")
    with pytest.raises(LayoutError, match="is a file; a folder of renders was expected"):
        list_files(tmp_path / "a.jpg")
