"""Object storage: addresses such as s3://bucket/renders in the place of local folders.

- `address`: which texts are addresses.
- `client`: list, stat, read and write objects.
- `remote_file`: ranged reads with read-ahead, for archives.
- `remote_path`: `RemotePath`, an address as a path.
- `upload`: results that are uploaded when they are complete.
"""
