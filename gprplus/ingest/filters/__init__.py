"""Filters of rows: the text of --where, parsed and evaluated."""
