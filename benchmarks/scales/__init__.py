"""The sections of benchmarks/scale.py, one module each."""
