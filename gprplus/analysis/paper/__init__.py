"""The distance analysis of the GPR+ paper."""
