"""Exports of arms, splits and manifests in formats of other tools. Names load on first use."""

from importlib import import_module
from typing import Any

_HOMES = {
    "ExportResult": "run_export",
    "FORMS": "run_export",
    "LOOSE": "run_export",
    "PACKED": "run_export",
    "export": "run_export",
    "export_form": "run_export",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"gprplus.exports.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'gprplus.exports' has no attribute {name!r}")
