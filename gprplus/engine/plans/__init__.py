"""Render plans: their tables, files, checks, and execution by the engine."""
