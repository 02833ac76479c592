"""Places: grounds, walls, light and weather."""
