"""Updates: what a manifest remembers, so that a file which has not changed is not opened again.

- `previous_build`: what it knows of files.
- `archived`: what it knows of archives.
- `incremental`: rows that stay, beside rows that are new.
"""
