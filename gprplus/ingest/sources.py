"""Sources of a build: the scanned folders, with their layouts, names and identities files."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gprplus.core.commands import relative_command
from gprplus.core.declarations import Attributes
from gprplus.core.errors import LayoutError, ManifestError, RequestChanged, first_few
from gprplus.core.files.workdir import describe_changes, relative_path
from gprplus.core.hashing import sha256_digest
from gprplus.core.storage.remote_path import as_path
from gprplus.ingest.engine_output import EngineCropper
from gprplus.ingest.files.archive_members import Memory, list_images
from gprplus.ingest.files.listing import SIDECAR_NAMES, Listing
from gprplus.ingest.layouts.detect import DetectedLayout, detect_layout
from gprplus.ingest.options import IngestOptions
from gprplus.ingest.sidecars import identities as people
from gprplus.ingest.table_source import NO_LAYOUT, join_tables, own_attributes, table_source
from gprplus.ingest.tables.manifest import PARTS, Manifest
from gprplus.schema.manifest_record import BuildArguments, ExpectedSize

if TYPE_CHECKING:
    from gprplus.ingest.sidecars.image_tables import ImageTable


@dataclass(frozen=True)
class IngestSource:
    """A folder to ingest: its listing, its layout and name, its identities file, and the request
    and the layout and name as they were given (`read_ingest_options`) for the record; `attributes`
    are those that the user or the layout declares, `table` is the table that names its images, and
    `joins` add attributes to them.
    """

    listing: Listing
    chosen: DetectedLayout
    identities: Path | None
    logs: tuple[Path, ...]
    request: dict[str, Any]
    arguments: dict[str, Any]
    attributes: Attributes = field(default_factory=dict)
    table: "ImageTable | None" = None
    joins: "tuple[ImageTable, ...]" = ()

    @property
    def tables_digest(self) -> str | None:
        """Return a digest of its tables and of the attributes it declares; None without any."""
        tables = [one.digest for one in (self.table, *self.joins) if one is not None]
        if not tables and not self.attributes:
            return None
        return sha256_digest(*tables, repr(sorted(self.attributes.items())))


def find_sources(
    renders: Sequence[str | Path],
    output: Path,
    options: IngestOptions,
    old: Manifest | None,
    cropper: EngineCropper | None = None,
) -> list[IngestSource]:
    """The folders to be ingested, looked through and found to be possible; native output of engines
    is cut into crops by `cropper`."""
    if options.table is not None:
        if renders:
            raise ManifestError(
                f"--table names the images; give their folder as --root {renders[0]}, and no"
                " RENDERS."
            )
        _check([options.table], options)
        return [_source(options.root or options.table.parent, output, old, options)]
    folders = [as_path(folder) for folder in renders]
    _check(folders, options)
    sources = [_rendered_source(folder, output, old, options, cropper) for folder in folders]
    _distinct(sources)
    return sources


def _rendered_source(
    folder: Path,
    output: Path,
    old: Manifest | None,
    options: IngestOptions,
    cropper: EngineCropper | None,
) -> IngestSource:
    """The source of a folder: of the images in it, or of the crops of an engine's output."""
    if cropper is None or options.layout != "auto":
        return _source(folder, output, old, options)
    crops = cropper.crops(folder, options.name, detect=False)
    if crops is None:
        try:
            return _source(folder, output, old, options)
        except LayoutError:
            crops = cropper.crops(folder, options.name, detect=True)
            if crops is None:
                raise
    given = replace(options, table=crops.table, name=crops.path.name)
    return _source(crops.path, output, old, given)


def _check(folders: list[Path], options: IngestOptions) -> None:
    name, logs = options.name, options.engine_logs
    if not folders:
        raise ManifestError(
            "There is no folder of renders to ingest. Name one, or draw some with `gprplus render`."
        )
    for option, value in (
        ("--name", name),
        ("--identities", options.identities),
        ("--engine-log", logs or None),
        ("--join", options.joins or None),
    ):
        if value is not None and len(folders) > 1:
            raise ManifestError(
                f"{option} is for one folder, and {len(folders)} were given. Ingest them one after"
                " the other."
            )
    absent = [str(log) for log in logs if not log.is_file()]
    if absent:
        raise ManifestError(
            f"There is no file {absent[0]}; --engine-log expects the log of the generator."
        )
    if name is not None and (not name.strip() or "/" in name or not name.isprintable()):
        raise ManifestError(
            f"--name {name!r} cannot name a dataset: use letters, digits and dashes."
        )


def require_directory(output: Path) -> None:
    """Refuse a file where the manifest's folder is to be."""
    if output.exists() and not output.is_dir():
        raise ManifestError(
            f"{output} is a file; the manifest is a folder. Give another place with -o."
        )


