"""Opening the members of archives, in archive order."""

from collections.abc import Sequence

from gprplus import archives
from gprplus.core.errors import ArchiveError
from gprplus.core.imaging import image_headers
from gprplus.ingest.files.classify import Probe, classify_file, hash_file, rejected
from gprplus.ingest.files.jpeg_warnings import CapturedStderr
from gprplus.ingest.files.probe import probe_files, warnings_caught
from gprplus.ingest.files.probe_objects import States


def probe_members(
    root: str, wanted: Sequence[str], verify: str, states: States | None = None
) -> list[Probe]:
    """Probe files like `probe_files` if some paths are members: those are read in the order of
    their archive."""
    probes: dict[int, Probe] = {}
    plain = []
    places = [f"{root}/{path}" for path in wanted]
    with warnings_caught(verify) as captured:
        for i in archives.sort_for_reading(places):
            inside = archives.locate(places[i])
            if inside is None:
                plain.append(i)
            else:
                probes[i] = _probe(*inside, verify, captured)
    others = probe_files(root, [wanted[i] for i in plain], verify, states)
    probes |= zip(plain, others, strict=True)
    return [probes[i] for i in range(len(wanted))]


def _probe(place: str, name: str, verify: str, captured: CapturedStderr | None) -> Probe:
    size = mtime = -1
    try:
        archive = archives.open_archive(place)
        size, mtime = archive.size_of(name), archive.mtime
        return _probed(archive, name, verify, captured)
    except ArchiveError as error:
        why = str(error).partition(" cannot be read: ")[2]
        return Probe(size, mtime, reason="damaged", detail=why)
    except OSError as error:  # the archive has gone, or is another one now
        return rejected(-1, -1, "unreadable", error.strerror or str(error))


def _probed(
    archive: archives.Archive, name: str, verify: str, captured: CapturedStderr | None
) -> Probe:
    size, mtime = archive.size_of(name), archive.mtime
    if verify == "names" or not size:
        return Probe(size, mtime) if size else rejected(0, mtime, "empty")
    if verify != "header":
        return hash_file(archive.read(name), mtime, captured)
    if not archive.direct:
        data = archive.read(name)
        return classify_file(
            size,
            mtime,
            data[: image_headers.HEAD],
            data[-image_headers.TAIL :],
            lambda at, n: data[at : at + n],
        )
    head = archive.piece(name, 0, image_headers.HEAD)
    tail = (
        head
        if size <= image_headers.HEAD
        else archive.piece(name, size - image_headers.TAIL, image_headers.TAIL)
    )
    return classify_file(size, mtime, head, tail, lambda at, n: archive.piece(name, at, n))
