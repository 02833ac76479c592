"""Making of a split of a large manifest, in memory that does not grow with its rows."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus.core import sampling
from gprplus.core.errors import SplitError
from gprplus.core.files import workdir
from gprplus.core.files.folders import discard_if_empty, hold_folder, remove_output
from gprplus.core.files.workdir import atomic_write
from gprplus.core.typed import as_json, parse_typed
from gprplus.ingest.filters.parse import Filter
from gprplus.ingest.filters.uid_selection import UidSelection
from gprplus.ingest.tables.derived_columns import derived_columns
from gprplus.ingest.tables.parquet_table import ParquetTable
from gprplus.schema.audit import Audit
from gprplus.schema.records import Level
from gprplus.schema.split_record import (
    RANDOM_LEVELS,
    DealRecord,
    LookAlikesRecord,
    TestSetRecord,
)
from gprplus.splits.designs import DrawnArm
from gprplus.splits.look_alikes import LOOK, look_alike_identities, look_alike_warnings
from gprplus.splits.record import SplitParts, arm_record, record_of_parts, size_warnings
from gprplus.splits.record_file import RECORD
from gprplus.splits.request import SplitRequest
from gprplus.splits.selection.exclusions import write_exclusions
from gprplus.splits.selection.where_table import write_where_table
from gprplus.splits.split import EXCLUDED, MEMBERS, Split
from gprplus.splits.streaming.drawing import KINDS, BlockDrawing, BlockMap, StreamedDraw
from gprplus.splits.streaming.member_rows import MemberWriter, Part, columns_of
from gprplus.splits.streaming.spool import KeySpool, MaskSpool
from gprplus.splits.streaming.stored_fingerprint import StoredRows
from gprplus.splits.streaming.streamed_audit import streamed_audit
from gprplus.splits.streaming.survey import Survey
from gprplus.splits.test_sets.level_test_files import TESTS
from gprplus.splits.test_sets.sides import declared_relations

if TYPE_CHECKING:
    from gprplus.ingest import Manifest

STREAM_ROWS = 4_000_000  # images of a manifest from which its splits are drawn block by block
SPOOL = ".drawn"  # in the folder of the split, until it is written
DESIGNS = (None, "full", *KINDS)


def is_large(manifest: "Manifest") -> bool:
    """Return True if a manifest has more than STREAM_ROWS images."""
    return ParquetTable(manifest.path / "images.parquet").metadata.num_rows > STREAM_ROWS


def can_stream(
    manifest: "Manifest", request: SplitRequest, where: Filter | UidSelection | None
) -> bool:
    """Return True if a split can be drawn block by block: matched within identities, by all
    combinations of the other factors, from a manifest without digests and hashes of its images."""
    images = ParquetTable(manifest.path / "images.parquet")
    return (
        request.design in DESIGNS
        and request.attr in manifest.image_attributes
        and request.on_missing == "drop-stratum"
        and request.audit != "pixels"
        and not request.without_same_level_matches
        and _reads_columns(manifest, where)
        and not any(images.has(name) for name in ("digest", "dhash"))
    )


def _reads_columns(manifest: "Manifest", where: Filter | UidSelection | None) -> bool:
    """Return True for a filter of columns alone, which a row group is enough for."""
    if where is None or isinstance(where, UidSelection):
        return where is None
    stored = {*manifest.columns("images"), *manifest.columns("identities")}
    return where.columns({*stored, *derived_columns(manifest.path)}) <= stored


def look_alikes_of(survey: Survey, rule: str) -> tuple[bool, LookAlikesRecord | None]:
    """Return whether identities of one look have to be left out, and the record of those kept."""
    if LOOK not in survey.traits:
        return False, None
    look, keys = survey.traits[LOOK].values, survey.columns().identity_keys
    others = look_alike_identities(look, survey.rows, keys)
    if not len(others):
        return False, None
    return rule != "keep", LookAlikesRecord(rule, len(np.unique(look[others])), 0, 0)


def write_streamed(
    manifest: "Manifest",
    survey: Survey,
    request: SplitRequest,
    output: Path,
    where: Filter | None,
    *,
    force: bool = False,
    blocks: BlockMap | None = None,
) -> Split:
    """Draw and write the split of a request into the folder `output`. Errors as those of
    `make_split`."""
    with hold_folder(output, "a split", SplitError, adopt=True) as real:
        spool = real / SPOOL
        try:
            recorded = request.record(manifest.fingerprint)
            workdir.check_request(real / RECORD, recorded, force=force)
            remove_output(spool)
            spool.mkdir()
            drawn = BlockDrawing(
                survey, request, declared_relations(manifest), spool, blocks or BlockMap()
            ).draw()
            _write(manifest, drawn, real, spool, where)
        finally:
            remove_output(spool)
            discard_if_empty(real)
    return Split.open(output, made=True)


def _write(
    manifest: "Manifest", drawn: StreamedDraw, output: Path, spool: Path, where: Filter | None
) -> None:
    request, totals = drawn.train.request, drawn.totals
    checked, warnings = streamed_audit(drawn)
    parts = _parts(drawn, spool)
    with atomic_write(output / MEMBERS) as temporary:
        MemberWriter(drawn.survey).write(temporary, parts)
        fingerprint = _fingerprint(temporary, parts, columns_of(drawn.train.pool))
        remove_output(output / RECORD)
    workdir.write_table(output / EXCLUDED, totals.excluded())
    if drawn.tests.facts:
        (spool / TESTS).replace(output / TESTS)
    else:
        remove_output(output / TESTS)
    write_where_table(output, where)
    write_exclusions(output, None)
    _, alike = look_alikes_of(drawn.survey, request.look_alikes)
    record = record_of_parts(
        manifest,
        output,
        request.record(manifest.fingerprint),
        drawn.train,
        drawn.plan,
        _counted(drawn, parts),
    )
    sentences = [
        *look_alike_warnings(alike),
        *size_warnings(record, totals.excluded_queries),
        *drawn.tests.warnings,
        *drawn.plan.warnings,
        *warnings,
    ]
    last: dict[str, Any] = {
        "tests": drawn.tests.facts,
        "look_alikes": alike,
        "audit": parse_typed(Audit, checked, "audit", SplitError),
        "warnings": sentences,
        "versions": workdir.package_versions(),
        "fingerprint": fingerprint,
    }
    workdir.write_json(output / RECORD, as_json(replace(record, **last)))


def _parts(drawn: StreamedDraw, spool: Path) -> list[Part]:
    """The parts of members.parquet, in order."""
    totals = drawn.totals
    parts = []
    for place, name in enumerate(drawn.plan.arms):
        deals = totals.deals(name)
        for deal, rows in enumerate(deals):
            keys = KeySpool(spool / f"keys-{place}-{deal}")
            parts.append(Part(name, deal if len(deals) > 1 else None, rows, (keys,)))
    sides = (KeySpool(spool / "query-keys"), KeySpool(spool / "gallery-keys"))
    return [*parts, Part(None, None, totals.test, sides, totals.queries)]


def _fingerprint(path: Path, parts: Iterable[Part], names: list[str]) -> str:
    """The fingerprint of the members, read back from their file."""
    import pyarrow.parquet as pq

    found, start = [], 0
    with pq.ParquetFile(path) as file:
        for part in parts:
            found.append(StoredRows(file, start, part.rows.count).fingerprint(names))
            start += part.rows.count
    return sampling.sha256_digest(*found)


def _counted(drawn: StreamedDraw, parts: list[Part]) -> SplitParts:
    """The parts of the record that are counted from rows."""
    totals = drawn.totals
    prints = {(part.arm, part.deal or 0): part.fingerprint for part in parts}
    arms = {}
    for name in drawn.plan.arms:
        rows, levels = totals.deals(name), totals.levels(name)
        deals = [
            _deal(one, arm, prints[name, deal])
            for deal, (one, arm) in enumerate(zip(rows, levels, strict=True))
        ]
        arms[name] = arm_record(levels[0], deals)
    gallery = totals.test.count - totals.queries.count
    test = TestSetRecord(
        identities=totals.test.identities,
        queries=totals.queries.count,
        gallery=gallery,
        protocol=drawn.protocol,
        fingerprint=prints[None, 0] if totals.test.count else None,
    )
    return SplitParts(arms, test, _gallery_levels(drawn))


def _deal(rows: MaskSpool, arm: DrawnArm, fingerprint: str) -> DealRecord:
    levels: list[Level] = list(arm.levels)
    return DealRecord(
        rows.count, rows.identities, fingerprint, levels if arm.kind == RANDOM_LEVELS else None
    )


def _gallery_levels(drawn: StreamedDraw) -> dict[str, int]:
    levels = drawn.survey.levels[drawn.train.request.attr]
    counts = drawn.totals.gallery[1:]
    return {str(level): int(count) for level, count in zip(levels, counts, strict=False) if count}
