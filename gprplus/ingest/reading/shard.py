"""One of the n shards of a build: reads every n-th batch and stores the results in the manifest
folder."""

import re
from typing import NamedTuple

from gprplus.core.errors import ManifestError


class ReadShard(NamedTuple):
    """Index of a shard, counted from 1, and number of shards."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> "ReadShard":
        """A shard as it is written. Raises ManifestError.

        >>> ReadShard.parse("2/8"), str(ReadShard(2, 8)), ReadShard(2, 8).has(9), ReadShard(2, 8).has(2)
        (ReadShard(number=2, of=8), '2/8', True, False)
        """
        found = re.fullmatch(r"(\d{1,5})/(\d{1,5})", text.strip())
        shard = cls(*map(int, found.groups())) if found else cls(0, 0)
        if not 1 <= shard.number <= shard.of:
            raise ManifestError(
                f"--shard '{text}' is no share of a build: expected i/n with 1 <= i <= n, such as"
                " 2/8."
            )
        return shard

    @classmethod
    def all(cls, of: int) -> "list[ReadShard]":
        """Return all shards of a build with this number of shards."""
        return [cls(number, of) for number in range(1, of + 1)]

    def has(self, batch: int) -> bool:
        """Return True if this shard reads a batch, counted from 0."""
        return batch % self.of == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    @property
    def name(self) -> str:
        """The shard as a file is called after it."""
        return f"shard-{self.number}-of-{self.of}"
