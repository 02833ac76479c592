"""The procedural engine: jointed, clothed, walking people ray-cast in places, weathers and hours."""

from gprplus.engine.footage import render_frames
from gprplus.engine.render import render

__all__ = ["render", "render_frames"]
