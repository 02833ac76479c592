"""Whole frames: who meets whom, who hides whom, and their pictures."""
