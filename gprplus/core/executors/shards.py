"""Shards: parts of a work that separate commands do, on one machine or on several."""

import re
from typing import NamedTuple

from gprplus.core.errors import GprplusError


class Shard(NamedTuple):
    """Index of a shard, counted from 1, and number of shards."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str, error: type[GprplusError] = GprplusError) -> "Shard":
        """Return the shard that a text such as 2/8 means. Raises `error`.

        >>> Shard.parse("2/8"), str(Shard(2, 8)), Shard(2, 8).has(9), Shard(2, 8).has(2)
        (Shard(number=2, of=8), '2/8', True, False)
        """
        found = re.fullmatch(r"(\d{1,5})/(\d{1,5})", text.strip())
        shard = cls(*map(int, found.groups())) if found else cls(0, 0)
        if not 1 <= shard.number <= shard.of:
            raise error(f"--shard '{text}': expected I/N with 1 <= I <= N, such as 2/8.")
        return shard

    @classmethod
    def all(cls, of: int) -> "list[Shard]":
        """Return all shards of a work with this number of shards."""
        return [cls(number, of) for number in range(1, of + 1)]

    def has(self, part: int) -> bool:
        """Return True if a part, counted from 0, belongs to this shard."""
        return part % self.of == self.number - 1

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    @property
    def name(self) -> str:
        """The shard as a file is called after it."""
        return f"shard-{self.number}-of-{self.of}"


def requested_shard(text: str | None, error: type[GprplusError], *, force: bool) -> Shard | None:
    """Return the shard of a command's --shard, None without it. Raises `error`, also for --force."""
    shard = None if text is None else Shard.parse(text, error)
    if shard and force:
        raise error(
            "--force replaces the runs of all shards: give it to a command without --shard first."
        )
    return shard