def _source(
    folder: Path, output: Path, old: Manifest | None, options: IngestOptions
) -> IngestSource:
    root = folder.resolve()
    known = (old is not None and any(place == root for place in old.roots().values())) or (
        output / PARTS
    ).exists()
    images = None
    if options.table is None:
        listing, chosen = _listed(folder, old, options, known)
    else:
        given = own_attributes(options.attributes, NO_LAYOUT)
        listing, chosen, images = table_source(
            options.table, options.root, given, options.name, look=known
        )
    own = own_attributes(options.attributes, chosen.layout)
    joins = join_tables(options.joins, folder, own)
    table = people.find_identity_file(listing, options.identities)
    request = {
        "root": relative_path(root, output),
        "layout": chosen.layout.name,
        "identities": relative_path(table, output) if options.identities and table else None,
        "engine_log": [relative_path(log, output) for log in options.engine_logs] or None,
        "verify": options.verify,
        **_later_options(options, output),
    }
    layout = options.layout
    arguments = {
        "layout": relative_command(layout, output) if isinstance(layout, Path) else layout,
        "name": options.name,
    }
    return IngestSource(
        listing, chosen, table, options.engine_logs, request, arguments, own, images, joins
    )


def _later_options(options: IngestOptions, output: Path) -> dict[str, Any]:
    """The part of a request that records before version 0.2 lack: the options that are given."""
    given = {
        "table": options.table and relative_path(options.table, output),
        "join": [relative_path(one, output) for one in options.joins],
        "attributes": options.attributes and relative_path(options.attributes, output),
        "protocol": options.protocol,
    }
    return {key: value for key, value in given.items() if value}


def _listed(
    folder: Path, old: Manifest | None, options: IngestOptions, known: bool
) -> tuple[Listing, DetectedLayout]:
    """The files of a folder and their layout."""
    memory = _memory(old, folder.resolve()) if known else None
    listing = list_images(folder, look=known, memory=memory)
    chosen = detect_layout(listing, options.layout, options.name)
    if memory and old and _layout_digest(old, chosen.name) != chosen.layout.digest:
        memory = None  # another layout may ignore other names
        listing = list_images(folder, look=known)
    table = people.find_identity_file(listing, options.identities)
    tables = [place for place in (table, *options.joins) if place is not None]
    sidecars = (*chosen.layout.beside, *(place.name for place in tables))
    if any(name.lower() not in SIDECAR_NAMES for name in sidecars):
        listing = list_images(folder, sidecars, look=known, memory=memory)
    return listing, chosen


def _layout_digest(old: Manifest, name: str) -> str | None:
    return old.datasets[name].layout_digest if name in old.datasets else None


def _memory(old: Manifest | None, root: Path) -> Memory | None:
    if old is None or not any(about.archives for about in old.datasets.values()):
        return None
    from gprplus.ingest.updates.archived import remembered_archives

    return remembered_archives(old, root)


def _distinct(sources: list[IngestSource]) -> None:
    seen: dict[str, Path] = {}
    for source in sources:
        name, root = source.chosen.name, source.listing.root
        if name in seen:
            raise ManifestError(
                f"{seen[name]} and {root} would both be the dataset '{name}'. Ingest the second by"
                f" itself: `gprplus build-manifest {shlex.quote(str(root))} --name NAME`."
            )
        seen[name] = root


def check_dataset_request(
    source: IngestSource, old: Manifest | None, output: Path, force: bool
) -> None:
    """Stop where the manifest has a dataset of that name from another request."""
    had = old.datasets.get(source.chosen.name) if old else None
    changed = describe_changes(had.request, source.request) if had else []
    if not changed or force:
        return
    name = source.chosen.name
    if had and had.root != source.request["root"] and not source.chosen.named:
        raise ManifestError(
            f"{output} already has a dataset '{name}', from {had.root}. If {source.listing.root} is"
            " another one of the same layout, give it a --name; if it is the same that moved, add"
            " --force."
        )
    raise RequestChanged(
        f"{output} holds dataset '{name}' as another request made it ({first_few(changed)}). "
        "Give another folder with -o, another --name, or --force to replace it."
    )


def dataset_record(source: IngestSource) -> dict[str, Any]:
    """Return the fields of ManifestDataset that are known before files are counted."""
    from gprplus.ingest.sidecars.roles import lists_digest

    layout = source.chosen.layout
    return {
        "root": source.request["root"],
        "layout": layout.name,
        "layout_digest": layout.digest,
        "title": layout.title,
        "paper": layout.paper,
        "licence": layout.licence,
        "status": layout.status,
        "factors": list(layout.factors),
        "functions": {name: list(by) for name, by in layout.functions.items()},
        "unverified": list(layout.unverified),
        "notes": list(layout.notes),
        "expected": ExpectedSize(
            **{key: value for key, value in vars(layout.expected).items() if value}
        ),
        "verify": source.request["verify"],
        "protocol": source.request.get("protocol"),
        "archives": dict(source.listing.archives),
        "lists_digest": lists_digest(source.listing, layout.lists),
        "identities_digest": people.file_digest(source.identities, layout.codes),
        "tables_digest": source.tables_digest,
        "request": source.request,
        "arguments": BuildArguments(**source.arguments),
    }
