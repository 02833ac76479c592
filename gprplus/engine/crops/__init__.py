"""Crops of one person: the crossed design and its pictures."""
