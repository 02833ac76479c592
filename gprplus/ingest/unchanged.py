"""Detection of unchanged folders: by names, sizes and times, before anything is imported.

NumPy and pyarrow, which a build needs, take as long to import as checking 100,000 files. They are
not imported here, except for datasets that have role lists or unreadable files.
"""

from dataclasses import asdict

from gprplus.ingest.files.listing import HiddenFiles, current_seal
from gprplus.ingest.gta.log import log_digest
from gprplus.ingest.sidecars.identities import file_digest
from gprplus.ingest.sources import IngestSource
from gprplus.ingest.tables.manifest import Manifest
from gprplus.schema.manifest_record import ManifestDataset


def is_unchanged(source: IngestSource, manifest: Manifest | None) -> bool:
    """Return True if ingesting a source again would give the rows of the manifest."""
    about = manifest.datasets.get(source.chosen.name) if manifest else None
    if manifest is None or about is None or not _same_beside(source, about):
        return False
    listing = source.listing
    if about.files != len(listing) or about.refused != len(listing.refused):
        return False
    if (asdict(about.hidden) if about.hidden else asdict(HiddenFiles())) != asdict(listing.hidden):
        return False
    if about.seal:
        return bool(about.seal == current_seal(listing))
    from gprplus.ingest.updates.previous_build import PreviousBuild, is_fully_cached

    return is_fully_cached(PreviousBuild(manifest, source.chosen.name, about), listing)


def _same_beside(source: IngestSource, about: ManifestDataset) -> bool:
    """Return True if layout, identities file, log and role lists are those of the previous
    build."""
    layout = source.chosen.layout
    return bool(
        about.layout_digest == layout.digest
        and about.identities_digest == file_digest(source.identities, layout.codes)
        and about.engine_log_digest == log_digest(source.logs)
        and about.tables_digest == source.tables_digest
        and (not layout.lists or about.lists_digest == _lists_digest(source))
    )


def _lists_digest(source: IngestSource) -> str | None:
    from gprplus.ingest.sidecars.roles import lists_digest

    return lists_digest(source.listing, source.chosen.layout.lists)
