"""The table of uids that chose the images of a split, next to its record."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus.core.errors import SplitError
from gprplus.core.files import workdir
from gprplus.core.files.folders import remove_output
from gprplus.ingest.filters.parse import Filter
from gprplus.ingest.filters.uid_selection import UidSelection
from gprplus.schema import stored
from gprplus.schema.column import Column
from gprplus.splits.request import SplitRequest
from gprplus.splits.selection.exclusions import Exclusions
from gprplus.splits.uid_table import UidTable

if TYPE_CHECKING:
    from gprplus.ingest import Manifest

WHERE = "where.parquet"
COLUMNS = (Column("uid", "uint64", "Key of an image that the split may use."),)


def select_uids(where: Any, manifest: "Manifest") -> UidSelection:
    """Return the images that a boolean Series, a table or a sequence of uids chooses. Raises
    FilterError."""
    return UidSelection.of(where, manifest.images(["uid"]).column("uid").to_numpy())


def without_excluded(chosen: UidSelection, excluded: Exclusions | None) -> UidSelection:
    """Return the chosen images that are not excluded."""
    if excluded is None:
        return chosen
    return UidSelection(chosen.uids[~np.isin(chosen.uids, excluded.uids)])


def as_uid_table(selection: UidSelection) -> UidTable:
    """Return what a request records of a selection."""
    return UidTable(selection.fingerprint, len(selection.uids))


def row_filter(
    request: SplitRequest, folder: Path, excluded: Exclusions | None = None
) -> Filter | UidSelection | None:
    """Return which images a request uses; a table of uids is read from the `folder` of its record.
    `excluded` is what the word `excluded` means.

    Raises SplitError where the table is missing or holds other uids.
    """
    if request.where_uids is None:
        gone = None if excluded is None else excluded.uids
        return None if request.where is None else Filter(request.where, gone)
    path, wanted = folder / WHERE, request.where_uids
    if not path.is_file():
        raise SplitError(
            f"The split in {folder} uses {wanted.images:,} images that a table of uids names. Copy"
            f" {WHERE} next to its split.json."
        )
    table = stored.read_table(
        path, COLUMNS, SplitError, "Copy it again, or make the split again with --force."
    )
    found = UidSelection(table.column("uid").to_numpy())
    if found.fingerprint != wanted.fingerprint:
        raise SplitError(
            f"{path} does not hold the {wanted.images:,} uids that split.json records."
        )
    return found


def write_where_table(folder: Path, where: Filter | UidSelection | None) -> None:
    """Write the table of uids into the folder of a split; remove that of an earlier split where
    there is none."""
    path = folder / WHERE
    if isinstance(where, UidSelection):
        import pyarrow as pa

        workdir.write_table(path, pa.table({"uid": pa.array(where.uids)}))
    elif path.is_file():
        remove_output(path)
