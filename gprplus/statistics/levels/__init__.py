"""Scores of test sets of single levels: own level, transfer, matrix."""
