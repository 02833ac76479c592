"""Reading the rows of an experiment: columns it needs, rows it may use, in an order that owes nothing to how they are stored."""

from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus import schema
from gprplus.declared import identity_attributes, image_attributes
from gprplus.errors import ManifestError, SplitError, examples
from gprplus.splits.codes import Codes, Pool, encode, number_persons
from gprplus.splits.where import Filter

if TYPE_CHECKING:
    import pyarrow as pa

    from gprplus.ingest import Manifest

KEY_COLUMNS = ("uid", "dataset", "identity", "path")
FLAGS = {"is_junk": "junk", "is_distractor": "distractor"}


def read(manifest: "Manifest", where: Filter | None = None) -> Pool:
    """The rows that `where` keeps and that show a known person, as codes.

    Rows without an identity, junk and distractors can neither teach nor be searched for here; how many there were is in `left_out`.
    Raises ManifestError for a manifest without such rows or with one key twice, SplitError when the filter keeps nothing.
    """
    names = [*KEY_COLUMNS, *image_attributes(), *FLAGS, "digest"]
    known = {column.name for column in (*schema.IMAGES, *schema.IDENTITIES)}
    asked = where.columns(known) if where else set()
    image_columns = {column.name for column in schema.IMAGES}
    table = manifest.images([*names, *sorted((asked & image_columns) - set(names))])
    people = manifest.identities()
    keep, left_out = _usable(table)
    if where is not None:
        passed = where.keep(Rows(table, people).column, known)
        left_out["filtered out by --where"] = int((keep & ~passed).sum())
        if keep.any() and not (keep & passed).any():
            raise SplitError(f'--where "{where.text}" keeps none of the {int(keep.sum()):,} images; loosen it.')
        keep &= passed
    if not keep.any():
        raise ManifestError(f"{manifest.path} holds no image of a known person.")
    if not keep.all():
        table = table.filter(keep)
    return _pool(manifest, table, people, {reason: count for reason, count in left_out.items() if count})


def _usable(table: "pa.Table") -> tuple[np.ndarray, dict[str, int]]:
    keep = np.asarray(table.column("identity").is_valid())
    left_out = {"without identity": int((~keep).sum())}
    for flag, reason in FLAGS.items():
        if table.column(flag).null_count == table.num_rows:
            continue
        flagged = np.asarray(table.column(flag).fill_null(False)) & keep
        left_out[reason] = int(flagged.sum())
        keep &= ~flagged
    return keep, left_out


def _pool(manifest: "Manifest", table: "pa.Table", people: "pa.Table", left_out: dict[str, int]) -> Pool:
    dataset, identity = encode("dataset", table.column("dataset")), encode("identity", table.column("identity"))
    person, persons = number_persons(dataset, identity)
    order = _order(person, table)
    if order is not None:
        table, person = table.take(order), person[order]
    uid = np.asarray(table.column("uid")).astype(np.uint64, copy=False)
    _no_twins(uid, table, manifest)
    images = {name: encode(name, table.column(name)) for name in image_attributes()}
    paths = table.select(["path", "digest"])
    return Pool(uid, person, persons, images, _traits(people, persons), paths, left_out)


def _order(person: np.ndarray, table: "pa.Table") -> "pa.Array | None":
    """The permutation into (dataset, identity, path), or None where the rows stand so already."""
    import pyarrow as pa
    import pyarrow.compute as pc

    path = table.column("path").combine_chunks()
    if len(person) < 2:
        return None
    step = np.diff(person)
    rising = np.asarray(pc.less(path[:-1], path[1:]))
    if ((step > 0) | ((step == 0) & rising)).all():
        return None
    keyed = pa.table({"person": person, "path": path, "uid": table.column("uid")})
    return pc.sort_indices(keyed, [("person", "ascending"), ("path", "ascending"), ("uid", "ascending")])


def _no_twins(uid: np.ndarray, table: "pa.Table", manifest: "Manifest") -> None:
    ranked = np.sort(uid)
    twins = ranked[1:][ranked[1:] == ranked[:-1]]
    if len(twins):
        paths = table.column("path").filter(np.isin(uid, twins)).to_pylist()
        raise ManifestError(f"{manifest.path} has rows that share one key: {examples(paths, 4)}. Build it again.")


def _traits(people: "pa.Table", persons: tuple[tuple[str, str], ...]) -> dict[str, Codes]:
    """Identity-level attributes, one code a person; unknown where identities.parquet does not have the person."""
    names = zip(people.column("dataset").to_pylist(), people.column("identity").to_pylist(), strict=True)
    row = {name: i for i, name in enumerate(names)}
    place = np.array([row.get(person, -1) for person in persons], dtype=np.int64)
    traits = {}
    for name in identity_attributes():
        codes = encode(name, people.column(name))
        values = np.append(codes.values, np.int32(-1))[place]
        traits[name] = Codes(name, values, codes.levels)
    return traits


class Rows:
    """Columns of images and of their persons alike, as the filter asks for them."""

    def __init__(self, table: "pa.Table", people: "pa.Table") -> None:
        self._table, self._people = table, people
        self._row: Any = None

    def column(self, name: str) -> "pa.Array":
        """A column with one value an image; a person's attribute is repeated for each of its images."""
        import pyarrow as pa

        if name in self._table.column_names:
            column = self._table.column(name)
            if pa.types.is_dictionary(column.type):
                column = column.unify_dictionaries()
            return column.combine_chunks()
        column = self._people.column(name)
        if pa.types.is_dictionary(column.type):
            column = column.unify_dictionaries()
        return column.combine_chunks().take(self._rows())

    def _rows(self) -> "pa.Array":
        """For each image, the row of identities.parquet that it belongs to; null where there is none."""
        import pyarrow as pa

        if self._row is None:
            dataset, identity = (encode(name, self._table.column(name)) for name in ("dataset", "identity"))
            known = identity.values >= 0
            person, persons = number_persons(dataset.at(known), identity.at(known))
            names = zip(
                self._people.column("dataset").to_pylist(), self._people.column("identity").to_pylist(), strict=True
            )
            place = {name: i for i, name in enumerate(names)}
            found = np.array([place.get(name, -1) for name in persons], dtype=np.int64)
            rows = np.full(len(known), -1, dtype=np.int64)
            rows[known] = found[person]
            self._row = pa.array(rows, mask=rows < 0)
        return self._row
