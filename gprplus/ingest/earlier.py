"""What a manifest remembers of a dataset, so that unchanged files are not opened again."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gprplus.ingest.manifest import Manifest
from gprplus.ingest.members import Contents, Memory
from gprplus.ingest.read import PROBED
from gprplus.ingest.scan import Listing, Refused, paths


@dataclass(frozen=True)
class Earlier:
    """A dataset's record, and the manifest that has its rows."""

    manifest: Manifest
    name: str
    about: dict[str, Any]

    @classmethod
    def of(cls, manifest: Manifest | None, name: str) -> "Earlier | None":
        """The memory of a dataset; None when the manifest has none."""
        if manifest is None or name not in manifest.datasets:
            return None
        return cls(manifest, name, manifest.datasets[name])

    @cached_property
    def scan(self) -> pa.Table:
        """Its rows of the scan table, in the order of the listing they were made from."""
        return only(self.manifest.scan(), self.name)

    def probes(self) -> pa.Table:
        """`path` and what the probe found (read.PROBED) of every file that was opened."""
        images = only(self.manifest.images(["dataset", "path", "format", "width_px", "height_px", "digest"]), self.name)
        rejected = only(self.manifest.rejected(), self.name)
        by_image = places(self.scan["path"], images["path"])
        by_reject = places(self.scan["path"], rejected["path"])
        columns = {"path": self.scan["path"], "size_bytes": self.scan["size_bytes"], "mtime_ns": self.scan["mtime_ns"]}
        columns |= {name: images[name].take(by_image) for name in ("format", "width_px", "height_px", "digest")}
        columns |= {name: rejected[name].take(by_reject) for name in ("reason", "detail")}
        return pa.table({name: columns[name] for name in ("path", *PROBED.names)})


def only(table: pa.Table, dataset: str) -> pa.Table:
    """The rows of one dataset."""
    return kept(table, pc.equal(table["dataset"].cast(pa.string()), dataset))


def kept(table: pa.Table, keep: pa.ChunkedArray) -> pa.Table:
    """The rows where `keep` is true; the table itself where that is all of them, for a filter copies what it keeps."""
    return table if pc.all(keep, min_count=0).as_py() and not keep.null_count else table.filter(keep)


def places(wanted: pa.ChunkedArray, among: pa.ChunkedArray) -> pa.Array:
    """Where each wanted path stands among others, null where it does not."""
    if wanted.equals(among):  # as after every build that rejected nothing: no need for a table of all paths
        return pa.array(np.arange(len(wanted)))
    return pc.index_in(wanted, among.combine_chunks())


def without(table: pa.Table, datasets: Sequence[str]) -> pa.Table:
    """The rows of all other datasets."""
    inside = pc.is_in(table["dataset"].cast(pa.string()), pa.array(list(datasets), pa.string()))
    return table.filter(pc.invert(inside))


def all_known(earlier: Earlier, listing: Listing) -> bool:
    """Whether every file is one that was opened and has not changed, or one that was refused for its name."""
    known = known_files(earlier.scan, listing)
    return bool(known.all()) or _only_names(earlier, listing, known)


def remembered(manifest: Manifest | None, root: Path) -> Memory | None:
    """What the archives under a root held when their dataset was built, as long as their size and time stay."""
    if manifest is None:
        return None
    names = [name for name, place in manifest.roots().items() if place == root]
    about = manifest.datasets[names[0]] if names else {}
    if not about.get("archives"):
        return None
    tables: list[pa.Table] = []

    def contents(path: str, size: int, mtime: int) -> Contents | None:
        before = about["archives"].get(path)
        if before is None or tuple(before[:2]) != (size, mtime):
            return None
        if not tables:
            tables.extend((only(manifest.scan(), names[0]), only(manifest.rejected(), names[0])))
        return _contents(path, before[2], *(_below(table, path) for table in tables))

    return contents


def _below(table: pa.Table, path: str) -> pa.Table:
    """The rows of an archive's members and of the archive itself."""
    if not path:
        return table
    mine = pc.or_(pc.starts_with(table["path"], f"{path}/"), pc.equal(table["path"], path))
    return table.filter(mine)


def _contents(path: str, ignored: int, scan: pa.Table, rejected: pa.Table) -> Contents:
    """Opened members are in the scan; of the others, a name that did not fit is a member too, the rest was refused."""
    opened = set(scan["path"].to_pylist())
    others = [row for row in rejected.to_pylist() if row["path"] not in opened]
    unfit = [row["path"] for row in others if row["reason"] == "name"]
    refused = [Refused(row["path"], row["reason"], row["detail"]) for row in others if row["reason"] != "name"]
    skip = len(path) + 1 if path else 0
    members = [member[skip:] for member in (*scan["path"].to_pylist(), *unfit)]
    return Contents(members, array("q", [*scan["size_bytes"].to_pylist(), *[0] * len(unfit)]), refused, ignored)


def _only_names(earlier: Earlier, listing: Listing, known: np.ndarray) -> bool:
    """Whether every file that was not opened before is one that was refused for its name."""
    rejected = only(earlier.manifest.rejected(), earlier.name)
    by_name = rejected.filter(pc.equal(rejected["reason"].cast(pa.string()), "name"))["path"].combine_chunks()
    others = listed(listing).filter(pa.array(~known))
    return bool(pc.all(pc.is_in(others, by_name), min_count=0).as_py())


def listed(listing: Listing) -> pa.Array:
    """Every file's path below the root, in order. A folder at a time: all as Python texts take three times more."""
    return pa.concat_arrays([pa.array([], pa.string()), *(pa.array(paths(f.path, f.names)) for f in listing.folders)])


def fresh_files(earlier: Earlier | None, listing: Listing) -> np.ndarray | None:
    """`(N,) bool` over the listing: files that must be opened; None where that is all of them."""
    return None if earlier is None else ~known_files(earlier.scan, listing)


def known_files(scan: pa.Table, listing: Listing) -> np.ndarray:
    """`(N,) bool` over the listing: files whose size and modification time are those in `scan`."""
    if any(folder.sizes is None for folder in listing.folders):
        return np.zeros(len(listing), bool)
    here = listed(listing)
    sizes = _joined([folder.sizes for folder in listing.folders])
    mtimes = _joined([folder.mtimes for folder in listing.folders])
    if len(scan) == len(here) and scan["path"].combine_chunks().equals(here):
        place = np.arange(len(here))
        found = np.ones(len(here), bool)
    else:
        position = pc.index_in(here, scan["path"].combine_chunks())
        found = np.asarray(position.is_valid())
        place = np.asarray(position.fill_null(0))
    if not len(scan):
        return np.zeros(len(here), bool)
    same_size = np.asarray(scan["size_bytes"])[place] == sizes
    return found & same_size & (np.asarray(scan["mtime_ns"])[place] == mtimes)


def _joined(arrays: "Sequence[array | None]") -> np.ndarray:
    return np.concatenate([np.frombuffer(a, np.int64) for a in arrays if a is not None] or [np.zeros(0, np.int64)])
