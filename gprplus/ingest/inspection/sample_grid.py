"""Sample images: the levels of one attribute as rows, one identity under one set of conditions as
columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gprplus.core.errors import ManifestError, did_you_mean
from gprplus.core.imaging.shown_images import shown_image
from gprplus.core.sampling import priorities
from gprplus.ingest.tables.coded import CodedColumn, coded_column
from gprplus.ingest.tables.manifest import Manifest

ROWS = 24  # levels shown at most


@dataclass(frozen=True)
class SampleGrid:
    """Decoded images in rows of levels, None if there is none, with row and column labels."""

    cells: list[list[np.ndarray | None]]
    rows: list[str]
    columns: list[str]


def pick_grid(
    manifest: Manifest, by: str, columns: int = 8, roots: Mapping[str, Path] | None = None
) -> SampleGrid:
    """A grid over the levels of the attribute `by`.

    A column is one identity under one set of conditions (every other known attribute constant),
    chosen by key among those with the most levels; for identity itself and for identity attributes,
    a column is another image of the level. Raises ManifestError if no image has a level.
    """
    known = ["identity", *manifest.attributes]
    if by not in known:
        raise ManifestError(f"There is no attribute '{by}'. {did_you_mean(by, known)}")
    if by != "identity" and manifest.attributes[by].type == "number":
        raise ManifestError(
            f"{by} is a number, and the rows of a sheet are levels. Name another attribute with --by."
        )
    table, names = _rows(manifest, by), _levelled(manifest)
    if not table.num_rows:
        raise ManifestError(
            f"No image of {manifest.path} has a known {by}. Known attributes:"
            f" {', '.join(manifest.record.levels)}."
        )
    levels = coded_column(table, by, manifest.own_attributes)
    conditions = [name for name in names if name != by] if by in names else None
    return grid_of_rows(table, levels, columns, manifest.roots(roots), conditions)


def grid_of_rows(
    table: pa.Table,
    levels: CodedColumn,
    columns: int,
    roots: Mapping[str, Path],
    conditions: Sequence[str] | None,
) -> SampleGrid:
    """A grid of the images of a table (uid, dataset, path, identity and the `conditions`), with the
    levels as rows.

    A column is one identity under equal conditions, except those that change with the levels;
    without `conditions`, another image of the level.
    """
    chosen, labels = (
        _free(table, levels, columns)
        if conditions is None
        else _held(table, levels, columns, conditions)
    )
    cells = [[_image(table, row, roots) for row in line] for line in chosen[:ROWS]]
    return SampleGrid(cells, [str(level) for level in levels.levels[:ROWS]], labels)


def _rows(manifest: Manifest, by: str) -> pa.Table:
    names = _levelled(manifest)
    table = manifest.images(["uid", "dataset", "path", "identity", "is_junk", *names])
    if by in manifest.identity_attributes:
        people = manifest.identities(["dataset", "identity", by])
        table = _with_keys(table).join(_with_keys(people).select(["key", by]), "key")
    keep = pc.and_(pc.is_valid(table[by]), pc.invert(table["is_junk"]))
    return table.filter(keep)


def _levelled(manifest: Manifest) -> list[str]:
    """The image attributes that have levels."""
    known = manifest.attributes
    return [name for name in manifest.image_attributes if known[name].type != "number"]


def _with_keys(table: pa.Table) -> pa.Table:
    key = pc.binary_join_element_wise(
        table["dataset"].cast(pa.string()), table["identity"].cast(pa.string()), "\x1f"
    )
    return table.append_column("key", key)


def _held(
    table: pa.Table, levels: CodedColumn, columns: int, names: Sequence[str]
) -> tuple[list[list[int | None]], list[str]]:
    """Positions for columns that hold everything but the levels."""
    functions = _functions(table, levels, names)
    others = ["identity", *(name for name in names if name not in functions)]
    circumstance = np.zeros(table.num_rows, np.int64)
    for name in ("dataset", *others):
        part = coded_column(table, name)
        circumstance = np.unique(
            circumstance * (len(part.levels) + 1) + part.codes + 1, return_inverse=True
        )[1]
    cell = circumstance * len(levels.levels) + levels.codes
    priority = priorities(np.asarray(table["uid"]), 0, "sheet")
    first = np.lexsort((priority, cell))
    first = first[np.r_[True, np.diff(cell[first]) != 0]]  # one image of each (circumstance, level)
    shown = np.bincount(circumstance[first])
    lead = np.full(len(shown), np.iinfo(np.uint64).max, np.uint64)
    np.minimum.at(lead, circumstance[first], priority[first])
    order = np.lexsort((lead, -shown))
    picked = _different_people(order, circumstance, coded_column(table, "identity").codes, columns)
    place = {
        (int(circumstance[row]), int(levels.codes[row])): int(row)
        for row in first[np.isin(circumstance[first], picked)]
    }
    lines = [[place.get((int(c), level)) for c in picked] for level in range(len(levels.levels))]
    return lines, [
        _label(table, next(row for line in lines if (row := line[j]) is not None), others)
        for j in range(len(picked))
    ]


def _functions(table: pa.Table, levels: CodedColumn, names: Sequence[str]) -> set[str]:
    """Attributes that change with the levels and so cannot be held while they vary, such as the
    camera of a viewpoint."""
    from gprplus.ingest.inspection.cells import is_determined

    return {name for name in names if is_determined(coded_column(table, name), [levels])}


def _different_people(
    order: np.ndarray, circumstance: np.ndarray, identity: np.ndarray, columns: int
) -> list[int]:
    """Return the first conditions in order, one of each identity before a second of any."""
    person = np.zeros(len(order), np.int64)
    person[circumstance] = identity
    seen: set[int] = set()
    fresh: list[int] = []
    again: list[int] = []
    for candidate in order:
        (again if int(person[candidate]) in seen else fresh).append(int(candidate))
        seen.add(int(person[candidate]))
        if len(fresh) == columns:
            break
    return (fresh + again)[:columns]


def _free(
    table: pa.Table, levels: CodedColumn, columns: int
) -> tuple[list[list[int | None]], list[str]]:
    """Positions for columns that are just images of the level, drawn by key."""
    priority = priorities(np.asarray(table["uid"]), 0, "sheet")
    lines: list[list[int | None]] = []
    for level in range(len(levels.levels)):
        rows = np.flatnonzero(levels.codes == level)
        rows = rows[np.argsort(priority[rows], kind="stable")][:columns]
        lines.append([*map(int, rows), *[None] * (columns - len(rows))])
    return lines, [""] * columns


def _label(table: pa.Table, row: int, others: list[str]) -> str:
    values = {name: table[name][row].as_py() for name in others if name != "camera"}
    degrees = values.pop("viewpoint_deg", None)
    shown = [values.pop("identity"), None if degrees is None else f"{degrees}°", *values.values()]
    return " ".join(str(value) for value in shown if value is not None)


def _image(table: pa.Table, row: int | None, roots: Mapping[str, Path]) -> np.ndarray | None:
    if row is None:
        return None
    return shown_image(roots[table["dataset"][row].as_py()], table["path"][row].as_py())
