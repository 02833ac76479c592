"""Ingest: folders of renders become a manifest.

The packages of a build, in import order:

- `files`       what lies under a root, and what the bytes of a file say
- `layouts`     which layout a folder is of; names become columns
- `sidecars`    tables of identities and lists of roles next to the renders
- `tables`      the manifest folder: opened, put together, replaced
- `reading`     all files read, in batches, by as many processes as pay
- `updates`     what the manifest remembers: unchanged files are not opened
- `gta`         the GTA V generator's log, its doubled pass, its published names
- `checks`      scores and flags of images, as columns
- `inspection`  a manifest looked over, two compared, a layout tried

`build` goes this way: it finds its `sources`, passes over those that are `unchanged`, makes each of the others a
`dataset`, and puts all of them together; `single` does so for a folder given in the place of a manifest. The names
below load on first use, so that a worker process starts without what it does not need.
"""

from importlib import import_module
from typing import Any

_HOMES = {
    "InspectionResult": "inspection.inspect",
    "Layout": "layouts.layout",
    "Manifest": "tables.manifest",
    "build_manifest": "build",
    "build_shard": "build",
    "inspect": "inspection.inspect",
    "open_or_build_manifest": "open_or_build",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"gprplus.ingest.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'gprplus.ingest' has no attribute {name!r}")
