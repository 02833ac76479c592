"""How far each level of an attribute lies from a target, and which images lie nearest: never a promise of accuracy."""

from gprplus.analysis.analyze import AnalysisResult, analyze
from gprplus.analysis.search import Budget, SearchResult, search

__all__ = ["AnalysisResult", "Budget", "SearchResult", "analyze", "search"]
