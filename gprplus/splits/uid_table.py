"""What a request records of a table of uids."""

from dataclasses import dataclass


@dataclass(frozen=True)
class UidTable:
    """A table of uids that chose images of a split: its fingerprint, and how many uids it has."""

    fingerprint: str
    images: int
