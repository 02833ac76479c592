"""Registry of all checks: importing this module fills it, one family after the other."""

from gprplus.ingest.checks import duplicates, identity_outlier, image_quality, sizes
from gprplus.ingest.checks.registry import REGISTRY, settings_of

FAMILIES = (image_quality, sizes, duplicates, identity_outlier)

__all__ = ["FAMILIES", "REGISTRY", "settings_of"]
