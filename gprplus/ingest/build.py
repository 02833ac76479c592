"""build_manifest: builds one manifest from folders of renders.

For each folder: scan, detect the layout, compare with the previous manifest, open new files,
decode, check, and combine the rows with those of the other datasets. Nothing here is random or
depends on the order of files, folders or workers.
"""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gprplus.core.commands import command_line
from gprplus.core.errors import ManifestError, first_few
from gprplus.core.executors.shards import Shard
from gprplus.core.files.folders import claim_folder, remove_output
from gprplus.core.files.paths import AnyPath, as_list
from gprplus.core.files.roots import joined_root
from gprplus.core.files.workdir import fingerprint, work_folder
from gprplus.core.options import accepts, combined
from gprplus.core.parallel import Progress, no_progress
from gprplus.core.progress import shows_progress
from gprplus.core.typed import as_json
from gprplus.cropping.options import FormOptions
from gprplus.ingest.engine_output import EngineCropper
from gprplus.ingest.layouts.detect import render_folders
from gprplus.ingest.options import IngestOptions
from gprplus.ingest.sidecars.identities import read_identities
from gprplus.ingest.sources import (
    IngestSource,
    check_dataset_request,
    find_sources,
    require_directory,
)
from gprplus.ingest.tables.manifest import LOOKS, MEASURING, RECORD, Manifest, interrupted
from gprplus.ingest.tables.replace import KIND, hold_manifest, replace_manifest
from gprplus.ingest.unchanged import is_unchanged
from gprplus.schema import VERSION
from gprplus.schema.check_columns import parse_check_names

if TYPE_CHECKING:
    from gprplus.cropping.native.crop_output import EngineCrops
    from gprplus.ingest.reading.partial import PartialResults
    from gprplus.ingest.reading.read import FoundFiles
    from gprplus.ingest.sidecars.roles import RoleLists
    from gprplus.ingest.tables.assemble import AssembledTables
    from gprplus.ingest.updates.previous_build import PreviousBuild


@shows_progress("Reading")
@accepts(IngestOptions)
def build_manifest(
    renders: AnyPath | Sequence[AnyPath] | None = None,
    output: AnyPath | None = None,
    options: IngestOptions | None = None,
    *,
    force: bool = False,
    progress: Progress = no_progress,
    crops: FormOptions | None = None,
    on_crops: "Callable[[AnyPath, EngineCrops], None] | None" = None,
    **changes: Any,
) -> Manifest:
    """Read folders of renders into a manifest, and return it.

    A folder with the native output of an engine is cut into crops first, below WORK/crops. Datasets
    that the manifest already has are kept; the same dataset is updated, and only changed files are
    opened. With 20,000 files or more, and for crops, worker processes are started: a script needs
    `if __name__ == "__main__":`.

    Args:
        renders: folders or archives, each one dataset; by default all under WORK/renders (WORK:
            $GPRPLUS_WORK, else work/).
        output: folder of the manifest; by default WORK/manifest.
        options: all options at once; the keywords below change single fields of it.
        force: replace datasets of the same name that were built with other options, and read every
            file again.
        progress: called with the number of files read and of all files.
        crops: how native output of engines is read and cut.
        on_crops: called with each folder of native output and its crops.

    Raises:
        LayoutError, DeclarationError, ManifestError: the files or the options do not fit.
        FramesError: the native output of an engine is damaged or incomplete.
        RequestChanged: a dataset of that name was built with other options, and `force` is not set.
    """
    given = combined(IngestOptions, options, changes, "build_manifest")
    cropper = EngineCropper(crops or FormOptions(), given.workers, force, progress, on_crops)
    checks = None if given.checks is None else parse_check_names(given.checks)
    if renders is None:
        renders = [] if given.table else render_folders(work_folder() / "renders")
    output = work_folder() / "manifest" if output is None else Path(output)
    require_directory(output)
    before = None if force else _opened(output, force)
    sources = find_sources(as_list(renders), output, given, before, cropper)
    with hold_manifest(output):
        old = _opened(output, force)  # once more: another build may just have finished
        for source in sources:
            check_dataset_request(source, old, output, force)
        done: dict[str, AssembledTables] = {}
        kept: list[PartialResults] = []
        for source in sources:
            if not force and is_unchanged(source, old):
                continue
            rows, parts = _built(source, output, old, force, given.workers, progress)
            done[source.chosen.name] = rows
            kept.append(parts)
        judged_by = _checks(old, checks)
        if done or old is None or not _checks_current(old, judged_by):
            _write(output, old, done, judged_by, given.workers, progress)
        for parts in kept:
            parts.remove()
    result = Manifest.open(output)
    rebuilt = (
        sorted(done)
        if old is not None and _checks_current(old, judged_by)
        else list(result.datasets)
    )
    return dataclasses.replace(result, rebuilt=tuple(rebuilt))


