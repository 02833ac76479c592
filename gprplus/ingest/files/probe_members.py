"""Opening the members of archives, in the order they stand there."""

from collections.abc import Sequence

from gprplus import archives, sniff
from gprplus.errors import ArchiveError
from gprplus.ingest.files.probe import probe_files
from gprplus.ingest.files.verdict import Probe, every_byte, failed, judge


def probe_members(root: str, wanted: Sequence[str], verify: str) -> list[Probe]:
    """`probe_files` where some paths are members: those are read in the order they stand in their archive."""
    probes: dict[int, Probe] = {}
    plain = []
    places = [f"{root}/{path}" for path in wanted]
    for i in archives.reading_order(places):
        inside = archives.located(places[i])
        if inside is None:
            plain.append(i)
        else:
            probes[i] = _probe(*inside, verify)
    probes |= zip(plain, probe_files(root, [wanted[i] for i in plain], verify), strict=True)
    return [probes[i] for i in range(len(wanted))]


def _probe(place: str, name: str, verify: str) -> Probe:
    archive = archives.open_archive(place)
    try:
        size = archive.size_of(name)
        if verify == "names" or not size:
            return Probe(size, archive.mtime) if size else failed(0, archive.mtime, "empty")
        if verify != "header":
            return every_byte(archive.read(name), archive.mtime, decode=verify == "decode")
        if not archive.direct:
            data = archive.read(name)
            return judge(size, archive.mtime, data[: sniff.HEAD], data[-sniff.TAIL :], lambda at, n: data[at : at + n])
        head = archive.piece(name, 0, sniff.HEAD)
        tail = head if size <= sniff.HEAD else archive.piece(name, size - sniff.TAIL, sniff.TAIL)
        return judge(size, archive.mtime, head, tail, lambda at, n: archive.piece(name, at, n))
    except ArchiveError as error:
        why = str(error).partition(" cannot be read: ")[2]
        return Probe(archive.size_of(name), archive.mtime, reason="damaged", detail=why)
