"""Whole frames: scenarios of several people, occlusion, and rendering."""
