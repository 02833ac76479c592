"""Reading the rows of an experiment: the columns it needs, of the rows it may use."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus import keys, schema
from gprplus.declared import identity_attributes, image_attributes
from gprplus.errors import ManifestError, SplitError
from gprplus.splits.codes import Codes, Pool, encode, number_persons, whole
from gprplus.splits.where import Filter

if TYPE_CHECKING:
    import pyarrow as pa

    from gprplus.ingest import Manifest

KEY_COLUMNS = ("uid", "dataset", "identity")
TEXT_COLUMNS = ("path", "digest")
# Read beside them where the manifest has them: what the audit looks at.
LOOKS = ("size_bytes", "width_px", "height_px", "brightness", "contrast", "sharpness", "dhash")
FLAGS = {"is_junk": "junk", "is_distractor": "distractor"}


def read(manifest: "Manifest", where: Filter | None = None) -> Pool:
    """The rows that `where` keeps and that show a known person, as codes.

    Rows without an identity, junk and distractors can neither teach nor be searched for here; how many there were is in
    `left_out`. Paths and digests, most of the bytes, are read in a thread while the rest of the work goes on. Raises
    ManifestError for a manifest without such rows, SplitError when the filter keeps nothing.
    """
    import pyarrow as pa

    known = {*manifest.columns("images"), *(column.name for column in schema.IDENTITIES)}
    asked = (where.columns(known) if where else set()) & set(manifest.columns("images"))
    names = [*KEY_COLUMNS, *image_attributes(), *FLAGS]
    reader = ThreadPoolExecutor(1)
    texts = reader.submit(columns, manifest, "images", TEXT_COLUMNS, LOOKS)
    reader.shutdown(wait=False)
    table = columns(manifest, "images", [*names, *sorted(asked - set(names))])
    people = columns(manifest, "identities", [column.name for column in schema.IDENTITIES])
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
        table = table.filter(pa.array(keep))
    dataset, identity = encode("dataset", table.column("dataset")), encode("identity", table.column("identity"))
    person, persons = number_persons(dataset, identity)
    return Pool(
        uid=keys.plain(whole(table.column("uid"))),
        person=person,
        persons=persons,
        images={name: encode(name, table.column(name)) for name in image_attributes()},
        traits=_traits(people, persons),
        texts=lambda: texts.result() if keep.all() else texts.result().filter(pa.array(keep)),
        left_out={reason: count for reason, count in left_out.items() if count},
    )


def columns(manifest: "Manifest", table: str, names: Sequence[str], beside: Sequence[str] = ()) -> "pa.Table":
    """Some columns of a manifest's table, and those of `beside` that it has.

    Read as one file: `pyarrow.parquet.read_table` goes through pyarrow.dataset, whose import takes longer than reading.
    """
    import pyarrow.parquet as pq

    path = manifest.path / f"{table}.parquet"
    try:
        with pq.ParquetFile(path) as file:
            schema.require(file.schema_arrow.names, names, str(path))
            return file.read([*names, *(name for name in beside if name in file.schema_arrow.names)])
    except (OSError, ValueError) as error:
        raise ManifestError(f"{path} cannot be read: {error}. Build the manifest again with --force.") from error


def _usable(table: "pa.Table") -> tuple[np.ndarray, dict[str, int]]:
    keep = keys.known(whole(table.column("identity")))
    left_out = {"without identity": int((~keep).sum())}
    for flag, reason in FLAGS.items():
        if table.column(flag).null_count == table.num_rows:
            continue
        column = whole(table.column(flag))
        flagged = keys.plain(column) & keys.known(column) & keep
        left_out[reason] = int(flagged.sum())
        keep &= ~flagged
    return keep, left_out


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
