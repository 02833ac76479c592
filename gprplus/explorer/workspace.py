"""What one server shows: its sources, opened when first used and again when they have changed."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gprplus.core.errors import BrowseError
from gprplus.core.files.signatures import Signature, file_signature
from gprplus.explorer.image_table import BrowsedImages
from gprplus.explorer.pictures import Pictures
from gprplus.explorer.run_features import FeatureCache
from gprplus.explorer.sources import Kind, Source
from gprplus.ingest.tables.manifest import RECORD, Manifest
from gprplus.ingest.tables.review import State, read_review

if TYPE_CHECKING:
    import pyarrow as pa

    from gprplus.reporting.run_results import RunResults
    from gprplus.splits import Split


@dataclass
class ManifestView:
    """An open manifest: its images, their pictures, and the decisions that can be undone."""

    table: BrowsedImages
    pictures: Pictures
    signature: Signature
    undo: "list[tuple[list[int], dict[State, pa.Table]]]" = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """Return the folder of the manifest."""
        return self.table.manifest.path

    def read_review(self) -> None:
        """Take over the decisions in the folder of the manifest."""
        found = read_review(self.folder)
        self.table.set_review(found.accepted_uids, found.excluded_uids)


class Workspace:
    """The sources of a page, by number."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self.sources = list(sources)
        self._views: dict[int, ManifestView] = {}
        self._splits: dict[int, tuple[Signature, Split]] = {}
        self._runs: dict[int, tuple[Signature, RunResults]] = {}
        self.features = FeatureCache()
        self._lock = threading.RLock()

    def source(self, number: str, kind: Kind) -> tuple[int, Source]:
        """Return a source by the number in an address. Raises BrowseError."""
        place = int(number) if number.isdecimal() and len(number) < 6 else -1
        if not 0 <= place < len(self.sources) or self.sources[place].kind != kind:
            raise BrowseError(f"There is no {kind} number {number}. Load the page again.")
        return place, self.sources[place]

    def manifest(self, number: str) -> ManifestView:
        """Return an open manifest."""
        place, source = self.source(number, "manifest")
        signature = file_signature(source.path / RECORD)
        with self._lock:
            view = self._views.get(place)
            if view is None or view.signature != signature:
                manifest = Manifest.open(source.path)
                table = BrowsedImages(manifest)
                view = ManifestView(table, Pictures(table, manifest.roots()), signature)
                view.read_review()
                self._views[place] = view
            return view

    def split(self, number: str) -> "Split":
        """Return an open split."""
        from gprplus.splits import Split

        place, source = self.source(number, "split")
        signature = file_signature(source.path / "split.json")
        with self._lock:
            held = self._splits.get(place)
            if held is None or held[0] != signature:
                held = self._splits[place] = (signature, Split.open(source.path))
            return held[1]

    def run(self, number: str) -> "RunResults":
        """Return the results of a run folder."""
        from gprplus.reporting.run_results import read_run_results

        place, source = self.source(number, "run")
        signature = file_signature(source.path / "summary.parquet")
        with self._lock:
            held = self._runs.get(place)
            if held is None or held[0] != signature:
                held = self._runs[place] = (signature, read_run_results(source.path))
            return held[1]

    def number_of(self, path: Path, kind: Kind) -> str | None:
        """Return the number of the source of a kind in a folder; None if it is not shown."""
        real = path.resolve()
        for place, source in enumerate(self.sources):
            if source.kind == kind and source.path.resolve() == real:
                return str(place)
        return None
