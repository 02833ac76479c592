"""Layouts: how a dataset names its files, declared as TOML; and names parsed into columns.

layout: what a layout is. tokens: its small tables. patterns: path patterns within limits of size and time. templates:
format strings as a small grammar. declare: from TOML, checked. detect: which one a folder is of.
names: from names to raw tokens and keys. columns: how they are handed over. parse: from raw tokens to levels and
degrees. near_miss: why a name does not fit.
"""
