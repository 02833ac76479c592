"""Distance of each level of an attribute to a target, and the nearest images: not a prediction of accuracy."""

from gprplus.analysis.run_analysis import AnalysisResult, analyze
from gprplus.analysis.subset_search import Budget, SearchResult, search

__all__ = ["AnalysisResult", "Budget", "SearchResult", "analyze", "search"]
