"""Rebuilding a split from its record: a split.json of another source and a local manifest."""

from dataclasses import dataclass, replace
from pathlib import Path

from gprplus import schema
from gprplus.core.errors import SplitError
from gprplus.core.files.paths import AnyPath
from gprplus.core.files.workdir import check_request, package_versions, read_json
from gprplus.ingest.inspection.compare_manifests import ManifestDifference
from gprplus.schema.split_record import SplitRecord
from gprplus.splits.compare_splits import compare_records
from gprplus.splits.make import draw_split, open_manifest, write_split
from gprplus.splits.members import iter_parts, members_fingerprint
from gprplus.splits.record_file import RECORD, upgrade
from gprplus.splits.request import SplitRequest
from gprplus.splits.selection.arm_tables import recorded_arm_tables
from gprplus.splits.selection.exclusions import recorded_exclusions
from gprplus.splits.selection.where_table import row_filter
from gprplus.splits.split import MEMBERS, Split

_NEEDED = ("request", "fingerprint", "manifest", "datasets", "arms", "test")


@dataclass(frozen=True)
class RebuildResult:
    """Result of a rebuild: the split if its rows are those of the record, else None; and all
    differences.

    Equal rows can have other versions, or a manifest with more columns: such differences are
    harmless.
    """

    split: Split | None
    differences: tuple[ManifestDifference, ...]


def rebuild_split(
    record: AnyPath, manifest: AnyPath, *, output: AnyPath, force: bool = False
) -> RebuildResult:
    """Make the split of a split.json (or its folder) from a local manifest, and compare the rows.

    The record may come from another machine: only its request and fingerprints are used, no path.
    Nothing is written unless the rows are the same. Raises SplitError for an invalid record, or a
    question that this manifest cannot answer, and RequestChanged if `output` has another split and
    `force` is not given.
    """
    theirs, request = read_split_record(record)
    source, output = open_manifest(manifest), Path(output)
    folder = _file(record).parent
    excluded = recorded_exclusions(request, folder)
    where = row_filter(request, folder, excluded)
    tables = recorded_arm_tables(request, folder)
    drawn = draw_split(source, request, output, where, excluded, tables)
    rows = members_fingerprint(iter_parts(drawn.train.pool, drawn.plan.arms, drawn.test_set))
    found = replace(drawn.record, fingerprint=rows, versions=package_versions())
    wanted = request.record(theirs.manifest.fingerprint)  # with what was left to defaults
    differences = tuple(compare_records(replace(theirs, request=wanted), found))
    if found.fingerprint != theirs.fingerprint:
        return RebuildResult(None, differences)
    if (
        _file(record).resolve() == (output / RECORD).resolve()
    ):  # the record is in the folder of its split
        state = "same"
    else:
        state = check_request(output / RECORD, request.record(source.fingerprint), force=force)
    there = state == "same" and (output / MEMBERS).is_file()
    return RebuildResult(
        Split.open(output) if there else write_split(output, drawn, force=force), differences
    )


def read_split_record(record: AnyPath) -> tuple[SplitRecord, SplitRequest]:
    """Return the record in a split.json, and the request in it.

    Raises SplitError if it is invalid, DeclarationError if it has unknown options.
    """
    path = _file(record)
    info = read_json(path, SplitError, "a split")
    absent = [name for name in _NEEDED if name not in info]
    if absent or info.get("schema_version") != schema.VERSION:
        raise SplitError(
            f"{path} is not the record of a split that this gprplus reads (schema version"
            f" {schema.VERSION}): "
            + (
                f"it lacks {', '.join(absent)}."
                if absent
                else f"it has schema version {info.get('schema_version')}."
            )
        )
    found = upgrade(info, path)
    return found, SplitRequest.from_record(found.request, f"{path}: request")


def _file(record: AnyPath) -> Path:
    path = Path(record)
    return path / RECORD if path.is_dir() else path
