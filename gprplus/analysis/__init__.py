"""How far each level of an attribute lies from a target, and which images lie nearest: never a promise of accuracy."""

from gprplus.analysis.analyze import Analysis, analyze
from gprplus.analysis.search import Budget, Search, search

__all__ = ["Analysis", "Budget", "Search", "analyze", "search"]