def _read_source(
    source: IngestSource,
    earlier: "PreviousBuild | None",
    parts: "PartialResults",
    workers: int | None,
    progress: Progress,
) -> "FoundFiles":
    """Parse the names of a source and probe its files; of an earlier build, only what is new."""
    from gprplus.ingest.reading.read import FoundFiles, read_files

    listing, fresh, new = source.listing, None, None
    if earlier is not None:
        from gprplus.ingest.updates.incremental import files_to_read

        listing, fresh, new = files_to_read(
            earlier, listing, source.chosen.layout, source.tables_digest
        )
    verify = source.request["verify"]
    table, unmatched = read_files(
        listing, source.chosen, verify, fresh, parts=parts, workers=workers, progress=progress
    )
    return FoundFiles(table, unmatched, new)


def _built(
    source: IngestSource,
    output: Path,
    old: Manifest | None,
    force: bool,
    workers: int | None,
    progress: Progress,
) -> "tuple[AssembledTables, PartialResults]":
    """The rows of one dataset, and the temporary parts that can be removed once they are stored."""
    from gprplus.ingest.reading.partial import PartialResults

    chosen, earlier = source.chosen, _earlier(source, old, force)
    identities = read_identities(source.identities, chosen.layout.codes, source.attributes)
    parts = PartialResults.of(output, chosen.name, _read_digest(source, earlier, force))
    _whole(parts, source, output)
    listed = _role_lists(source)
    found = _read_source(source, earlier, parts, workers, progress)
    # After reading has begun: these modules import pyarrow.
    from gprplus.ingest.dataset import ingest_dataset
    from gprplus.ingest.gta.match_log import match_log

    rows = ingest_dataset(source, found, identities, listed, earlier)
    return match_log(rows, chosen.layout, source.logs, output, chosen.name), parts


def _role_lists(source: IngestSource) -> "RoleLists | None":
    """The role lists of a layout that has some, before its images are read: a wrong list is
    reported at once."""
    if not source.chosen.layout.lists:
        return None
    from gprplus.ingest.sidecars.roles import read_lists

    return read_lists(source.listing, source.chosen.layout.lists)


def _checks(old: Manifest | None, names: list[str] | None) -> list[str]:
    """Return the checks of the new manifest: earlier and requested ones; nothing for "none"."""
    before = old.check_names if old is not None else []
    return before if names is None else parse_check_names([*before, *names]) if names else []


def _checks_current(old: Manifest, names: list[str]) -> bool:
    """Return True if the rows of the manifest have the scores of exactly these checks in this
    version."""
    checks = old.record.checks
    if not names or checks is None or checks.names != names:
        return old.check_names == names
    from gprplus.ingest.checks.known import settings_of

    return checks.settings == settings_of(names)


def _write(
    output: Path,
    old: Manifest | None,
    done: "dict[str, AssembledTables]",
    checks: list[str],
    workers: int | None,
    progress: Progress,
) -> None:
    """Put the tables of old and new datasets together, check their images, and replace the
    manifest."""
    from gprplus.ingest.tables.assemble import assemble_record, assemble_tables
    from gprplus.ingest.tables.shared_files import likely_copies, reject_shared_files

    tables, checked = assemble_tables(old, done), None
    had = old.datasets if old else {}
    datasets = had | {name: rows.about for name, rows in done.items()}
    folders = {name: joined_root(output, dataset.root) for name, dataset in datasets.items()}
    added = datasets.keys() - had.keys()
    reject_shared_files(tables["images"], folders, added)
    done = {**done}
    for name, copies in likely_copies(tables["scan"], added).items():
        done[name] = done[name].with_losses(copies)
    if checks:
        from gprplus.ingest.checks.run_checks import run_checks

        found = run_checks(
            checks,
            tables["images"],
            tables["scan"],
            folders,
            old=old,
            journal=output / MEASURING,
            workers=workers,
            progress=progress,
        )
        tables["images"], checked = found.images, found.record
        if found.measurements is not None:
            tables[LOOKS] = found.measurements
    replace_manifest(output, tables, lambda: as_json(assemble_record(old, done, tables, checked)))
    remove_output(output / MEASURING)


