"""Partial results of an unfinished build: results of batches, stored in the manifest folder until
it is complete.

A build writes its results every few seconds, and a shard when it is done; the next run of the same
request, on this machine or another, reuses a batch if its files have the same sizes and times. A
part is one Arrow file, written atomically, with the first row of each of its batches.
"""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gprplus.core.errors import ManifestError
from gprplus.core.files.folders import remove_output
from gprplus.core.files.safe_names import child_path
from gprplus.core.files.workdir import atomic_write, exclusive_lock, write_json
from gprplus.ingest.reading.batch import FileBatch
from gprplus.ingest.tables.manifest import PARTS

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from gprplus.core.executors.shards import Shard

SECONDS = 5.0  # what is read in less is read again sooner than found
_ABOUT = b"batches"


class FinishedBatch(NamedTuple):
    """The rows of one batch, as columns.outcome_table makes them, and the paths that fit no name."""

    images: "pa.Table"
    unmatched: list[str]


class _Place(NamedTuple):
    part: Path
    start: int
    rows: int
    unmatched: list[str]


@dataclass
class PartialResults:
    """The parts of one dataset under one request; `who` writes the new ones (a shard, or the whole
    build)."""

    folder: Path
    who: str = "build"
    _places: dict[str, _Place] = field(default_factory=dict)
    _waiting: list[tuple[FileBatch, FinishedBatch]] = field(default_factory=list)
    _since: float = field(default_factory=time.monotonic)

    @classmethod
    def of(cls, output: Path, dataset: str, request: str, who: str = "build") -> "PartialResults":
        """Return the partial results of earlier runs of a request (its digest) in the manifest
        folder."""
        parts = cls(
            child_path(output / PARTS, dataset, "dataset name", ManifestError) / request[:16], who
        )
        for path in sorted(parts.folder.glob("*.arrow")):
            parts._places |= {key: _Place(path, *place) for key, *place in _batches_of(path)}
        return parts

    def __bool__(self) -> bool:
        return bool(self._places)

    def get(self, batch: FileBatch) -> FinishedBatch | None:
        """The outcome of a batch; None where there is none, or where a file of it has changed
        since."""
        place = self._places.get(batch.key)
        if place is None:
            return None
        images = _read(place.part).slice(place.start, place.rows).replace_schema_metadata()
        return FinishedBatch(images, place.unmatched) if _as_it_was(batch, images) else None

    def keep(self, batch: FileBatch, finished: FinishedBatch) -> None:
        """Remember an outcome; it is written once there is enough of them."""
        self._waiting.append((batch, finished))
        if time.monotonic() - self._since >= SECONDS:
            self.write()

    def write(self) -> None:
        """Write what waits as one part."""
        if not self._waiting:
            return
        import pyarrow as pa

        about, start = [], 0
        for batch, (images, unmatched) in self._waiting:
            about.append((batch.key, start, images.num_rows, unmatched))
            start += images.num_rows
        table = (
            pa.concat_tables([images for _, (images, _) in self._waiting])
            .unify_dictionaries()
            .combine_chunks()
        )
        table = table.replace_schema_metadata({_ABOUT: json.dumps(about)})
        with (
            atomic_write(self.folder / f"{self.who}-{about[0][0]}.arrow") as path,
            pa.OSFile(str(path), "wb") as sink,
            pa.ipc.new_file(sink, table.schema) as file,
        ):
            file.write_table(table)
        self._waiting, self._since = [], time.monotonic()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """The right to write what `who` finds: one process at a time."""
        busy = f"Another process is at work on {self.who} in {self.folder}. Wait for it."
        with exclusive_lock(self.folder / f".{self.who}.lock", ManifestError, busy):
            yield

    def finish(self) -> None:
        """Record that `who` has read all its batches."""
        self.write()
        write_json(self.folder / f"{self.who}.json", {"finished": self.who})

    def missing(self) -> "list[Shard]":
        """The shards that are missing, where others of their number are finished."""
        from gprplus.core.executors.shards import Shard

        names = [path.stem for path in self.folder.glob("shard-*-of-*.json")]
        done = {Shard.parse(name.removeprefix("shard-").replace("-of-", "/")) for name in names}
        lacking = [
            [one for one in Shard.all(number) if one not in done]
            for number in {shard.of for shard in done}
        ]
        return min(lacking, key=len, default=[])

    def remove(self) -> None:
        """Remove the partial results of the dataset, whose rows are now in the manifest."""
        parts = self.folder.parents[1]
        remove_output(self.folder.parent)
        if parts.is_dir() and not any(parts.iterdir()):  # no other dataset has parts
            remove_output(parts)


def _batches_of(path: Path) -> list[list[Any]]:
    """What a part holds; nothing if it is damaged, as after a loss of power: its files are read
    again."""
    import pyarrow as pa

    try:
        about: list[list[Any]] = json.loads(_read(path).schema.metadata[_ABOUT])
        return about
    except (OSError, pa.ArrowInvalid):
        return []


def _read(path: Path) -> "pa.Table":
    """Open a part; its columns are read on demand."""
    import pyarrow as pa

    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_file(source).read_all()


def _as_it_was(batch: FileBatch, images: "pa.Table") -> bool:
    """Return True if every opened file has the same size and time as before."""
    import numpy as np
    import pyarrow.compute as pc

    from gprplus.core.arrow import from_strings, to_numpy

    if any(folder.sizes is None for folder in batch.folders):
        return False
    sizes, mtimes = (
        _joined([getattr(folder, name) for folder in batch.folders]) for name in ("sizes", "mtimes")
    )
    opened = images.filter(images["fresh"])
    if opened.num_rows != len(batch):
        place = to_numpy(pc.index_in(opened["path"], from_strings(batch.paths())))
        sizes, mtimes = sizes[place], mtimes[place]
    return np.array_equal(to_numpy(opened["size_bytes"]), sizes) and np.array_equal(
        to_numpy(opened["mtime_ns"]), mtimes
    )


def _joined(arrays: Sequence) -> "np.ndarray":
    import numpy as np

    return np.concatenate([np.frombuffer(one, np.int64) for one in arrays])
