"""What images are compared by: named kinds of features, and the one place that chooses among them."""

from gprplus.analysis.features.base import Features
from gprplus.analysis.features.registry import KNOWN, make_features

__all__ = ["KNOWN", "Features", "make_features"]
