"""Updates: the state of the previous build, so that unchanged files are not opened again.

- `previous_build`: known files.
- `archived`: known archives.
- `incremental`: kept rows and new rows.
"""
