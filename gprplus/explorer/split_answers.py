"""Answers about a split: its arms side by side, its test set, and its excluded queries."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from gprplus.core.declarations import sort_levels
from gprplus.core.errors import BrowseError
from gprplus.core.typed import as_json
from gprplus.explorer.workspace import Workspace
from gprplus.reporting.arm_labels import arm_phrase, question_of
from gprplus.splits.split import EXCLUDED

if TYPE_CHECKING:
    import pyarrow as pa

    from gprplus.splits import Split

QUERIES, GALLERY = "queries", "gallery"
LISTED = 300  # excluded queries
KEYS = ("arm", "role", "uid", "path", "identity", "weight", "deal")  # no attributes of images


def split_answer(space: Workspace, given: Mapping[str, str]) -> dict[str, Any]:
    """Return the arms, two of them compared, the test set, and excluded queries with reasons."""
    split = space.split(given.get("s", ""))
    record = split.record
    parts = part_names(split)
    first = given.get("a") or parts[0]
    second = given.get("b") or parts[min(1, len(parts) - 1)]
    return {
        "name": split.name,
        "manifest": manifest_number(space, split),
        "question": question_of(record),
        "design": record.design,
        "attribute": record.attribute,
        "reference": record.reference,
        "retention": record.retention,
        "exclusions": as_json(record.exclusions) if record.exclusions else None,
        "deals": record.deals,
        "arms": [
            {
                "name": name,
                "kind": arm.kind,
                "phrase": arm_phrase(name, record),
                "levels": [str(level) for level in arm.levels],
                "images": arm.images,
                "identities": arm.identities,
            }
            for name, arm in record.arms.items()
        ],
        "test": as_json(record.test),
        "parts": parts,
        "compared": _compare(split, first, second),
        "excluded": _excluded(split),
        "warnings": record.warnings,
    }


def part_names(split: "Split") -> list[str]:
    """Return the names of what can be compared: arms, and the sides of the test set."""
    return [*split.arms, *((QUERIES, GALLERY) if split.record.test.queries else ())]


def part_rows(split: "Split", part: str) -> "pa.Table":
    """Return the rows of an arm (deal 0), or of the queries or the gallery."""
    if part in split.arms:
        return split.train(part)
    if part not in (QUERIES, GALLERY):
        raise BrowseError(f"The split has no arm '{part}'. Load the page again.")
    test = split.test()
    role = "query" if part == QUERIES else "gallery"
    return test.filter(pc.equal(test.column("role"), role))


def manifest_number(space: Workspace, split: "Split") -> str | None:
    """Return the source with the images of a split; None if its manifest is gone."""
    return space.number_of(split.path / split.record.manifest.path, "manifest")


def part_change(space: Workspace, body: dict[str, Any]) -> dict[str, Any]:
    """Hold the images of an arm or side as a subset of the manifest, to look at."""
    split, part = space.split(str(body.get("s", ""))), str(body.get("part", ""))
    number = manifest_number(space, split)
    if number is None:
        raise BrowseError("The manifest of the split is gone, and its images with it.")
    uids = part_rows(split, part).column("uid").to_numpy()
    held = space.manifest(number).table.hold_subset(f"{split.name}: {part}", uids)
    return {"manifest": number, "subset": held}


def _compare(split: "Split", first: str, second: str) -> dict[str, Any]:
    one, two = part_rows(split, first), part_rows(split, second)
    names = [column.name for column in split.columns if column.name not in KEYS]
    uids = [set(rows.column("uid").to_pylist()) for rows in (one, two)]
    people = [set(rows.column("identity").to_pylist()) for rows in (one, two)]
    return {
        "a": first,
        "b": second,
        "images": _overlap(*uids),
        "identities": _overlap(*people),
        "balance": [
            {"name": name, "levels": levels}
            for name in names
            if len(levels := _balance(split, name, one, two)) > 1
        ],
    }


def _overlap(one: set[Any], two: set[Any]) -> dict[str, int]:
    return {"a": len(one - two), "b": len(two - one), "both": len(one & two)}


def _balance(
    split: "Split", name: str, one: "pa.Table", two: "pa.Table"
) -> list[tuple[str | None, int, int]]:
    """Return the images of each level in both parts, in declared order."""
    counts: list[dict[Any, int]] = []
    for rows in (one, two):
        found = pc.value_counts(rows.column(name)).to_pylist()
        counts.append({row["values"]: row["counts"] for row in found})
    levels = {level for side in counts for level in side if level is not None}
    if len(levels) > 60:
        return []
    unknown = [None] if any(None in side for side in counts) else []
    order = [*sort_levels(name, levels, split.record.attributes), *unknown]
    return [
        (None if level is None else str(level), counts[0].get(level, 0), counts[1].get(level, 0))
        for level in order
    ]


def _excluded(split: "Split") -> dict[str, Any]:
    path = split.path / EXCLUDED
    if not path.is_file():
        return {"total": 0, "rows": []}
    with pq.ParquetFile(path) as file:
        table = file.read(["protocol", "uid", "identity", "reason", "path"])
    rows = table.slice(0, LISTED).to_pylist()
    return {"total": len(table), "rows": [{**row, "uid": str(row["uid"])} for row in rows]}
