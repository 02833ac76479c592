"""From features to scores. Names load on first use."""

from importlib import import_module
from typing import Any

_HOMES = {"PerQuery": "scoring", "Scores": "scoring", "score": "split_scores"}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"gprplus.evaluation.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'gprplus.evaluation' has no attribute {name!r}")
