"""Folders of images, as records name them."""

import os
from pathlib import Path, PurePosixPath

from gprplus.core.errors import GprplusError, escape


def recorded_root(folder: Path, root: str, name: str, error: type[GprplusError]) -> Path:
    """Return where the images of dataset `name` lie, from the `root` that a record in `folder` names.

    gprplus records a root as the relative path from the record's folder, so it is right where both were made or moved
    together. A record from elsewhere may name any folder: a root that is absolute, or has more ".." than `folder` has
    parents, was not recorded here, and raises `error` with the option that names the folder.

    A relative path to another folder of this machine is not told apart from one made here, since that would take a
    secret of each user, which copies, containers and clusters lose. So nothing but images is read below a root:
    exports stop at other files, and everything else decodes what it reads.
    """
    parts = PurePosixPath(root).parts
    climbs = next((i for i, part in enumerate(parts) if part != ".."), len(parts))
    above = len(Path(os.path.realpath(folder)).parts) - 1
    if os.path.isabs(root) or climbs > above:
        raise error(
            f"{folder} names {escape(root)} as the folder of dataset '{name}', which was not recorded in this "
            f"place. If the images lie there, give it with --root {name}=DIR."
        )
    return folder / root
