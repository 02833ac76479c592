"""Excluded images of a split: a table of uids by `--exclude`, or that of the manifest where --where
names the word `excluded`.

The table is copied next to the record of the split, whose request has its fingerprint: the same
split can be made again after more images were excluded.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gprplus.core.errors import SplitError
from gprplus.core.files import workdir
from gprplus.core.files.folders import remove_output
from gprplus.core.hashing import sha256_digest
from gprplus.ingest.filters.parse import Filter
from gprplus.ingest.tables.derived_columns import EXCLUDED
from gprplus.ingest.tables.review import FILES, read_review
from gprplus.schema import stored
from gprplus.schema.column import Column
from gprplus.schema.split_record import ExclusionsRecord
from gprplus.splits.request import SplitRequest
from gprplus.splits.selection.uid_files import read_uids
from gprplus.splits.uid_table import UidTable

if TYPE_CHECKING:
    from gprplus.ingest import Manifest

TABLE = "exclude.parquet"  # in the folder of a split
COLUMNS = (Column("uid", "uint64", "Key of an image that the split must not use."),)
NOT_EXCLUDED = f"not {EXCLUDED}"


@dataclass(frozen=True, eq=False)
class Exclusions:
    """Excluded images: `uids (n,) uint64`, ascending, and the file that they were read from."""

    path: Path
    uids: np.ndarray

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the uids."""
        return sha256_digest(self.uids.astype("<u8").tobytes())

    def record(self, split: Path) -> ExclusionsRecord:
        """Return what split.json in the folder `split` names."""
        path = workdir.relative_path(self.path, split)
        return ExclusionsRecord(path, self.fingerprint, len(self.uids))


def find_exclusions(source: "Manifest", request: SplitRequest) -> Exclusions | None:
    """Return the images that a new request excludes; None where it names none.

    Raises SplitError for a file without a column uid, and for one of another manifest.
    """
    if request.exclude is not None:
        path = request.exclude
        uids = read_uids(path, "--exclude")
        if len(uids) and not np.isin(source.images(["uid"]).column("uid").to_numpy(), uids).any():
            raise SplitError(
                f"--exclude: {path} has {len(uids):,} uids, none of them of an image of"
                f" {source.path}. Take a table of this manifest."
            )
        return Exclusions(path, uids)
    if request.where is None or not _names_excluded(source, request.where):
        return None
    return Exclusions(
        source.path / FILES["excluded"], np.unique(read_review(source.path).excluded_uids)
    )


def with_exclusions(
    source: "Manifest", request: SplitRequest, found: Exclusions | None
) -> SplitRequest:
    """Return the request with the fingerprint of its excluded images, and a filter that leaves them
    out; `--exclude` is short for such a filter."""
    if found is None:
        return request
    where = request.where
    if request.where_uids is None:
        if where is None:
            where = NOT_EXCLUDED
        elif not _names_excluded(source, where):
            where = f"({where}) and {NOT_EXCLUDED}"
    return replace(request, where=where, exclusions=UidTable(found.fingerprint, len(found.uids)))


def recorded_exclusions(request: SplitRequest, folder: Path) -> Exclusions | None:
    """Return the excluded images of a recorded request, from the `folder` of its record. Raises
    SplitError where the table is missing or holds other uids."""
    if request.exclusions is None:
        return None
    path = folder / TABLE
    if not path.is_file():
        raise SplitError(
            f"The split in {folder} excludes {request.exclusions.images:,} images. Copy {TABLE}"
            " next to its split.json."
        )
    table = stored.read_table(path, COLUMNS, SplitError, "Copy it again.")
    found = Exclusions(path, table.column("uid").to_numpy())
    if found.fingerprint != request.exclusions.fingerprint:
        raise SplitError(f"{path} does not hold the excluded uids that split.json records.")
    return found


def write_exclusions(folder: Path, found: Exclusions | None) -> None:
    """Write the excluded uids into the folder of a split; remove those of an earlier split where
    there are none."""
    if found is None:
        if (folder / TABLE).is_file():
            remove_output(folder / TABLE)
        return
    import pyarrow as pa

    workdir.write_table(folder / TABLE, pa.table({"uid": pa.array(found.uids)}))


def _names_excluded(source: "Manifest", where: str) -> bool:
    """Return True if a filter has the word `excluded`, which is no column of the manifest."""
    stored_columns = {*source.columns("images"), *source.identities.columns}
    if EXCLUDED in stored_columns or EXCLUDED not in where:
        return False
    return EXCLUDED in Filter(where).columns({*stored_columns, EXCLUDED, "is_extra_copy"})
