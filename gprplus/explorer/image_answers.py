"""Answers about images: facets and counts, a window of rows, one image with its near-duplicates."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gprplus.core.errors import BrowseError
from gprplus.explorer.facets import Facet
from gprplus.explorer.image_table import BrowsedImages
from gprplus.explorer.selection import ImageSelection
from gprplus.explorer.workspace import Workspace
from gprplus.ingest.tables.parquet_table import ParquetTable

LISTED = 200  # levels of a facet that are sent; a search names others
WINDOW = 600  # rows of one answer at most
ALIKE = 24  # near-duplicates of one image
NEAR_BITS = 12  # of 64: a difference hash farther away is another image
Given = Mapping[str, str]


def workspace_answer(space: Workspace, given: Given) -> dict[str, Any]:
    """Return the sources, by number."""
    return {
        "sources": [
            {"id": str(i), "kind": one.kind, "name": one.name, "path": str(one.path)}
            for i, one in enumerate(space.sources)
        ]
    }


def facets_answer(space: Workspace, given: Given) -> dict[str, Any]:
    """Return the number of images of a selection, the counts of each facet, and the groups."""
    view = space.manifest(given.get("s", ""))
    table, selection = view.table, ImageSelection.parse(given)
    passed, counts = table.counts(selection)
    picked = dict(selection.picks)
    order = table.order(selection)
    return {
        "total": len(table),
        "count": len(table) if passed is None else int(np.count_nonzero(passed)),
        "facets": [
            _facet(facet, counts[name], set(picked.get(name, ())), given.get(f"find.{name}", ""))
            for name, facet in table.facets.items()
        ],
        "groups": [[list(group.levels), group.count] for group in order.groups],
        "group_names": list(
            selection.group if selection.group != ("cell",) else table.cell_attributes
        ),
        "undo": len(view.undo),
        "columns": _numbers(table),
    }


def _numbers(table: BrowsedImages) -> list[str]:
    """Return the columns of numbers, which images can be sorted by."""
    checks = [name for name in table.manifest.columns("images") if name.endswith("_score")]
    return ["frame", "width_px", "height_px", "size_bytes", *checks]


def _facet(facet: Facet, counts: np.ndarray, picked: set[str | None], find: str) -> dict[str, Any]:
    """Return the levels of a facet that have images or are picked, in their order; the most
    frequent of many."""
    values = facet.values
    shown = [i for i in (*range(1, len(values)), 0) if counts[i] or values[i] in picked]
    if find:
        shown = [i for i in shown if find.lower() in (values[i] or "unknown").lower()]
    more = max(len(shown) - LISTED, 0)
    if more:
        held = {i for i in shown if values[i] in picked}
        first = sorted(shown, key=lambda i: (i not in held, -counts[i]))[:LISTED]
        shown = sorted(first, key=lambda i: (i == 0, i))  # unknown last
    return {
        "name": facet.name,
        "levels": [[values[i], int(counts[i])] for i in shown],
        "distinct": len(facet.levels),
        "more": more,
    }


def rows_answer(space: Workspace, given: Given) -> dict[str, Any]:
    """Return the images `offset` to `offset + limit` of a selection."""
    table = space.manifest(given.get("s", "")).table
    selection = ImageSelection.parse(given)
    offset, limit = whole_number(given, "offset", 0), whole_number(given, "limit", 100)
    rows = table.order(selection).rows[offset : offset + min(limit, WINDOW)]
    return {"offset": offset, "rows": describe_rows(table, rows, selection.sort.removeprefix("-"))}


def describe_rows(table: BrowsedImages, rows: np.ndarray, number: str = "") -> list[dict[str, Any]]:
    """Return what the grid shows of some rows: uid, state, identity, its cell, and a number."""
    names = [name for name in ("identity", *table.cell_attributes) if name in table.facets]
    levels = [_level_names(table.facets[name], rows) for name in names]
    states = table.review_of(rows)
    numbers = table.column(number).take(rows).to_pylist() if number else [None] * len(rows)
    return [
        {"uid": str(uid), "state": state, "caption": [one[i] for one in levels], "number": value}
        for i, (uid, state, value) in enumerate(
            zip(table.uids[rows].tolist(), states, numbers, strict=True)
        )
    ]


def _level_names(facet: Facet, rows: np.ndarray) -> list[str | None]:
    values = facet.values
    return [values[code] for code in facet.codes[rows].tolist()]


def uids_answer(space: Workspace, given: Given) -> dict[str, Any]:
    """Return the uids of a whole selection, to accept, exclude or hold them."""
    table = space.manifest(given.get("s", "")).table
    rows = table.order(ImageSelection.parse(given)).rows
    return {"uids": [str(uid) for uid in table.uids[rows].tolist()]}


def image_answer(space: Workspace, given: Given) -> dict[str, Any]:
    """Return all columns of one image, and the images like it."""
    table = space.manifest(given.get("s", "")).table
    row = int(table.rows_of([parse_uid(given.get("uid", ""))])[0])
    facts = {name: value for name, value in table.record(row).items() if value is not None}
    wide = {name: str(value) for name, value in facts.items() if name in ("uid", "dhash")}
    return {
        "uid": str(table.uids[row]),
        "state": table.review_of(np.array([row]))[0],
        "columns": [[name, value] for name, value in {**facts, **wide}.items()],
        "alike": _alike(table, row),
    }


def _alike(table: BrowsedImages, row: int) -> list[dict[str, Any]]:
    """Return copies and near-duplicates, the nearest first, with the distance in bits; none without
    checks that measured them."""
    if "dhash" not in table.manifest.columns("images"):
        return []
    hashes = table.column("dhash")
    if not hashes[row].is_valid:
        return []
    values = np.asarray(hashes.fill_null(0))
    bits = np.bitwise_count(values ^ values[row]).astype(np.int16)
    bits[np.asarray(hashes.is_null())] = 99
    same = _copies(table, row)
    bits[same] = -1
    bits[row] = 99
    near = np.flatnonzero(bits <= NEAR_BITS)
    near = near[np.argsort(bits[near], kind="stable")[:ALIKE]]
    found = describe_rows(table, near)
    return [
        {**one, "bits": max(int(distance), 0), "copy": bool(distance < 0)}
        for one, distance in zip(found, bits[near].tolist(), strict=True)
    ]


def _copies(table: BrowsedImages, row: int) -> np.ndarray:
    """Return the rows with the bytes of an image, and the image itself."""
    import pyarrow.compute as pc

    path = table.manifest.path / "looks.parquet"
    if not path.is_file():
        return np.array([], dtype=np.int64)
    content = ParquetTable(path).read_all(["content"]).column("content")
    mine = content[row]
    if not mine.is_valid or not any(mine.as_py()):
        return np.array([], dtype=np.int64)
    return np.flatnonzero(np.asarray(pc.equal(content, mine).fill_null(False)))


def parse_uid(text: str) -> int:
    """Return a uid in decimal. Raises BrowseError."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 20 and int(text) < 2**64):
        raise BrowseError("A uid is a whole number of 64 bits in decimal.")
    return int(text)


def whole_number(given: Given, name: str, default: int) -> int:
    """Return a parameter as a whole number from 0. Raises BrowseError."""
    text = given.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) <= 12):
        raise BrowseError(f"{name} is a whole number, found '{text}'.")
    return int(text)
