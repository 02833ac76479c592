"""Files: listing of a root, and checks of the bytes of a file. Independent of layouts and tables.

- `listing`: folders and names, as one object.
- `scan`: walks folders.
- `scan_objects`: lists objects in object storage.
- `archive_members`: archives as folders of the listing.
- `listed_paths`: the files that a table names.
- `archive_paths`: paths of archive members for layouts.
- `classify`: format and errors from bytes.
- `probe`: opens files.
- `probe_members`: opens members of archives.
- `probe_objects`: opens objects in object storage.
- `jpeg_warnings`: warnings of the decoders.
"""
