"""The procedural engine: jointed, clothed, walking people ray-cast in places, weathers and hours."""

from gprplus.engine.output.render_crops import render
from gprplus.engine.output.render_frames import render_frames

__all__ = ["render", "render_frames"]
