"""The folder structure of Market-1501, for all loaders of that dataset.

The classic loaders (torchreid, fast-reid and similar ones) read identity and camera with
`([-\\d]+)_c(\\d)`: one digit of camera, and require six cameras and 1,501 identities. Therefore
identities are four digits, cameras c1 to c6, and the mapping is recorded in cameras.csv and
map.csv. The bytes of an image do not change: a PNG remains a PNG under a name that ends in .jpg, as
these loaders expect.
"""

from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gprplus.core.errors import ExportError
from gprplus.exports.export_layout import ExportInfo, ExportLayout
from gprplus.exports.rows import identity_pairs, name_map

FOLDERS = {
    "train": "bounding_box_train",
    "val": "bounding_box_train",
    "query": "query",
    "gallery": "bounding_box_test",
}
CAMERAS = 6
PERSONS = 1501
CLASSIC = r"([-\d]+)_c(\d)"
_JUNK, _DISTRACTOR = "-1", "0000"


def plan_market1501(rows: pa.Table, about: ExportInfo | None = None) -> ExportLayout:
    """Names `NNNN_cCs1_FFFFFF_BB.jpg` for rows of exports.rows.ROWS; ExportError if an identity or
    camera is unknown.

    Four-digit identities of one dataset keep their numbers; others are numbered from 1 in sorted
    order. F counts the images of an identity and camera; B is 00 for a query and 01 for the rest,
    as in the original.
    """
    persons, notes = _identity_numbers(rows)
    cameras, folded, more = _cameras(rows, about.cameras if about else CAMERAS)
    roles = rows.column("role").to_pylist()
    frames = _count_within(persons, cameras)
    files = [
        f"{FOLDERS[role]}/{person}_c{camera}s1_{frame:06d}_{0 if role == 'query' else 1:02d}.jpg"
        for role, person, camera, frame in zip(roles, persons, cameras, frames, strict=True)
    ]
    tables = {"map.csv": name_map(rows, files), "cameras.csv": folded}
    return ExportLayout(
        files,
        sorted(set(FOLDERS.values())),
        tables,
        [*notes, *more, *_renamed(rows)],
        searched=CLASSIC,
    )


def _identity_numbers(rows: pa.Table) -> tuple[list[str], list[str]]:
    """Return the label of each row, and notes about them."""
    junk, distractor = (
        pc.fill_null(rows.column(name), False).to_pylist() for name in ("is_junk", "is_distractor")
    )
    pairs = identity_pairs(rows)
    named = [pair for pair, j, d in zip(pairs, junk, distractor, strict=True) if not (j or d)]
    if any(identity is None for _, identity in named):
        raise ExportError(
            "Some images have no identity and are no junk; Market-1501 has no name for them."
        )
    people = sorted(set(named))
    if len(people) > 9999:
        raise ExportError(
            f"{len(people):,} identities do not fit into the four digits of Market-1501's names."
        )
    numbers = _own_numbers(people) or {pair: f"{i:04d}" for i, pair in enumerate(people, start=1)}
    labels = [
        _JUNK if j else _DISTRACTOR if d else numbers[pair]
        for pair, j, d in zip(pairs, junk, distractor, strict=True)
    ]
    if len(people) <= PERSONS:
        return labels, []
    return labels, [
        f"Loaders that require {PERSONS:,} identities (torchreid, fast-reid) will reject these"
        f" {len(people):,}."
    ]


def _own_numbers(people: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str] | None:
    """The identities themselves, where they are four-digit numbers of one dataset that the loaders
    take."""
    fit = all(
        len(name) == 4 and name.isascii() and name.isdigit() and 1 <= int(name) <= PERSONS
        for _, name in people
    )
    return (
        {pair: pair[1] for pair in people}
        if fit and len({dataset for dataset, _ in people}) <= 1
        else None
    )


def _cameras(rows: pa.Table, most: int) -> tuple[list[int], pa.Table, list[str]]:
    """Return the camera number of each row, the table of numbers and cameras, and notes.

    Renders without cameras use the viewpoint. Numbers 1 to `most` are kept; others are numbered in
    order, and more than `most` are merged with their neighbors: the usual readers of this format
    accept six.
    """
    source = next(
        (name for name in ("camera", "viewpoint_deg") if not rows.column(name).null_count), None
    )
    if source is None:
        raise ExportError(
            "Some images know no camera and some no viewpoint; Market-1501 names a camera for every"
            " image. Make the split with --where to leave them out."
        )
    values = rows.column(source).to_pylist()
    found = sorted(set(values))
    if all(1 <= value <= most for value in found):
        digit = {value: value for value in found}
    else:
        groups = np.array_split(np.array(found), min(most, len(found)))
        digit = {int(value): i for i, group in enumerate(groups, start=1) for value in group}
    table = pa.table(
        {
            "camera": list(digit.values()),
            source if source != "camera" else "original_camera": list(digit),
        }
    )
    if len(found) <= most:
        return [digit[value] for value in values], table, _beyond_six(max(digit.values()))
    note = f"{len(found)} cameras are folded into {most}, neighbours together (cameras.csv)."
    if not {"query", "gallery"}.isdisjoint(pc.unique(rows.column("role")).to_pylist()):
        note += (
            " Scores then differ from gprplus's own: true matches of a query's folded camera leave"
            " the ranking."
        )
    return [digit[value] for value in values], table, [note, *_beyond_six(most)]


def _beyond_six(largest: int) -> list[str]:
    """A sentence on camera numbers that the usual loaders do not take."""
    if largest <= CAMERAS:
        return []
    digits = " and read c10 as camera 1" if largest > 9 else ""
    return [
        f"The cameras are c1 to c{largest}. torchreid, fast-reid and gprplus take six of this"
        f" format{digits}: use a loader that reads all digits and has no limit."
    ]


def _renamed(rows: pa.Table) -> list[str]:
    """A sentence on images of other formats: their bytes stay, their names cannot."""
    suffixes = [PurePosixPath(path).suffix.lower() for path in rows.column("path").to_pylist()]
    others = [suffix for suffix in suffixes if suffix not in (".jpg", ".jpeg")]
    if not others:
        return []
    kinds = ", ".join(sorted(set(others)))
    return [
        f"{len(others):,} images ({kinds}) have names that end in .jpg, the only extension that"
        " readers of this format accept; their bytes are unchanged, so decoders that detect the"
        " format (Pillow, OpenCV) read them."
    ]


def _count_within(*keys: Sequence[object]) -> list[int]:
    """Count for each row the rows up to and including it with the same keys."""
    counts: dict[tuple[object, ...], int] = {}
    out = []
    for key in zip(*keys, strict=True):
        counts[key] = counts.get(key, 0) + 1
        out.append(counts[key])
    return out
