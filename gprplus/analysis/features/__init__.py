"""Image features for comparisons: named kinds of features, and the function that selects them."""

from gprplus.analysis.features.base import Features
from gprplus.analysis.features.registry import KNOWN, make_features

__all__ = ["KNOWN", "Features", "make_features"]
