"""Layouts: how a dataset names its files, declared as TOML; and names parsed into columns.

- `layout`: what a layout is.
- `tokens`: its small tables.
- `patterns`: path patterns within limits of size and time.
- `templates`: format strings as a small grammar.
- `load`: from TOML, checked.
- `detect`: which one a folder is of.
- `match`: from names to raw tokens and keys.
- `worker_columns`: how they are handed over.
- `decode`: from raw tokens to levels and degrees.
- `attribute_values`: values of attributes that a manifest declares itself.
- `propose`: a layout proposed from names.
- `explain_mismatch`: why a name does not fit.
"""
