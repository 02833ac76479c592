"""The attributes of a dataset from all of its sources: names, the table of images, joined tables,
and the identities file."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gprplus.core.arrow import combine_chunks, from_numpy
from gprplus.core.declarations import Attribute
from gprplus.core.errors import LayoutError, ManifestError, escape, first_few
from gprplus.ingest.sidecars.identities import IdentityTable, Known, given_attributes
from gprplus.ingest.sidecars.image_tables import ImageTable, identity_values
from gprplus.ingest.tables.select import find_rows
from gprplus.schema import IMAGES, conform, own_columns

if TYPE_CHECKING:
    from gprplus.ingest.sources import IngestSource


@dataclass(frozen=True)
class AddedAttributes:
    """The images and identities of a dataset with the attributes of all sources.

    `own` are those beyond the attributes of every manifest that have a value, `sentences` what was
    found while they were joined.
    """

    images: pa.Table
    people: IdentityTable
    own: dict[str, Attribute]
    sentences: list[str]


def add_attributes(
    source: "IngestSource", images: pa.Table, people: IdentityTable
) -> AddedAttributes:
    """Return the images that were decoded from names with all attributes of their dataset.

    Raises ManifestError where two sources contradict each other, and LayoutError for a factor of
    the layout that is never known.
    """
    known: Known = {name: dict(person) for name, person in people.known.items()}
    layout, sentences = source.chosen.layout, list[str]()
    images, traits = _without_traits(images, layout.own_attributes)
    if source.table is not None:
        images = _with_table(images, source.table)
        _merge(known, source.table.people, str(source.table.path))
        sentences += source.table.sentences
    where = f"layout '{layout.name}'"
    _merge(known, identity_values(where, _dictionary(images["identity"]), traits), where)
    for join in source.joins:
        images, more, found = _joined(images, join)
        _merge(known, more, str(join.path))
        sentences += [*join.sentences, *found]
    people = IdentityTable(known, people.warnings)
    given: dict[str, Attribute] = {**given_attributes(people), **source.attributes}
    tables = [source.table, *source.joins]
    for table in [one for one in tables if one is not None]:
        given |= table.attributes
    own, empty = _filled(given, images, known)
    _check_factors(source, images, known)
    if empty:
        sentences.append(
            f"the attributes {first_few(empty, 6)} are declared, and no"
            f" {'identity or image' if len(empty) > 1 else given[empty[0]].level} has a value."
        )
    columns = (*IMAGES, *own_columns(own, "image"))
    return AddedAttributes(conform(images, columns), people, own, sentences)


def _without_traits(
    images: pa.Table, own: Mapping[str, Attribute]
) -> tuple[pa.Table, dict[str, pa.Array]]:
    """The images without the identity attributes that their names give, and these."""
    names = [column.name for column in own_columns(own, "identity")]
    traits = {name: combine_chunks(images[name]) for name in names if name in images.column_names}
    return images.drop_columns([*traits]), traits


def _dictionary(column: pa.ChunkedArray) -> pa.Array:
    return combine_chunks(column)


def _merge(known: Known, more: Known, where: str) -> None:
    for name, person in more.items():
        mine = known.setdefault(name, {})
        for attribute, level in person.items():
            if mine.setdefault(attribute, level) != level:
                raise ManifestError(
                    f"{where} gives {attribute} of '{escape(name)}' as '{escape(level)}', and"
                    f" another table as '{escape(mine[attribute])}'. Keep one of them."
                )


def _with_table(images: pa.Table, table: ImageTable) -> pa.Table:
    place = find_rows(combine_chunks(images["path"]), table.keys)
    rows = from_numpy(place)
    for name, column in table.images.items():
        images = _set(images, name, column.take(rows))
    return images


def _set(images: pa.Table, name: str, column: pa.Array) -> pa.Table:
    at = images.column_names.index(name) if name in images.column_names else -1
    if at < 0:
        return images.append_column(name, column)
    kind = images.schema.field(name).type
    return images.set_column(at, name, column if column.type == kind else _cast(column, kind))


def _cast(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """A column of the type of another, its levels sorted."""
    if not pa.types.is_dictionary(kind):
        return column.cast(kind)
    plain = column.cast(pa.string())
    levels = pc.unique(plain).drop_null().sort()
    codes = pc.index_in(plain, levels)
    return pa.DictionaryArray.from_arrays(codes, levels)


def _joined(images: pa.Table, table: ImageTable) -> tuple[pa.Table, Known, list[str]]:
    """The images with the attributes of a joined table, its identity attributes, and sentences."""
    if table.key == "identity":
        return images, dict(table.people), _identity_matches(images, table)
    if table.key == "path":
        place = find_rows(combine_chunks(images["path"]), table.keys)
    else:
        found = pc.index_in(combine_chunks(images["uid"]), table.keys)
        place = np.asarray(pc.fill_null(found, -1)).astype(np.int64)
    there = place >= 0
    if not there.any():
        raise ManifestError(
            f"{table.path} has no row for any image: its {table.key}s are such as"
            f" {escape(str(table.keys[0]))[:100] if len(table.keys) else 'none'}, those of the"
            f" images such as {escape(str(images[table.key][0]))[:100]}."
        )
    rows, sentences = from_numpy(np.where(there, place, 0), unknown=~there), list[str]()
    for name, column in table.images.items():
        given = column.take(rows)
        if name in images.column_names:
            given, before = _plain(given), _plain(combine_chunks(images[name]))
            sentences += _changes(table.path.name, name, before, given)
            given = pc.coalesce(given.cast(before.type), before)
        images = _set(images, name, given)
    traits = {name: column.take(rows) for name, column in table.traits.items()}
    people = identity_values(str(table.path), _dictionary(images["identity"]), traits)
    return images, people, [*sentences, *_matches(table, int(there.sum()), len(images))]


def _plain(column: pa.Array) -> pa.Array:
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column


def _changes(table: str, name: str, before: pa.Array, given: pa.Array) -> list[str]:
    """Return a sentence on the values that a joined table gives in place of others: a cell without
    a value changes nothing."""
    other = pc.fill_null(pc.not_equal(given.cast(before.type), before), False)
    count = pc.sum(other).as_py() or 0
    if not count:
        return []
    first = pc.index(other, True).as_py()
    old, new = (escape(str(column[first].as_py())) for column in (before, given))
    rows = "1 image" if count == 1 else f"{count:,} images"
    return [f"{table} changes {name} of {rows}, such as '{old}' to '{new}'."]


def _matches(table: ImageTable, found: int, images: int) -> list[str]:
    sentences = []
    if found < len(table.keys):
        sentences.append(
            f"{len(table.keys) - found:,} of {len(table.keys):,} rows of {table.path.name} belong to"
            " no image here."
        )
    if found < images:
        sentences.append(
            f"{images - found:,} of {images:,} images have no row in {table.path.name}."
        )
    return sentences


def _identity_matches(images: pa.Table, table: ImageTable) -> list[str]:
    here = set(images["identity"].unique().to_pylist()) - {None}
    theirs = set(table.keys.cast(pa.string()).to_pylist()) - {None}
    if theirs and not here & theirs:
        raise ManifestError(
            f"{table.path} has no row for any identity: it has such as {escape(min(theirs))[:80]},"
            f" the images such as {escape(min(here, default='none'))[:80]}."
        )
    alone = len(theirs - here)
    return [f"{alone:,} identities of {table.path.name} have no image here."] if alone else []


def _filled(
    given: Mapping[str, Attribute], images: pa.Table, known: Known
) -> tuple[dict[str, Attribute], list[str]]:
    """The attributes with a value of at least one image or identity, and the names of the others."""
    of_people = {name for person in known.values() for name in person}
    own, empty = {}, []
    for name, one in given.items():
        there = (
            name in of_people
            if one.level == "identity"
            else name in images.column_names and images[name].null_count < images.num_rows
        )
        if there:
            own[name] = one
        else:
            empty.append(name)
    return dict(sorted(own.items())), empty


def _check_factors(source: "IngestSource", images: pa.Table, known: Known) -> None:
    """Raise LayoutError for a factor of a layout of the user that no image has a value of."""
    layout = source.chosen.layout
    of_people = {name for person in known.values() for name in person}
    lost = _unknown_factors(layout.factors, images, of_people)
    if lost and not layout.shipped:
        raise LayoutError(
            f"Layout '{layout.name}' lists {first_few(lost)} among its factors, and no image below"
            f" {source.listing.root} has a value of {'it' if len(lost) == 1 else 'them'}. Declare how"
            " it is read (docs/layouts.md), or take it out of factors."
        )


def _unknown_factors(factors: Iterable[str], images: pa.Table, of_people: set[str]) -> list[str]:
    return [
        name
        for name in factors
        if name not in of_people
        if name not in images.column_names or images[name].null_count == images.num_rows
    ]
