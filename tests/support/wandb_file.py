"""The records of an offline run of Weights & Biases: a file of LevelDB's log format with one
protobuf message a record."""

import struct
from pathlib import Path

_FILE_HEADER, _BLOCK, _HEADER = 7, 32768, 7
_LAST_PARTS = (1, 4)  # kinds: whole, first, middle, last


def read_records(path: Path) -> list:
    """The records of a .wandb file."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, place, parts, found = path.read_bytes(), _FILE_HEADER, b"", []
    while place + _HEADER <= len(data):
        left = _BLOCK - place % _BLOCK
        if left < _HEADER:
            place += left
            continue
        _, size, kind = struct.unpack("<IHB", data[place : place + _HEADER])
        parts += data[place + _HEADER : place + _HEADER + size]
        place += _HEADER + size
        if kind in _LAST_PARTS:
            found.append(Record.FromString(parts))
            parts = b""
    return found
