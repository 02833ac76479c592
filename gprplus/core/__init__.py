"""Utilities for every package: safe names, output folders, JSON files and typed reading.
Independent of all stages."""
