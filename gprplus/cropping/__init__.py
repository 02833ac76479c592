"""Crops of one person each, cut from whole frames with annotations. Names load on first use."""

from importlib import import_module
from typing import Any

_HOMES = {"CroppingResult": "cut_frames", "CropRules": "selection", "crop_frames": "cut_frames"}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"gprplus.cropping.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'gprplus.cropping' has no attribute {name!r}")
