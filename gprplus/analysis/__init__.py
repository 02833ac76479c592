"""Distance of each level of an attribute to a target, and the nearest images: not a prediction of
accuracy.

The names load on first use.
"""

from importlib import import_module
from typing import Any

_HOMES = {
    "AnalysisResult": "run_analysis",
    "Budget": "subset_search",
    "SearchResult": "subset_search",
    "EmbedResult": "write_features",
    "analyze": "run_analysis",
    "embed": "write_features",
    "search": "subset_search",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"gprplus.analysis.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'gprplus.analysis' has no attribute {name!r}")
