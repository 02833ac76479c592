"""Folders of images, as records name them."""

import os
from pathlib import Path, PurePosixPath

from gprplus.core.errors import GprplusError, escape
from gprplus.core.storage.address import is_address
from gprplus.core.storage.remote_path import as_path


def recorded_root(folder: Path, root: str, name: str, error: type[GprplusError]) -> Path:
    """Return the folder of the images of dataset `name`, from the `root` of a record in `folder`.

    gprplus records a root as the relative path from the folder of the record, so it is correct if
    both were made or moved together. A record from another source can name any folder: a root that
    is absolute, or has more ".." than `folder` has parents, was not recorded here, and raises
    `error` with the option that names the folder.

    A relative path to another folder of this machine cannot be distinguished from one made here;
    that would require a secret of each user, which copies, containers and clusters lose. Therefore
    only images are read below a root: exports stop at other files, and all other readers decode.
    The same holds for an address in object storage.
    """
    if is_address(root):
        return as_path(root)
    parts = PurePosixPath(root).parts
    climbs = next((i for i, part in enumerate(parts) if part != ".."), len(parts))
    above = len(Path(os.path.realpath(folder)).parts) - 1
    if os.path.isabs(root) or climbs > above:
        raise error(
            f"{folder} names {escape(root)} as the folder of dataset '{name}', recorded on another"
            f" machine. Pass the folder of its images with --root {name}=DIR."
        )
    return folder / root


def joined_root(folder: Path, root: str) -> Path:
    """Return the folder of images that a record made now in `folder` names, or its address."""
    return as_path(root) if is_address(root) else (folder / root).resolve()
