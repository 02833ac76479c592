"""All checks: importing this module fills the registry, one family after the other."""

from gprplus.ingest.checks import duplicates, identity, pixels, sizes
from gprplus.ingest.checks.base import REGISTRY, settings_of

FAMILIES = (pixels, sizes, duplicates, identity)

__all__ = ["FAMILIES", "REGISTRY", "settings_of"]
