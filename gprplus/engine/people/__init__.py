"""People: traits, pose, body, clothes."""
