"""Archives packed for a test, and what gprplus finds in them."""

import io
import random
import tarfile
import zipfile
from pathlib import Path

from gprplus import archives

FORMS = ["cam.tar", "cam.tar.gz", "cam.tgz", "cam.zip"]
FILES = {
    f"{i:04d}/{i:04d}_c{c:02d}.jpg": random.Random(10 * i + c).randbytes(700 + 13 * c)
    for i in (1, 2)
    for c in (1, 2)
}


def tar_info(
    name: str, size: int = 0, kind: bytes = tarfile.REGTYPE, to: str = ""
) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = size, kind, to
    return info


def tarred(path: Path, entries: list[tuple[tarfile.TarInfo, bytes]], **options) -> Path:
    with tarfile.open(path, "w:gz" if path.suffix in (".gz", ".tgz") else "w", **options) as tar:
        for info, data in entries:
            tar.addfile(info, io.BytesIO(data) if data else None)
    return path


def packed(path: Path, files: dict[str, bytes]) -> Path:
    """An archive of the form that its name says."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files.items():
                archive.writestr(name, data)
        return path
    return tarred(path, [(tar_info(name, len(data)), data) for name, data in files.items()])


def listed(path: Path) -> dict[str, bytes]:
    archive = archives.open_archive(str(path))
    return {name: archive.read(name) for name in archive.index.names}


def refused(path: Path) -> dict[str, str]:
    return {item.name: item.reason for item in archives.open_archive(str(path)).index.refused}


def packed_folder(path: Path, folder: Path, inside: str = "") -> Path:
    """`folder` packed into an archive, its files below the folder `inside` of it, in another order
    than by name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    files = [file for file in sorted(folder.rglob("*"), reverse=True) if file.is_file()]
    return packed(
        path,
        {(Path(inside) / file.relative_to(folder)).as_posix(): file.read_bytes() for file in files},
    )
