"""Subset search under a budget, for one target: a subset, the results of other methods, and
controls."""

from gprplus.analysis.subset_search.run_search import Budget, SearchResult, search

__all__ = ["Budget", "SearchResult", "search"]