@shows_progress("Reading")
@accepts(IngestOptions)
def build_shard(
    renders: AnyPath | Sequence[AnyPath],
    output: AnyPath,
    shard: str,
    options: IngestOptions | None = None,
    *,
    force: bool = False,
    progress: Progress = no_progress,
    **changes: Any,
) -> dict[str, int]:
    """Read one shard of the files of build_manifest into the manifest folder; return the number of
    files read of each dataset.

    Shards can run at the same time, on one machine or on several that share the disk. When all are
    finished, build_manifest with the same arguments merges them, with the same result as without
    shards.

    Args:
        renders: folders or archives, each one dataset.
        output: folder of the manifest.
        shard: "i/n", the i-th of n shards.
        options: all options at once; the keywords below change single fields of it.
        force: as in build_manifest.
        progress: called with the number of files read and of all files.
    """
    from gprplus.ingest.reading.partial import PartialResults
    from gprplus.ingest.reading.read import read_shard
    from gprplus.ingest.updates.incremental import files_to_read

    given = combined(IngestOptions, options, changes, "build_shard")
    share, output = Shard.parse(shard, ManifestError), Path(output)
    require_directory(output)
    before = None if force else _opened(output, force)
    sources = find_sources(as_list(renders), output, given, before)
    if interrupted(output):
        Manifest.open(output)  # raises the error
    old = _opened(output, force)
    claim_folder(output, KIND, ManifestError, adopt=True)
    found = {}
    for source in sources:
        check_dataset_request(source, old, output, force)
        if not force and is_unchanged(source, old):
            continue
        earlier = _earlier(source, old, force)
        parts = PartialResults.of(
            output, source.chosen.name, _read_digest(source, earlier, force), share.name
        )
        wanted, fresh, _ = files_to_read(
            earlier, source.listing, source.chosen.layout, source.tables_digest
        )
        with parts.writing():
            found[source.chosen.name] = read_shard(
                share,
                wanted,
                source.chosen,
                given.verify,
                parts=parts,
                fresh=fresh,
                workers=given.workers,
                progress=progress,
            )
    return found


def _earlier(source: IngestSource, old: Manifest | None, force: bool) -> "PreviousBuild | None":
    if force or old is None:
        return None
    from gprplus.ingest.updates.previous_build import PreviousBuild

    return PreviousBuild.of(old, source.chosen.name)


def _read_digest(source: IngestSource, earlier: "PreviousBuild | None", force: bool) -> str:
    """The digest of everything that what is read of a file depends on, but for the file."""
    before = [earlier.about.fingerprint, earlier.about.seal] if earlier else None
    layout = source.chosen.layout.digest
    return fingerprint([VERSION, source.chosen.name, source.request, layout, before, force])


def _whole(parts: "PartialResults", source: IngestSource, output: Path) -> None:
    """Refuse to merge some shards of a build while others of it are missing."""
    lacking = parts.missing()
    if lacking:
        command = command_line(["build-manifest", source.listing.root, "-o", output])
        raise ManifestError(
            f"{len(lacking):,} of the {lacking[0].of:,} shards of '{source.chosen.name}' are not"
            f" finished: {first_few([str(shard) for shard in lacking])}. Run `{command} --shard"
            f" {lacking[0]}` and so on, with the options of the others, and then this again;"
            " --force reads everything here instead."
        )


def _opened(output: Path, force: bool) -> Manifest | None:
    """Return the existing manifest; None if there is none, if its replacement was interrupted, or
    if `force` finds a broken one.
    """
    if not (output / RECORD).is_file() or interrupted(output):
        return None
    try:
        return Manifest.open(output)
    except ManifestError:
        if force:
            return None
        raise
