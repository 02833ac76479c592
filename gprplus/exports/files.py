"""Files into place: linked or copied, all or none, and only images.

A split or manifest may come from elsewhere and name any file that the user may read. So each file
is an image by its first bytes, or the export stops: no other file ends in a dataset that the user
then publishes.
"""

import errno
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from gprplus import archives
from gprplus.core.errors import ExportError
from gprplus.core.imaging.image_headers import HEAD, format_of
from gprplus.core.imaging.images import read_bytes
from gprplus.core.storage.address import is_address
from gprplus.core.storage.failures import StorageError
from gprplus.exports.export_layout import safe_relative_path


def _unpack(source: Path, destination: Path) -> None:
    data = archives.read_file(source)
    _require_image(data, source)
    destination.write_bytes(data)


LINKS: dict[str, Callable[[Path, Path], object]] = {
    "hard": os.link,
    "sym": os.symlink,
    "copy": shutil.copyfile,
}


def place_files(root: Path, path: str, destination: Path, link: str, final: Path) -> None:
    """Bring one image (`path` below its dataset's `root`) to `destination`. ExportError when it
    cannot be done.

    `final` is where `destination` will be moved: symbolic links are relative to it, so that images
    and export may move together.
    """
    source = root / safe_relative_path(path)
    packed = is_address(source) or (not source.is_file() and archives.exists(source))
    if not (packed or source.is_file()):
        raise ExportError(
            f"{source.resolve()} is missing. Give the folder of moved images with --root. Nothing"
            " was written."
        )
    try:
        if not packed:
            with source.open("rb") as file:
                _require_image(file.read(HEAD), source)
        if link == "sym" and not packed:
            source = Path(os.path.relpath(source.resolve(), final.parent))
        (_unpack if packed else LINKS[link])(source, destination)
    except FileNotFoundError as error:
        raise ExportError(
            f"{source} is missing. Give the folder of moved images with --root. Nothing was written."
        ) from error
    except StorageError as error:
        raise _not_delivered(error) from error
    except OSError as error:
        if error.errno in (errno.EXDEV, errno.EPERM, errno.EMLINK) and link == "hard":
            raise ExportError(
                f"Hard links to {root.resolve()} cannot be made there. Use --link=copy."
            ) from error
        raise ExportError(
            f"{source} cannot be linked or copied: {error.strerror}. Nothing was written."
        ) from error


def read_source(root: Path, path: str) -> bytes:
    """Return the bytes of one image (`path` below its dataset's `root`). ExportError if it is
    missing."""
    try:
        data = read_bytes(root, safe_relative_path(path))
    except StorageError as error:
        raise _not_delivered(error) from error
    except OSError as error:
        raise ExportError(
            f"{root.resolve() / path} cannot be read ({error.strerror or error}). Give the folder"
            " of moved images with --root. Nothing was written."
        ) from error
    _require_image(data, root / path)
    return data


def _not_delivered(error: StorageError) -> ExportError:
    return ExportError(f"{error} Nothing was written; the same command tries again.")


def _require_image(data: bytes, source: Path) -> None:
    if format_of(data[:HEAD]) is None:
        found = "it is empty" if not data else "its first bytes are of no image format"
        raise ExportError(
            f"{source.resolve()} is no image: {found}. Put the image back, or build the manifest"
            " and the split again. Nothing was written."
        )


def folders(home: Path, names: Sequence[str]) -> None:
    """Make the parent folders of the relative paths `names`, each once."""
    for parent in sorted({os.path.dirname(name) for name in names}):
        (home / parent).mkdir(parents=True, exist_ok=True)
