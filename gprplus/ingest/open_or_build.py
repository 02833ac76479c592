"""A folder that is given in the place of a manifest: one is built of it, once, and of it alone."""

from pathlib import Path

from gprplus.core.errors import ManifestError
from gprplus.ingest.build import build_manifest
from gprplus.ingest.tables.manifest import Manifest


def open_or_build_manifest(path: Path, ingested: Path) -> Manifest:
    """The manifest at `path`, else one built in `ingested` of the images at `path`.

    Raises ManifestError where `ingested` has those of another place: a build would join the two.
    """
    if (path / "manifest.json").is_file():
        return Manifest.open(path)
    if (ingested / "manifest.json").is_file():
        place = path.resolve()
        for root in Manifest.open(ingested).roots().values():
            if root != place:
                raise ManifestError(
                    f"{ingested} was made of the images in {root}, and the target is now {path}."
                    f" Give the target another name, or remove {ingested} first."
                )
    return build_manifest([path], ingested)
