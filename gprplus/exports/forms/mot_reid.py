"""The crops that multi-object trackers train re-ID on: the folder MOT17-ReID of BoT-SORT and
fast-reid, and lists for mmdetection.

The loader of fast-reid reads `*.bmp` and takes identity and camera from
`([-\\d]+)_MOT17-([-\\d]+)-FRCNN`: the camera is the number of a sequence. `ReIDDataset` of
mmdetection reads a list with a path and a label on each line. The bytes of an image do not change:
a JPEG remains a JPEG under a name that ends in .bmp.
"""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from gprplus.core.errors import ExportError
from gprplus.exports.export_layout import ExportInfo, ExportLayout
from gprplus.exports.rows import camera_numbers, identity_pairs, name_map

HOME = "MOT17-ReID"
FOLDERS = {
    "train": "bounding_box_train",
    "val": "bounding_box_train",
    "query": "query",
    "gallery": "bounding_box_test",
}
LISTS = {"train": "train", "val": "train", "query": "val", "gallery": "val"}
SEARCHED = r"([-\d]+)_MOT17-([-\d]+)-FRCNN"
_JUNK, _DISTRACTOR = -1, 0
_NOTE = (
    "All names end in .bmp, the only extension that the loader of fast-reid accepts; the bytes are"
    " unchanged, so decoders that detect the format (Pillow, OpenCV) read them."
)


def plan_mot_reid(rows: pa.Table, about: ExportInfo) -> ExportLayout:
    """Names `MOT17-ReID/<part>/NNNNNNN_MOT17-CC-FRCNN_FFFFFFF_acc_data.bmp`, the lists
    meta/train.txt and meta/val.txt, and map.csv.

    N is the identity from 1 in sorted order (0 of a distractor, -1 of junk), C the camera, F counts
    the images. The lists number their identities from 0 and have neither junk nor distractors,
    because each image of meta/val.txt is a query in turn. Raises ExportError if an identity or a
    camera is unknown.
    """
    roles = rows.column("role").to_pylist()
    numbers = _identity_numbers(rows)
    cameras = camera_numbers(rows, HOME)
    files = [
        f"{HOME}/{FOLDERS[role]}/{_padded(number)}_MOT17-{camera:02d}-FRCNN_{frame:07d}_acc_data.bmp"
        for frame, (role, number, camera) in enumerate(zip(roles, numbers, cameras, strict=True))
    ]
    return ExportLayout(
        files,
        sorted({f"{HOME}/{folder}" for folder in FOLDERS.values()}),
        {"map.csv": name_map(rows, files)},
        [_NOTE],
        searched=SEARCHED,
        texts={
            f"meta/{part}.txt": _label_list(
                [place for place, role in enumerate(roles) if LISTS[role] == part], numbers, files
            )
            for part in dict.fromkeys(LISTS.values())
        },
    )


def _identity_numbers(rows: pa.Table) -> list[int]:
    junk, distractor = (
        pc.fill_null(rows.column(name), False).to_pylist() for name in ("is_junk", "is_distractor")
    )
    special = [
        _JUNK if is_junk else _DISTRACTOR if is_distractor else None
        for is_junk, is_distractor in zip(junk, distractor, strict=True)
    ]
    pairs = identity_pairs(rows)
    named = {pair for pair, number in zip(pairs, special, strict=True) if number is None}
    if any(identity is None for _, identity in named):
        raise ExportError(
            f"Some images have no identity and are no junk; {HOME} has no name for them. Make the"
            " split with --where to leave them out."
        )
    order = {pair: place for place, pair in enumerate(sorted(named), start=1)}
    return [
        order[pair] if number is None else number
        for pair, number in zip(pairs, special, strict=True)
    ]


def _padded(number: int) -> str:
    """Seven digits, or -1.

    >>> _padded(12), _padded(-1)
    ('0000012', '-1')
    """
    return f"{number:07d}" if number >= 0 else str(number)


def _label_list(places: Sequence[int], numbers: Sequence[int], files: Sequence[str]) -> str:
    """Lines of a path and a label from 0, of the rows at `places` with a positive number.

    >>> _label_list([0, 1, 2], [7, 0, 3, 7], ["a", "b", "c", "d"])
    'a 1\\nc 0\\n'
    """
    listed = [place for place in places if numbers[place] > 0]
    label = {number: i for i, number in enumerate(sorted({numbers[place] for place in listed}))}
    return "".join(f"{files[place]} {label[numbers[place]]}\n" for place in listed)
