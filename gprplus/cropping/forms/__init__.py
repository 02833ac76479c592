"""Native output of engines: one module for each form, found by `registry`."""
