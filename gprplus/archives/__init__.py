"""Archives (.tar, .tar.gz, .tgz, .zip) read in place: a member is addressed as if its archive were a folder.

`cam0.tar/0001/a.jpg` is the member `0001/a.jpg` of the file `cam0.tar`. What costs what, beside reading the bytes:

- **tar**: the first look reads every header (see `tar.py`); after that a member is one read at a known place.
- **zip**: the first look reads the list at its end; a member is unpacked whole.
- **tar.gz**: the first look inflates everything once. Members asked for in the order they stand in the archive cost one
  more pass in all; any other order costs up to the distance between two checkpoints a member (see `inflate.py`).

Each process indexes an archive at its first read and keeps the last few open; threads may share them.
"""

from gprplus.archives.index import LARGEST, RATIO, MemberIndex, RefusedMember
from gprplus.archives.names import UNPACK, is_archive, is_packed, is_stream, locate
from gprplus.archives.reader import Archive, exists, file_stat, open_archive, read, read_many, sort_for_reading

__all__ = [
    "LARGEST",
    "RATIO",
    "UNPACK",
    "Archive",
    "MemberIndex",
    "RefusedMember",
    "exists",
    "file_stat",
    "is_archive",
    "is_packed",
    "is_stream",
    "locate",
    "open_archive",
    "read",
    "read_many",
    "sort_for_reading",
]
