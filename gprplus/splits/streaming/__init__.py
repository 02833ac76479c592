"""Splits of large manifests, drawn by identity block: memory does not grow with the rows."""
