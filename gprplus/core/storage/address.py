"""Addresses of objects and folders in object storage, as texts.

An address is taken literally: nothing in it is percent-encoded. `s3:/bucket/x`, which a `Path` makes
of `s3://bucket/x`, is the same address.
"""

import os

SCHEMES = {"s3": "Amazon S3", "gs": "Google Cloud Storage", "az": "Azure Blob Storage"}
_STARTS = tuple(f"{scheme}:/" for scheme in SCHEMES)


def is_address(path: str | os.PathLike[str]) -> bool:
    """Return True for the address of an object or folder in object storage.

    >>> is_address("s3://bucket/renders"), is_address("s3:/bucket"), is_address("runs/s3")
    (True, True, False)
    """
    return os.fspath(path).startswith(_STARTS)


def split_address(path: str) -> tuple[str, str, str]:
    """Return scheme, bucket and key of an address.

    >>> split_address("s3://bucket/a/b.jpg"), split_address("s3:/bucket")
    (('s3', 'bucket', 'a/b.jpg'), ('s3', 'bucket', ''))
    """
    scheme, _, rest = path.partition(":")
    bucket, _, key = rest.lstrip("/").partition("/")
    return scheme, bucket, key


def shown_path(path: str) -> str:
    """Return a path without needless parts, for messages.

    >>> shown_path("work/../renders/a.jpg"), shown_path("s3://bucket/a.jpg")
    ('renders/a.jpg', 's3://bucket/a.jpg')
    """
    return path if is_address(path) else os.path.normpath(path)
