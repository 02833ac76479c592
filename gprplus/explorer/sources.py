"""Manifests, splits and runs that a command line names or a work folder holds."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gprplus.core.errors import BrowseError
from gprplus.core.files.workdir import read_json

Kind = Literal["manifest", "split", "run"]
RECORDS: dict[str, Kind] = {
    "manifest.json": "manifest",
    "split.json": "split",
    "benchmark.json": "run",
}
# Where the commands put their results in a work folder.
PLACES = ("manifest", "splits/*", "runs/*/*", "targets/*")


@dataclass(frozen=True)
class Source:
    """A folder that the page shows."""

    kind: Kind
    name: str
    path: Path


def find_sources(paths: Sequence[Path]) -> list[Source]:
    """Return the manifests, splits and runs at `paths` (folders of such, or work folders), with the
    manifest of each split and the split of each run.

    Raises BrowseError for a path that holds none of them.
    """
    found: dict[Path, Source] = {}
    for path in paths:
        here = list(_held(path))
        if not here:
            raise BrowseError(
                f"{path} holds no manifest, split or run. Give one of these folders, or a work"
                " folder; `gprplus build-manifest` makes a manifest."
            )
        for source in here:
            found.setdefault(source.path.resolve(), source)
    for source in [*found.values()]:
        for needed in _needed(source):
            found.setdefault(needed.path.resolve(), needed)
    order = list(RECORDS.values())
    return sorted(found.values(), key=lambda source: order.index(source.kind))


def _held(path: Path) -> Iterator[Source]:
    kind = _kind(path)
    if kind:
        yield _source(kind, path)
        return
    below = [folder for place in PLACES for folder in sorted(path.glob(place))]
    children = sorted(path.iterdir()) if path.is_dir() else []
    for folder in dict.fromkeys([*below, *children]):
        kind = _kind(folder)
        if kind:
            yield _source(kind, folder)


def _kind(path: Path) -> Kind | None:
    return next((kind for name, kind in RECORDS.items() if (path / name).is_file()), None)


def _source(kind: Kind, path: Path) -> Source:
    real = path.resolve()
    return Source(kind, f"{real.parent.name} / {real.name}" if kind == "run" else real.name, path)


def _needed(source: Source) -> Iterable[Source]:
    """The split of a run and the manifest of a split, where they are at the recorded place."""
    if source.kind == "run":
        record = read_json(source.path / "benchmark.json", BrowseError, "a run")
        path = source.path / str(record.get("split_path") or "-")
        if _kind(path) == "split":
            split = _source("split", path)
            yield split
            yield from _needed(split)
    elif source.kind == "split":
        record = read_json(source.path / "split.json", BrowseError, "a split")
        path = source.path / str((record.get("manifest") or {}).get("path") or "-")
        if _kind(path) == "manifest":
            yield _source("manifest", path)
