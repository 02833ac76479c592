"""Ingest: folders of renders become a manifest. The names load on first use, so that a worker process starts without
what it does not need.
"""

from importlib import import_module
from typing import Any

_HOMES = {
    "Inspection": "inspection",
    "Layout": "layout",
    "Manifest": "manifest",
    "build_manifest": "build",
    "build_shard": "build",
    "inspect": "inspection",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"gprplus.ingest.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'gprplus.ingest' has no attribute {name!r}")
