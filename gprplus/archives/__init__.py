"""Archives (.tar, .tar.gz, .tgz, .zip) read in place: a member is addressed as if its archive were
a folder.

`cam0.tar/0001/a.jpg` is the member `0001/a.jpg` of the file `cam0.tar`. The cost in addition to
reading the bytes:

- **tar**: the first access reads every header (see `tar.py`); after that a member is one read at a known offset.
- **zip**: the first access reads the central directory; a member is unpacked completely.
- **tar.gz**: the first access inflates the archive once. Reading all members in archive order inflates it once more;
  any other order inflates up to the distance between two checkpoints for each member (see
  `gzip_seek.py`).

Each process indexes an archive at its first read and keeps the last few open; threads may share
them.
"""

from gprplus.archives.index import LARGEST, RATIO, MemberIndex, RefusedMember
from gprplus.archives.names import UNPACK, is_archive, is_packed, is_stream, locate
from gprplus.archives.reader import (
    Archive,
    exists,
    file_stat,
    file_stats,
    open_archive,
    read_each,
    read_file,
    read_files,
    sort_for_reading,
)

__all__ = [
    "LARGEST",
    "RATIO",
    "UNPACK",
    "Archive",
    "MemberIndex",
    "RefusedMember",
    "exists",
    "file_stat",
    "file_stats",
    "is_archive",
    "is_packed",
    "is_stream",
    "locate",
    "open_archive",
    "read_each",
    "read_file",
    "read_files",
    "sort_for_reading",
]
