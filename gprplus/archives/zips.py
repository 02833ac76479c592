"""Zip archives, through the standard library's zipfile, with nothing of their headers taken on trust."""

import stat
import struct
from typing import Any

from gprplus.archives.index import RATIO, SLACK, Index
from gprplus.archives.tar import Damage

_METHODS = (0, 8, 12, 14)  # stored, deflate, bzip2, LZMA: what zipfile can unpack
_UNIX = 3
# What zipfile raises on bytes that are no zip, or not a whole one; its own BadZipFile comes with these.
_BROKEN = (ValueError, NotImplementedError, EOFError, struct.error, OverflowError, IndexError, RuntimeError)


class Zip:
    """A zip archive: `index`, and pieces of members. A member is unpacked to its declared size and its CRC checked."""

    direct = False

    def __init__(self, file: Any) -> None:
        import zipfile

        self._broken = (*_BROKEN, zipfile.BadZipFile)
        self.index = Index()
        self._last: tuple[int, bytes] = (-1, b"")
        try:
            self._zip = zipfile.ZipFile(file)
        except self._broken as error:
            self.index.refuse("", "damaged", f"this is no zip archive, or not a whole one ({error})")
            return
        members = self._zip.infolist()
        end = file.seek(0, 2)
        if sum(member.compress_size for member in members) > end:
            self.index.refuse("", "bomb")  # members that lie over each other
            return
        for member in members:
            self._list(member, end)

    def _list(self, member: Any, end: int) -> None:
        name, kind = member.orig_filename, stat.S_IFMT(member.external_attr >> 16)
        if member.is_dir():
            return
        if member.create_system == _UNIX and kind == stat.S_IFLNK:
            self.index.refuse(name, "link")
        elif member.create_system == _UNIX and kind not in (0, stat.S_IFREG):
            self.index.refuse(name, "special", "a device or pipe")
        elif member.flag_bits & 1:
            self.index.refuse(name, "encrypted")
        elif member.compress_type not in _METHODS:
            self.index.refuse(name, "method")
        elif member.file_size > SLACK + RATIO * member.compress_size:
            self.index.refuse(name, "bomb")
        elif not 0 <= member.header_offset < end:
            self.index.refuse(name, "damaged", "the directory places it outside the file")
        else:
            self.index.add(name, member.header_offset, member.file_size)

    def piece(self, position: int, offset: int, length: int) -> bytes:
        """Bytes of a member; the member unpacked last is kept for the next piece."""
        import zlib

        if self._last[0] != position:
            try:
                data = self._whole(position)
            except (*self._broken, zlib.error) as error:
                raise Damage("damaged", f"it does not unpack ({error})") from None
            self._last = position, data
        return self._last[1][offset : offset + length]

    def _whole(self, position: int) -> bytes:
        size = self.index.sizes[position]
        name = self.index.names[position]
        with self._zip.open(self._zip.NameToInfo.get(name) or self._zip.NameToInfo[f"./{name}"]) as member:
            data = member.read(size + 1)
        if len(data) != size:
            raise ValueError(f"{len(data):,} bytes where {size:,} were announced")
        return data
