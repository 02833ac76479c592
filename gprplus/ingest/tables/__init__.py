"""Tables: what a manifest folder holds, and how it is replaced.

- `manifest`: opens one.
- `manifest_table`: one of its tables, read when it is needed.
- `parquet_table`: a table read a row group at a time.
- `pictures`: images as PIL images, contact sheets and thumbnails.
- `replace`: one build at a time, wholly or not at all.
- `assemble`: the tables of all datasets together.
- `select`: rows of one dataset.
- `part`: a manifest of some identities of another one.
- `coded`: a column as codes.
- `duplicates`: two files that are one image.
- `shared_files`: a file that two datasets list.
- `review`: images that were accepted or excluded.
- `derived_columns`: words of --where that are computed from other tables.
"""
