"""Zip archives, through the standard library's zipfile, with nothing of their headers taken on
trust."""

import copy
import stat
import struct
from typing import Any

from gprplus.archives.index import RATIO, SLACK, MemberIndex
from gprplus.archives.tar import CorruptArchive
from gprplus.core.storage.failures import StorageError

_METHODS = (0, 8, 12, 14)  # stored, deflate, bzip2, LZMA: what zipfile can unpack
_UNIX = 3


class ZipMembers:
    """A zip archive: `index`, and pieces of members. A member is unpacked to its declared size and
    its CRC checked."""

    direct = False

    def __init__(self, file: Any) -> None:
        import zipfile

        self.index = MemberIndex()
        try:
            self._zip = zipfile.ZipFile(file)
        except (MemoryError, StorageError):
            raise
        except Exception as error:  # BadZipFile, and whatever zipfile raises on damaged bytes
            failure: StorageError | None = getattr(file, "failure", None)
            if failure is not None:
                raise failure from None
            self.index.refuse(
                "", "damaged", f"this is no zip archive, or not a whole one ({error})"
            )
            return
        members = self._zip.infolist()
        end = file.seek(0, 2)
        if sum(member.compress_size for member in members) > end:
            self.index.refuse("", "bomb")  # overlapping members
            return
        for member in members:
            self._list(member, end)

    def _list(self, member: Any, end: int) -> None:
        name, kind = member.orig_filename, stat.S_IFMT(member.external_attr >> 16)
        if name.endswith("/"):
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
        """Bytes of a member, which is unpacked whole for them."""
        try:
            data = self._whole(position)
        except (MemoryError, StorageError):
            raise
        except Exception as error:  # the libraries raise OSError, LZMAError, zlib.error, KeyError, ... on damaged bytes
            raise CorruptArchive(
                "damaged", f"it does not unpack ({error or type(error).__name__})"
            ) from None
        return data[offset : offset + length]

    def _whole(self, position: int) -> bytes:
        import zlib

        size, name = self.index.sizes[position], self.index.names[position]
        member = self._zip.NameToInfo.get(name) or self._zip.NameToInfo[f"./{name}"]
        data = unpack(self._packed(member), member.compress_type, size)
        if len(data) != size:
            found = "more" if len(data) > size else f"{len(data):,}"
            raise ValueError(f"{found} bytes where {size:,} were announced")
        if zlib.crc32(data) != member.CRC:
            raise ValueError("the bytes do not fit their CRC-32")
        return data

    def _packed(self, member: Any) -> bytes:
        """The bytes of a member as they are in the archive.

        zipfile finds and checks them, but unpacks bzip2 and LZMA without a limit: 60 kB become 10
        GB.
        """
        as_stored = copy.copy(member)
        as_stored.compress_type, as_stored.file_size, as_stored.CRC = 0, member.compress_size, None
        with self._zip.open(as_stored) as file:
            data: bytes = file.read()
        if len(data) != member.compress_size:
            raise ValueError("the end of it is missing")
        return data


def unpack(data: bytes, method: int, size: int) -> bytes:
    """Unpack by one of the zip methods, to at most one byte more than `size`."""
    if method == 0:
        return data
    if method == 8:
        import zlib

        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, size + 1)
    if method == 12:
        import bz2

        return bz2.BZ2Decompressor().decompress(data, size + 1)
    return _unpacked_lzma(data, size)


def _unpacked_lzma(data: bytes, size: int) -> bytes:
    """LZMA as zip has it: version (2 bytes), size of the properties (2), properties (5), stream.

    The properties name the size of a dictionary, up to 4 GB; one as large as the output holds
    everything.
    """
    import lzma

    length, packing, dictionary = struct.unpack_from("<HBI", data, 2)
    if length != 5:
        raise ValueError("its LZMA properties are damaged")
    wanted = {
        "id": lzma.FILTER_LZMA1,
        "dict_size": min(max(dictionary, 4096), max(size, 4096)),
        "lc": packing % 9,
        "lp": packing // 9 % 5,
        "pb": packing // 45,
    }
    return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[wanted]).decompress(data[9:], size + 1)
