"""Paths of archive members for layouts: all paths that unpacking could have produced."""

import re
from dataclasses import dataclass

_INTO = re.compile(r"\.(?:tar\.gz|tar|tgz|zip)/", re.IGNORECASE)


@dataclass(frozen=True)
class ArchivePathVariants:
    """Alternative paths of archive members; called with a path, returns them with the most likely
    one first.

    `name` is the archive that is the root itself ("" for archives in a folder) and `home` the
    folder that contains all of its members, "" for none.
    """

    name: str = ""
    home: str = ""

    def __call__(self, path: str) -> list[str]:
        """Return alternative paths: in a folder of the archive's name, in the archive's folder, and
        the member's path.

        >>> ArchivePathVariants()("images/scene00/camera0_1.tar.gz/a.jpg")
        ['images/scene00/camera0_1/a.jpg', 'images/scene00/a.jpg', 'camera0_1/a.jpg', 'a.jpg']
        >>> ArchivePathVariants("r.tgz", "r")("r/0001/a.jpg")
        ['0001/a.jpg', 'r/r/0001/a.jpg']
        """
        if self.name:
            inner = [path.removeprefix(f"{level}/") for level in self.levels()[1:]]
            return [*inner, f"{_INTO.sub('', self.name + '/')}/{path}"]
        found = _INTO.search(path)
        if not found:
            return []
        before, stem = path[: found.start()].rpartition("/")[::2]
        member = path[found.end() :]
        above = f"{before}/" if before else ""
        seen = [
            f"{above}{stem}/{member}",
            f"{above}{member}",
            f"{stem}/{member}",
            member,
            member.partition("/")[2],
        ]
        return list(dict.fromkeys(filter(None, seen)))

    def levels(self) -> list[str]:
        """Return the folders down to the common folder of all members, outermost first: "" for the
        archive itself.

        >>> ArchivePathVariants("m.zip", "a/b").levels()
        ['', 'a', 'a/b']
        """
        parts = self.home.split("/") if self.home else []
        return ["/".join(parts[:depth]) for depth in range(len(parts) + 1)]
