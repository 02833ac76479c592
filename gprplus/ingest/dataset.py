"""One dataset: its rows from a listing and a layout, with file checks."""

from collections import Counter
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gprplus.core.arrow import combine_chunks, constant, from_numpy, from_strings, to_numpy
from gprplus.core.errors import LayoutError, ManifestError, first_few
from gprplus.core.sampling import is_valid
from gprplus.ingest.added_attributes import add_attributes
from gprplus.ingest.files.listing import UNREAD, Listing, RefusedPath, listing_seal
from gprplus.ingest.gta.repeated_pass import drop_repeated_pass
from gprplus.ingest.layouts.decode import drop_unreadable, empty_groups, unknown_tokens
from gprplus.ingest.layouts.detect import describe_folder
from gprplus.ingest.layouts.explain_mismatch import explain_mismatch
from gprplus.ingest.layouts.layout import Layout
from gprplus.ingest.reading.columns import PROBED
from gprplus.ingest.reading.read import FoundFiles
from gprplus.ingest.sidecars.identities import (
    IdentityTable,
    identity_table,
    unmatched_identities,
)
from gprplus.ingest.sidecars.look_alikes import look_alike_sentences
from gprplus.ingest.sidecars.roles import (
    RoleLists,
    add_roles,
    gallery_only_warning,
    role_list_notes,
)
from gprplus.ingest.skipped_messages import describe_losses, hidden_of, undeclared_levels
from gprplus.ingest.sources import IngestSource, dataset_record
from gprplus.ingest.tables.assemble import AssembledTables
from gprplus.ingest.tables.duplicates import duplicate_content_warnings, reject_duplicate_keys
from gprplus.ingest.tables.select import filter_mask, lookup_rows
from gprplus.ingest.updates.incremental import merge_kept
from gprplus.ingest.updates.previous_build import PreviousBuild
from gprplus.schema import REJECTED, ROLES, SCAN, conform
from gprplus.schema.manifest_record import ManifestDataset

EXPLAINED = (
    200  # names without a match that get a separate message; a foreign folder would need a million
)


def ingest_dataset(
    source: IngestSource,
    read: FoundFiles,
    people: IdentityTable,
    listed: RoleLists | None = None,
    earlier: PreviousBuild | None = None,
) -> AssembledTables:
    """Return the rows of a source from what was read of its files. Raises LayoutError when no name
    fits, ManifestError when two files would be one image or none is good.
    """
    listing, layout, name = source.listing, source.chosen.layout, source.chosen.name
    images, rejected, scan, unknown = _read_rows(source, read, earlier)
    added = add_attributes(source, images, people)
    images, people, own = added.images, added.people, added.own
    images = sort_rows(images)
    if listed and listed.files:
        images = add_roles(images, listed)
    images, doubled = drop_repeated_pass(images, layout, listing.root, source.request["verify"])
    reject_duplicate_keys(images, listing.root)
    persons = identity_table(name, images, people.known, own)
    named = persons["identity"].to_pylist()
    others = unmatched_identities(people.known, named)
    return AssembledTables(
        images,
        persons,
        rejected,
        scan,
        ManifestDataset(
            images=images.num_rows,
            identities=persons.num_rows,
            rejected=rejected.num_rows,
            ignored=listing.ignored,
            files=len(listing),
            refused=len(listing.refused),
            unread_folders=sum(item.reason == UNREAD for item in listing.refused),
            roles=_counted(images["role"]),
            unknown=unknown,
            losses=[
                *describe_losses(listing, layout, images, people, named),
                *undeclared_levels(layout, images, persons, own),
                *added.sentences,
                *look_alike_sentences(persons),
            ],
            attributes=own,
            remarks=[
                *unknown,
                *(role_list_notes(images, listed, layout.lists) if listed else []),
                *gallery_only_warning(images),
                *doubled,
                *duplicate_content_warnings(images),
                *people.warnings,
            ],
            strangers=len(others),
            stranger_examples=others[:3],
            seal=listing_digest(listing, scan),
            fingerprint="",  # AssembledTables.entry
            **dataset_record(source),
            **hidden_of(listing),
        ),
    )


