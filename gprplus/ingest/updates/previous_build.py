"""State of a dataset in the previous build, so that unchanged files are not opened again."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gprplus.core.arrow import combine_chunks, from_numpy, from_strings, text_scalar, to_numpy
from gprplus.ingest.files.listing import Listing
from gprplus.ingest.reading.columns import PROBED
from gprplus.ingest.tables.manifest import Manifest
from gprplus.ingest.tables.select import filter_dataset, find_rows, lookup_rows
from gprplus.schema.manifest_record import ManifestDataset


@dataclass(frozen=True)
class PreviousBuild:
    """A dataset's record, and the manifest that has its rows."""

    manifest: Manifest
    name: str
    about: ManifestDataset

    @classmethod
    def of(cls, manifest: Manifest | None, name: str) -> "PreviousBuild | None":
        """The memory of a dataset; None when the manifest has none."""
        if manifest is None or name not in manifest.datasets:
            return None
        return cls(manifest, name, manifest.datasets[name])

    @cached_property
    def scan(self) -> pa.Table:
        """Return its rows of the scan table, in the order of the listing they were made from."""
        return filter_dataset(self.manifest.scan(), self.name)

    def probes(self) -> pa.Table:
        """`path` and what the probe found (columns.PROBED) of every file that was opened."""
        images = filter_dataset(
            self.manifest.images(["dataset", "path", "format", "width_px", "height_px", "digest"]),
            self.name,
        )
        rejected = filter_dataset(self.manifest.rejected(), self.name)
        by_image = lookup_rows(self.scan["path"], images["path"])
        by_reject = lookup_rows(self.scan["path"], rejected["path"])
        columns = {
            "path": self.scan["path"],
            "size_bytes": self.scan["size_bytes"],
            "mtime_ns": self.scan["mtime_ns"],
        }
        columns |= {
            name: images[name].take(by_image)
            for name in ("format", "width_px", "height_px", "digest")
        }
        columns |= {name: rejected[name].take(by_reject) for name in ("reason", "detail")}
        return pa.table({name: columns[name] for name in ("path", *PROBED.names)})


def is_fully_cached(earlier: PreviousBuild, listing: Listing) -> bool:
    """Return True if every file was opened before and is unchanged, or was rejected for its
    name."""
    known = known_files(earlier.scan, listing)
    return bool(known.all()) or _only_names(earlier, listing, known)


def _only_names(earlier: PreviousBuild, listing: Listing, known: np.ndarray) -> bool:
    """Return True if every file that was not opened before was rejected for its name."""
    rejected = filter_dataset(earlier.manifest.rejected(), earlier.name)
    named = pc.equal(rejected["reason"].cast(pa.string()), text_scalar("name"))
    by_name = rejected.filter(named)["path"].combine_chunks()
    others = read_listing(listing).filter(from_numpy(~known))
    return bool(pc.all(pc.is_in(others, by_name), min_count=0).as_py())


def read_listing(listing: Listing) -> pa.Array:
    """The path of every file below the root, in order. As Python strings they would take three
    times the memory."""
    folders = [folder for folder in listing.folders if len(folder)]
    names = pc.split_pattern(from_strings([folder.joined for folder in folders]), "\0")
    before = from_strings([f"{folder.path}/" if folder.path else "" for folder in folders])
    before = before.take(pc.list_parent_indices(names))
    return pc.binary_join_element_wise(before, names.flatten(), text_scalar(""))


def fresh_files(earlier: PreviousBuild | None, listing: Listing) -> np.ndarray | None:
    """`(N,) bool` over the listing: files that must be opened; None where that is all of them."""
    return None if earlier is None else ~known_files(earlier.scan, listing)


def known_files(scan: pa.Table, listing: Listing) -> np.ndarray:
    """`(N,) bool` over the listing: files whose size and modification time are those in `scan`."""
    if any(folder.sizes is None for folder in listing.folders):
        return np.zeros(len(listing), bool)
    here = read_listing(listing)
    sizes = _joined([folder.sizes for folder in listing.folders])
    mtimes = _joined([folder.mtimes for folder in listing.folders])
    if not len(scan):
        return np.zeros(len(here), bool)
    place = find_rows(here, combine_chunks(scan["path"]))
    same_size = to_numpy(scan["size_bytes"])[place] == sizes
    return (place >= 0) & same_size & (to_numpy(scan["mtime_ns"])[place] == mtimes)


def _joined(arrays: "Sequence[array | None]") -> np.ndarray:
    return np.concatenate(
        [np.frombuffer(a, np.int64) for a in arrays if a is not None] or [np.zeros(0, np.int64)]
    )
