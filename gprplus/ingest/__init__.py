"""Ingest: builds a manifest from folders of renders.

The packages of a build, in import order:

- `files`       files under a root, and checks of their bytes
- `layouts`     the layout of a folder; columns from names
- `sidecars`    tables of identities and role lists next to the renders
- `filters`     choice of images: the text of --where, tables of uids
- `tables`      the manifest folder: open, assemble, replace
- `reading`     reading of all files, in batches, by several processes if that is faster
- `updates`     the state of the previous build: unchanged files are not opened
- `gta`         log, repeated pass and published names of the GTA V generator
- `checks`      scores and flags of images, as columns
- `inspection`  reports on a manifest, comparison of two, preview of a layout

`build` combines them: it finds its `sources`, skips those that are `unchanged`, makes a `dataset`
of each of the others, and assembles all of them; `open_or_build` does so for a folder that is given
instead of a manifest. The names below load on first use, so that a worker process starts without
modules it does not need.
"""

from importlib import import_module
from typing import Any

_HOMES = {
    "InspectionResult": "inspection.inspect_manifest",
    "Layout": "layouts.layout",
    "Manifest": "tables.manifest",
    "build_manifest": "build",
    "build_shard": "build",
    "inspect": "inspection.inspect_manifest",
    "open_or_build_manifest": "open_or_build",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"gprplus.ingest.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'gprplus.ingest' has no attribute {name!r}")
