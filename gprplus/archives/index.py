"""The index of an archive: the readable members, and the rejected ones with their reasons.

Nothing in an archive is trusted: sizes declared by headers are compared with the actual data, and
members that unpack to far more than their size on disk are rejected before they fill the memory.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from gprplus.archives.names import is_archive, unsafe
from gprplus.core.errors import format_bytes

LARGEST = 256 << 20  # bytes of one member: five times an uncompressed 4K frame of 16 bits
RATIO = (
    200  # bytes unpacked for one byte of archive; DEFLATE can reach 1032, images stay far below 100
)
SLACK = 64 << 20  # bytes that may come out of anything before the ratio counts

REASONS = {
    "unsafe": "the member's name leads out of its folder, or names no file there.",
    "not UTF-8": "the member's name is not valid UTF-8.",
    "link": "the member is a link, and links of archives are not followed.",
    "special": "the member is {}, not a plain file.",
    "encrypted": "the member is encrypted.",
    "method": "the member is packed by a method that is not known here.",
    "nested": "the member is an archive itself. Unpack that one first.",
    "twice": "the archive contains this name {} times, so the name is ambiguous.",
    "large": f"the member would take {{}}; at most {format_bytes(LARGEST)} are read.",
    "bomb": f"it unpacks to more than {RATIO} times its size.",
    "empty": "the archive has no bytes.",
    "damaged": "{}.",
    "truncated": "{}.",
}

# Of a name that is unsafe for nothing else.
BACKSLASHES = (
    "the member's name has back-slashes between folders, as some Windows programs write them."
    " Unpack the archive."
)


class RefusedMember(NamedTuple):
    """A member that is not taken, or the whole archive (`name` is ""): the reason in one word, and
    a sentence."""

    name: str
    reason: str
    detail: str


def refusal(name: str, reason: str, what: object = "") -> RefusedMember:
    """A refusal with the sentence of its reason."""
    return RefusedMember(name, reason, REASONS[reason].format(what))


@dataclass
class MemberIndex:
    """The members of one archive: `names`, with aligned offsets and sizes (int64).

    For a zip, `offsets` only give the order in the file.
    """

    names: list[str] = field(default_factory=list)
    offsets: array = field(default_factory=lambda: array("q"))
    sizes: array = field(default_factory=lambda: array("q"))
    refused: list[RefusedMember] = field(default_factory=list)

    def add(self, name: str, offset: int, size: int) -> None:
        """Take in a plain member, if its name and size are in order."""
        name = name.removeprefix("./")
        if "\\" in name and not unsafe(name.replace("\\", "/")):
            self.refused.append(RefusedMember(_shown(name), "unsafe", BACKSLASHES))
        elif unsafe(name):
            self.refused.append(refusal(_shown(name), "unsafe"))
        elif is_archive(name):
            self.refused.append(refusal(name, "nested"))
        elif size > LARGEST:
            self.refused.append(refusal(name, "large", format_bytes(size)))
        else:
            self.names.append(name)
            self.offsets.append(offset)
            self.sizes.append(size)

    def refuse(self, name: str, reason: str, what: object = "") -> None:
        """Keep out a member (or, with an empty name, note what is wrong with the archive)."""
        self.refused.append(refusal(_shown(name.removeprefix("./")), reason, what))

    def cut_at(self, end: int) -> None:
        """Keep out a last member of which not all bytes are there; `end` is how far the data
        goes."""
        if self.names and self.offsets[-1] + self.sizes[-1] > end:
            self.offsets.pop()
            self.sizes.pop()
            self.refuse(self.names.pop(), "truncated", "the end of this member is missing")

    def finalized(self) -> dict[str, int]:
        """Return a mapping from name to position, after removing duplicate names."""
        places = {name: i for i, name in enumerate(self.names)}
        if len(places) < len(self.names):
            self._keep_out_twins()
            places = {name: i for i, name in enumerate(self.names)}
        return places

    def _keep_out_twins(self) -> None:
        counts: dict[str, int] = {}
        for name in self.names:
            counts[name] = counts.get(name, 0) + 1
        for name, count in counts.items():
            if count > 1:
                self.refuse(name, "twice", count)
        self._keep([i for i, name in enumerate(self.names) if counts[name] == 1])

    def _keep(self, positions: Sequence[int]) -> None:
        self.names = [self.names[i] for i in positions]
        self.offsets = array("q", [self.offsets[i] for i in positions])
        self.sizes = array("q", [self.sizes[i] for i in positions])


def _shown(name: str) -> str:
    """Escape NUL in a name, because tables cannot store it."""
    return name.replace("\0", "\\0")[:2000] if "\0" in name or len(name) > 2000 else name
