"""What a layout sees of a path that goes through an archive: what unpacking it would have made, one way or another."""

import re
from dataclasses import dataclass

_INTO = re.compile(r"\.(?:tar\.gz|tar|tgz|zip)/", re.IGNORECASE)


@dataclass(frozen=True)
class ArchivePathVariants:
    """How the members of archives may be seen; called with a path, gives the other ways to see it, the likeliest first.

    `name` is the archive that is the root itself ("" where archives lie in a folder) and `home` the folder that all of
    its members lie in, "" for none.
    """

    name: str = ""
    home: str = ""

    def __call__(self, path: str) -> list[str]:
        """Other paths to try: unpacked into a folder of the archive's name, unpacked where it lies, and by itself.

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
        seen = [f"{above}{stem}/{member}", f"{above}{member}", f"{stem}/{member}", member, member.partition("/")[2]]
        return list(dict.fromkeys(filter(None, seen)))

    def levels(self) -> list[str]:
        """The folders on the way to where all members lie, the outermost first: "" for the archive itself.

        >>> ArchivePathVariants("m.zip", "a/b").levels()
        ['', 'a', 'a/b']
        """
        parts = self.home.split("/") if self.home else []
        return ["/".join(parts[:depth]) for depth in range(len(parts) + 1)]
