"""Whole frames with annotations become crops of one person each: the room before ingest. Names load on first use."""

from importlib import import_module
from typing import Any

_HOMES = {"Crops": "crops", "Rules": "rules", "crop_frames": "crops"}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"gprplus.frames.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'gprplus.frames' has no attribute {name!r}")
