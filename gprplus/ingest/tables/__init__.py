"""Tables: what a manifest folder holds, and how it is replaced.

- `manifest`: opens one.
- `replace`: one build at a time, wholly or not at all.
- `assemble`: the tables of all datasets together.
- `select`: rows of one dataset.
- `coded`: a column as codes.
- `duplicates`: two files that are one image.
"""