def _read_rows(
    source: IngestSource, read: FoundFiles, earlier: PreviousBuild | None
) -> tuple[pa.Table, pa.Table, pa.Table, list[str]]:
    """Decode what was read, and join it with what is kept of the earlier build: rows of images and
    of rejected files, sizes and times of all files, and sentences about undeclared tokens."""
    listing, layout, name = source.listing, source.chosen.layout, source.chosen.name
    found, unmatched, new = read.take_table(), read.unmatched, read.new
    if not found.num_rows and new is None:
        raise LayoutError(_no_name_fits(listing, layout, unmatched))
    if earlier is not None and new is None:
        found = _remembered(found, earlier)
    good = filter_mask(found, pc.is_null(found["reason"]))
    images, why = drop_unreadable(layout, name, good)
    odd = _odd(good, why)
    if odd:
        if images is None and new is None:
            raise LayoutError(f"{odd[0].path}: {odd[0].detail}")
        good, found = (_without(table, odd) for table in (good, found))
    rejected = _rejected(name, layout, found, unmatched, [*listing.refused, *odd])
    scan = _scan(name, found)
    if earlier is not None and new is not None:
        images, rejected, scan = merge_kept(
            earlier, listing, new, images, rejected, scan, layout.own_attributes
        )
    if images is None or not images.num_rows:
        raise _nothing_good(listing, rejected)
    _of_one_kind(layout, good, listing)
    tokens = {group: good[group].unique().to_pylist() for group in layout.groups}
    for sentence in empty_groups(layout, tokens) if new is None else ():
        raise LayoutError(sentence)
    return images, rejected, scan, unknown_tokens(layout, tokens)


def listing_digest(listing: Listing, scan: pa.Table) -> str | None:
    """Return the digest with which a rebuild detects that nothing changed; None if a file could not
    be read."""
    if scan.num_rows != len(listing):
        return None
    return listing_seal(
        listing, to_numpy(scan["size_bytes"]).tobytes(), to_numpy(scan["mtime_ns"]).tobytes()
    )


def _counted(column: pa.ChunkedArray) -> dict[str, int]:
    counts = {
        row["values"]: row["counts"]
        for row in column.value_counts().to_pylist()
        if row["values"] is not None
    }
    return {role: counts[role] for role in ROLES if role in counts}


def _nothing_good(listing: Listing, rejected: pa.Table) -> ManifestError:
    reasons = Counter(reason for reason in rejected["reason"].to_pylist() if reason != "name")
    shown = ", ".join(f"{count:,} {reason}" for reason, count in reasons.most_common())
    rows = rejected.select(["path", "reason", "detail"]).to_pylist()
    first = next((row for row in rows if row["reason"] != "name"), None)
    example = f" {first['path']}: {first['detail'].rstrip('.')}." if first else ""
    return ManifestError(
        f"Not one of the {reasons.total():,} files under {listing.root} can be used: {shown}.{example}"
    )


def _of_one_kind(layout: Layout, found: pa.Table, listing: Listing) -> None:
    """Refuse a folder that mixes variants which the layout separates."""
    for group in layout.single:
        kinds = [kind for kind in found[group].unique().to_pylist() if kind is not None]
        if len(kinds) > 1:
            raise LayoutError(
                f"{listing.root} holds {' and '.join(sorted(kinds))} of {layout.title}, which must"
                " not be mixed in one dataset. Give one of those folders, or make each a separate"
                " dataset with --name."
            )


def _no_name_fits(listing: Listing, layout: Layout, unmatched: list[str]) -> str:
    if not unmatched:
        return f"There is no image file under {listing.root}: {describe_folder(listing)}"
    return (
        f"None of the {len(unmatched):,} files under {listing.root} fits the layout"
        f" '{layout.name}', such as {unmatched[0]}, which {explain_mismatch(layout, unmatched[0])}."
        + (f" Its names look like {first_few(layout.examples)}." if layout.examples else "")
    )


