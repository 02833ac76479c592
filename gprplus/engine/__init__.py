"""The procedural engine: jointed, clothed, walking people ray-cast in places, weathers and hours.

The names load on first use.
"""

from importlib import import_module
from typing import Any

_HOMES = {"render": "output.render_crops", "render_frames": "output.render_frames"}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"gprplus.engine.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'gprplus.engine' has no attribute {name!r}")
