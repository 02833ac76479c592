"""Declared studies: several splits, recipes and targets in one file, run and reported as one."""
