"""The Market-1501 loaders of torchreid (1.x) and fast-reid, restated rule by rule, on an exported
arm.

Neither can be installed beside a current torch without torchvision, so their reading is kept here:
the same glob, the same expression on the whole path, the same assertions, the same numbering.
(torchreid `data/datasets/image/market1501.py`, fast-reid `fastreid/data/datasets/market1501.py`.)
"""

import glob
import os.path as osp
import re
from collections import Counter
from pathlib import Path

import pytest

from gprplus.exports import export
from gprplus.splits import Split

PATTERN = re.compile(r"([-\d]+)_c(\d)")
FOLDERS = ("bounding_box_train", "query", "bounding_box_test")


def torchreid(root: Path) -> tuple[list, list, list]:
    """Train, query and gallery as torchreid's Market1501: (path, label, camera from 0), train
    labels from 0."""

    def process_dir(dir_path: str, relabel: bool) -> list[tuple[str, int, int]]:
        assert osp.exists(dir_path), dir_path
        img_paths = glob.glob(osp.join(dir_path, "*.jpg"))
        found = [(path, *map(int, PATTERN.search(path).groups())) for path in img_paths]
        pid_container = {pid for _, pid, _ in found if pid != -1}
        pid2label = {pid: label for label, pid in enumerate(pid_container)}
        data = []
        for path, pid, camid in found:
            if pid == -1:
                continue
            assert 0 <= pid <= 1501
            assert 1 <= camid <= 6
            data.append((path, pid2label[pid] if relabel else pid, camid - 1))
        return data

    return tuple(process_dir(osp.join(root, folder), folder == FOLDERS[0]) for folder in FOLDERS)


def fastreid(root: Path) -> tuple[list, list, list]:
    """The same as fast-reid's Market1501: train identities and cameras are texts with the name of
    the set."""

    def process_dir(dir_path: str, is_train: bool) -> list[tuple]:
        assert osp.exists(dir_path), dir_path
        data = []
        for path in glob.glob(osp.join(dir_path, "*.jpg")):
            pid, camid = map(int, PATTERN.search(path).groups())
            if pid == -1:
                continue
            assert 0 <= pid <= 1501
            assert 1 <= camid <= 6
            camid -= 1
            data.append(
                (path, f"market1501_{pid}", f"market1501_{camid}")
                if is_train
                else (path, pid, camid)
            )
        return data

    return tuple(process_dir(osp.join(root, folder), folder == FOLDERS[0]) for folder in FOLDERS)


@pytest.fixture(scope="module")
def exported(house):
    split = Split.open(house / "splits" / "weather")
    made = export(house / "splits" / "weather", "market1501", house / "out" / "loaders", arm="mix")
    test = split.test().to_pylist()
    roles = [[row for row in test if row["role"] == role] for role in ("query", "gallery")]
    return made.path, [split.train("mix").to_pylist(), *roles]


def counted(rows: list[dict]) -> Counter:
    """How many images each person has under each camera, cameras from 0."""
    return Counter((int(row["identity"]), row["camera"] - 1) for row in rows)


def test_torchreid_reads_the_persons_cameras_and_counts_of_the_split(exported):
    path, (train, query, gallery) = exported
    read = torchreid(path)
    labels = {label for _, label, _ in read[0]}
    assert labels == set(range(len({row["identity"] for row in train})))
    assert Counter(camera for _, _, camera in read[0]) == Counter(
        row["camera"] - 1 for row in train
    )
    assert sorted(Counter(label for _, label, _ in read[0]).values()) == sorted(
        Counter(row["identity"] for row in train).values()
    )
    for found, truth in zip(read[1:], (query, gallery), strict=True):
        assert Counter((pid, camera) for _, pid, camera in found) == counted(truth)


def test_fastreid_reads_them_too(exported):
    path, (train, query, gallery) = exported
    read = fastreid(path)
    named = Counter(
        {(f"market1501_{pid}", f"market1501_{cam}"): n for (pid, cam), n in counted(train).items()}
    )
    assert Counter((pid, camera) for _, pid, camera in read[0]) == named
    for found, truth in zip(read[1:], (query, gallery), strict=True):
        assert Counter((pid, camera) for _, pid, camera in found) == counted(truth)


def test_every_query_they_read_has_a_true_match_under_their_camera_rule(exported):
    path, _ = exported
    _, query, gallery = torchreid(path)
    seen = {(pid, camera) for _, pid, camera in gallery}
    assert all(any(pid == own and camera != cam for own, camera in seen) for _, pid, cam in query)
