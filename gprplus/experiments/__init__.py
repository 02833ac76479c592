"""Experiments: the only package that trains and scores."""
