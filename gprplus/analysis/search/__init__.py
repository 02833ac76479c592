"""Which images to train on under a budget, for one target: a subset, its rivals and its controls."""

from gprplus.analysis.search.search import Budget, SearchResult, search

__all__ = ["Budget", "SearchResult", "search"]
