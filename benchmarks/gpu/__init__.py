"""Checks and measurements of a machine with a GPU, in one command that ends in time.

`python -m benchmarks.gpu` runs every part of `parts.PARTS` in a subprocess with a time limit, and
keeps what each of them found in gpu.md and gpu.json, rewritten as the parts go on. The modules
that run in the parent (`__main__`, `parts`, `schedule`, `page`) import the standard library alone:
a package that is missing or broken costs a part, not the page.
"""
