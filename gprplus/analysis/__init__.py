"""How far each level of an attribute lies from a target: distances, never a promise of accuracy."""

from gprplus.analysis.analyze import Analysis, analyze

__all__ = ["Analysis", "analyze"]
