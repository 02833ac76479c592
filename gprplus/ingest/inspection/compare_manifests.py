"""Differences between two manifests: records, levels, identities, and rows by uid."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gprplus import schema
from gprplus.core import sampling
from gprplus.core.declarations import image_attributes
from gprplus.core.errors import first_few
from gprplus.ingest.tables.coded import level_counts
from gprplus.ingest.tables.manifest import Manifest
from gprplus.schema.manifest_record import DatasetFacts

_KNOWN = ("layout", "layout_digest", "verify", "images", "identities", "rejected", "fingerprint")
# Columns of images that are not counted by value.
_UNLEVELLED = {column.name for column in schema.IMAGES} - set(image_attributes())


@dataclass(frozen=True)
class ManifestDifference:
    """A difference: `what` is `before` in the first and `after` in the second; None if it is
    missing there."""

    what: str
    before: Any
    after: Any


def compare_manifests(first: Manifest, second: Manifest) -> list[ManifestDifference]:
    """Return all differences, the most important first; empty if the rows of both are the same."""
    found = [
        *changed_keys({"fingerprint": first.fingerprint}, {"fingerprint": second.fingerprint}),
        *compare_datasets(first.datasets, second.datasets),
    ]
    if first.fingerprint != second.fingerprint:
        own = {**first.own_attributes, **second.own_attributes}
        columns = (*schema.IMAGES, *schema.own_columns(own, "image"))
        one, two = (schema.conform(each.images(), columns) for each in (first, second))
        found += [*_identity_differences(first, second), *_levels(one, two), *_rows(one, two)]
    return found + compare_versions(first.record.versions, second.record.versions)


def changed_keys(
    before: Mapping[str, Any], after: Mapping[str, Any], about: str = ""
) -> list[ManifestDifference]:
    """The keys of two records whose values differ."""
    names = dict.fromkeys([*before, *after])
    return [
        ManifestDifference(about + name, before.get(name), after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    ]


def compare_datasets(
    before: Mapping[str, DatasetFacts], after: Mapping[str, DatasetFacts]
) -> list[ManifestDifference]:
    """Compare datasets by layout, size and rows in their records."""
    found: list[ManifestDifference] = []
    for name in dict.fromkeys([*before, *after]):
        one, two = (_known(records.get(name)) for records in (before, after))
        if one and two:
            both = [key for key in _KNOWN if one[key] is not None and two[key] is not None]
            found += changed_keys(
                {key: one[key] for key in both},
                {key: two[key] for key in both},
                f"dataset {name}: ",
            )
        else:
            found.append(
                ManifestDifference(f"dataset {name}: images", one.get("images"), two.get("images"))
            )
    return found


def _known(dataset: DatasetFacts | None) -> dict[str, Any]:
    return {} if dataset is None else {key: getattr(dataset, key, None) for key in _KNOWN}


def compare_versions(
    before: Mapping[str, str], after: Mapping[str, str]
) -> list[ManifestDifference]:
    """Versions of Python and packages that two records were made with."""
    return changed_keys(before, after, "version of ")


def _identity_differences(first: Manifest, second: Manifest) -> list[ManifestDifference]:
    one, two = (
        {(row["dataset"], row["identity"]): row for row in m.identities().to_pylist()}
        for m in (first, second)
    )
    gone, come = sorted(one.keys() - two.keys()), sorted(two.keys() - one.keys())
    found = (
        [ManifestDifference("identities only here", _named(gone), _named(come))]
        if gone or come
        else []
    )
    for trait in dict.fromkeys([*first.identity_attributes, *second.identity_attributes]):
        other = [
            name for name in one if name in two and one[name].get(trait) != two[name].get(trait)
        ]
        if other:
            known = [
                sum(row.get(trait) is not None for row in rows.values()) for rows in (one, two)
            ]
            about = (
                f"{trait} of {len(other):,} identities ({first_few([name[1] for name in other])}):"
                " known for"
            )
            found.append(ManifestDifference(about, *known))
    return found


def _named(persons: list[tuple[str, str]]) -> str | None:
    return f"{len(persons):,} ({first_few([name for _, name in persons])})" if persons else None


def _levels(one: pa.Table, two: pa.Table) -> list[ManifestDifference]:
    """Images a level, where they differ."""
    found = []
    for name in [name for name in one.column_names if name not in _UNLEVELLED]:
        before, after = level_counts(one[name], name), level_counts(two[name], name)
        if before != after:
            found.append(ManifestDifference(f"images by {name}", before or None, after or None))
    return found


def _rows(one: pa.Table, two: pa.Table) -> Iterator[ManifestDifference]:
    """Rows that one alone has, and the columns in which the rows of both differ."""
    uids = [sampling.to_numpy(_whole(table["uid"])) for table in (one, two)]
    shared, left, right = np.intersect1d(uids[0], uids[1], assume_unique=True, return_indices=True)
    alone = [len(uid) - len(shared) for uid in uids]
    if any(alone):
        yield ManifestDifference("images only here", *(count or None for count in alone))
    moved = Counter[str]()
    for name in one.column_names[1:]:
        before, after = (
            _plain(table[name]).take(pa.array(rows)) for table, rows in ((one, left), (two, right))
        )
        same = pc.or_(
            pc.fill_null(pc.equal(before, after), False),
            pc.and_(pc.is_null(before), pc.is_null(after)),
        )
        moved[name] = len(shared) - (pc.sum(same).as_py() or 0)
    for name, count in moved.items():
        if count:
            yield ManifestDifference(f"images with another {name}", count, count)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
