"""The records of an offline run of Weights & Biases: a file of LevelDB's log format with one
protobuf message a record."""

import struct
import time
from pathlib import Path

_FILE_HEADER, _BLOCK, _HEADER = 7, 32768, 7
_LAST_PARTS = (1, 4)  # kinds: whole, first, middle, last


def finished_records(path: Path) -> list:
    """The records of a .wandb file, whose last one says that the run has ended: a process of wandb
    writes it, which may take longer than the command."""
    begun = time.monotonic()
    while True:
        records = read_records(path)
        if any(one.HasField("exit") for one in records):
            return records
        assert time.monotonic() - begun < 60, f"{path} has no end: {records}"
        time.sleep(0.05)


def read_records(path: Path) -> list:
    """The records of a .wandb file, as far as it is written."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, place, parts, found = path.read_bytes(), _FILE_HEADER, b"", []
    while place + _HEADER <= len(data):
        left = _BLOCK - place % _BLOCK
        if left < _HEADER:
            place += left
            continue
        _, size, kind = struct.unpack("<IHB", data[place : place + _HEADER])
        if place + _HEADER + size > len(data):
            break
        parts += data[place + _HEADER : place + _HEADER + size]
        place += _HEADER + size
        if kind in _LAST_PARTS:
            found.append(Record.FromString(parts))
            parts = b""
    return found
