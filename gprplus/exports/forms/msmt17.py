"""The folders and lists of MSMT17, for all loaders of that dataset.

Loaders read list_train.txt, list_val.txt, list_query.txt and list_gallery.txt, with a path and an
identity on each line, and the camera as the third part of a name. Identities of the train set and
of the test set are numbered from 0 each, as in the original.
"""

from collections.abc import Sequence

import pyarrow as pa

from gprplus.core.errors import ExportError
from gprplus.exports.export_layout import ExportInfo, ExportLayout
from gprplus.exports.rows import camera_numbers, identity_pairs, name_map

ROLES = ("train", "val", "query", "gallery")  # each has a list


def plan_msmt17(rows: pa.Table, about: ExportInfo) -> ExportLayout:
    """Names `train/NNNN/NNNN_FFF_CC_0000noon_0000_0.jpg`, the lists, and map.csv. ExportError if an
    identity or a camera is unknown."""
    roles = rows.column("role").to_pylist()
    people = identity_pairs(rows)
    cameras = camera_numbers(rows, "MSMT17")
    if any(identity is None for _, identity in people):
        raise ExportError(
            "Some images have no identity; MSMT17 has no name for them. Make the split with --where"
            " to leave them out."
        )
    folders = ["train" if role in ("train", "val") else "test" for role in roles]
    numbers = _numbers(folders, people)
    counts: dict[tuple[str, int], int] = {}
    files = []
    for folder, number, camera in zip(folders, numbers, cameras, strict=True):
        frame = counts.get((folder, number), 0)
        counts[folder, number] = frame + 1
        files.append(
            f"{folder}/{number:04d}/{number:04d}_{frame:03d}_{camera:02d}_0000noon_0000_0.jpg"
        )
    lists: dict[str, list[str]] = {role: [] for role in ROLES}
    for role, file, number in zip(roles, files, numbers, strict=True):
        lists[role].append(f"{file.partition('/')[2]} {number}")
    return ExportLayout(
        files,
        ("test", "train"),
        {"map.csv": name_map(rows, files)},
        texts={
            f"list_{role}.txt": "".join(f"{line}\n" for line in lines)
            for role, lines in lists.items()
        },
    )


def _numbers(folders: Sequence[str], people: Sequence[tuple[str, str]]) -> list[int]:
    """The number of each row's identity within train or test."""
    known = {
        (folder, person): number
        for folder in ("train", "test")
        for number, person in enumerate(
            sorted({p for f, p in zip(folders, people, strict=True) if f == folder})
        )
    }
    return [known[pair] for pair in zip(folders, people, strict=True)]
