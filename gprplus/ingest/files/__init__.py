"""Files: what lies under a root, and what its bytes say. Nothing here knows of layouts or tables.

- `listing`: folders and names, as one object.
- `scan`: walks folders.
- `archive_members`: archives as folders of the listing.
- `archive_paths`: what a layout may see of a path through an archive.
- `classify`: what bytes say.
- `probe`: opens files.
- `probe_members`: opens members of archives.
- `complaints`: warnings of the decoders.
"""
