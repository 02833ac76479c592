"""Checks of images: scores and flags as columns of the manifest. One module a family; `run_checks`
runs them.

- `registry`: the registry.
- `measure`: one half-size grey decode a file.
- `cache`: looks that were taken before.
- `hamming`: look-alikes among millions of hashes.
- `image_quality`, `sizes`, `duplicates`, `identity_outlier`: the checks.
- `known`: all of them.
- `findings`: what they found, the worst first.
- `examples`: the worst, to be drawn.
"""