def _odd(good: pa.Table, why: Mapping[int, str]) -> list[RefusedPath]:
    """Files whose names fit the pattern and cannot be decoded, as files whose names do not fit."""
    paths = good["path"].take(from_numpy(np.array([*why], np.int64))).to_pylist()
    return [RefusedPath(path, "name", why[row]) for path, row in zip(paths, why, strict=True)]


def _without(table: pa.Table, odd: list[RefusedPath]) -> pa.Table:
    return table.filter(
        pc.invert(pc.is_in(table["path"], from_strings([item.path for item in odd])))
    )


def _remembered(found: pa.Table, earlier: PreviousBuild) -> pa.Table:
    """`found` with the probe's columns of files that were not opened now taken from the earlier
    build."""
    memory = earlier.probes()
    position = lookup_rows(found["path"], memory["path"])
    memory = memory.drop_columns("path")
    for column in PROBED.names:
        before = memory[column].cast(found.schema.field(column).type).take(position)
        at = found.schema.get_field_index(column)
        found = found.set_column(
            at, column, pc.if_else(found["fresh"], _plain(found[column]), _plain(before))
        )
    return found


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column


def sort_rows(images: pa.Table) -> pa.Table:
    """Rows of one dataset by identity (null last), then path."""
    column = combine_chunks(images["identity"])  # its levels are sorted: DecodedTokens.levels
    rank = np.where(is_valid(column), to_numpy(column.indices), len(column.dictionary))
    order = np.argsort(rank, kind="stable")
    paths = combine_chunks(images["path"])
    _sort_by_path(order, rank, paths if _ascends(order) else paths.take(from_numpy(order)))
    return images if _ascends(order) else images.take(from_numpy(order))


def _sort_by_path(order: np.ndarray, rank: np.ndarray, paths: pa.Array) -> None:
    """Sort the rows of each rank by path, in place: `order (N,)` is by rank, `paths` are in that
    order. Ranks whose rows are in order already are left alone; in an update, that is nearly all."""
    ranks = rank[order]
    falls = ~to_numpy(pc.less(paths[:-1], paths[1:])) & (ranks[1:] == ranks[:-1])
    rows = np.flatnonzero(np.isin(ranks, ranks[1:][falls]))
    by_path = rows[to_numpy(pc.sort_indices(paths.take(from_numpy(rows))))]
    order[rows] = order[by_path[np.argsort(ranks[by_path], kind="stable")]]


def _ascends(order: np.ndarray) -> bool:
    return bool((order[1:] > order[:-1]).all())


def _rejected(
    name: str, layout: Layout, found: pa.Table, unmatched: list[str], refused: list[RefusedPath]
) -> pa.Table:
    bad = found.filter(pc.is_valid(found["reason"]))
    rows = list(
        zip(
            bad["path"].to_pylist(),
            bad["reason"].to_pylist(),
            bad["detail"].to_pylist(),
            strict=True,
        )
    )
    rows += [(item.path, item.reason, item.detail) for item in refused]
    for i, path in enumerate(unmatched):
        why = (
            explain_mismatch(layout, path)
            if i < EXPLAINED
            else f"does not fit the names of {layout.name}"
        )
        rows.append((path, "name", f"{why}."))
    rows.sort()
    paths, reasons, details = zip(*rows, strict=True) if rows else ((), (), ())
    columns = {"dataset": [name] * len(rows), "path": paths, "reason": reasons, "detail": details}
    table = pa.table({key: from_strings(values) for key, values in columns.items()})
    return conform(_levels(table, ("dataset", "reason")), REJECTED)


def _scan(name: str, found: pa.Table) -> pa.Table:
    looked = from_numpy(to_numpy(found["size_bytes"]) >= 0)
    opened = filter_mask(found.select(["path", "size_bytes", "mtime_ns"]), looked)
    return conform(opened.append_column("dataset", constant(name, opened.num_rows)), SCAN)


def _levels(table: pa.Table, columns: tuple[str, ...]) -> pa.Table:
    for name in columns:
        table = table.set_column(
            table.schema.get_field_index(name), name, table[name].dictionary_encode()
        )
    return table
