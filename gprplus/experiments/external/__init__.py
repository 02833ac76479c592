"""Runs of another program: its command line and files, and the runs with their tables."""
