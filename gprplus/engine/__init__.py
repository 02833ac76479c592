"""The procedural engine: jointed, clothed, walking people ray-cast in places, weathers and hours."""

from gprplus.engine.render import render

__all__ = ["render"]
