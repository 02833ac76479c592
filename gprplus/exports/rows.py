"""The rows of an arm, split or manifest, in one schema: each image with its role, identity and all
attributes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gprplus.core.declarations import Attributes
from gprplus.core.errors import ExportError
from gprplus.core.storage.address import is_address
from gprplus.exports.export_layout import safe_relative_path
from gprplus.ingest import Manifest
from gprplus.ingest.changed_files import refuse_changed
from gprplus.schema import IMAGES, MEMBERS, Column, conform
from gprplus.schema.column import own_columns
from gprplus.schema.manifest_record import DatasetFacts
from gprplus.splits import Split

ROWS: tuple[Column, ...] = (
    *(column for column in MEMBERS if column.name not in ("arm", "deal")),
    *(column for column in IMAGES if column.name in ("is_junk", "is_distractor")),
)


def row_columns(own: Attributes) -> tuple[Column, ...]:
    """ROWS, and the columns of the attributes that a manifest or split declares itself."""
    return (*ROWS, *own_columns(own, "image"), *own_columns(own, "identity"))


@dataclass(frozen=True)
class ExportSource:
    """Source of an export: name, fingerprint, folders of the images, and the rows (ROWS) by arm; ""
    for a single set.

    `manifest` is the manifest of the rows; None if it no longer exists.
    """

    name: str
    fingerprint: str
    roots: dict[str, Path]
    parts: dict[str, pa.Table]
    datasets: Mapping[str, DatasetFacts]
    notes: tuple[str, ...] = ()
    manifest: Manifest | None = None

    def sizes(self) -> dict[int, tuple[int, int]]:
        """Width and height in pixels by uid, of images whose manifest has them."""
        if self.manifest is None:
            return {}
        table = self.manifest.images(["uid", "width_px", "height_px"])
        columns = (table.column(name).to_pylist() for name in table.column_names)
        return {
            uid: (width, height)
            for uid, width, height in zip(*columns, strict=True)
            if width is not None and height is not None
        }

    @property
    def is_stored(self) -> bool:
        """Return True if some images are in object storage."""
        return any(map(is_address, self.roots.values()))

    def refuse_changed(self) -> None:
        """Raise ExportError where image files changed since the manifest was built: their labels
        may be wrong."""
        if self.manifest is None:
            return
        rows = pa.concat_tables([part.select(["dataset", "path"]) for part in self.parts.values()])
        remedy = "Build the manifest (and the split) again. Nothing was written."
        refuse_changed(self.manifest, rows, self.roots, ExportError, remedy)


def open_source(
    path: Path, arm: str | None, roots: Mapping[str, Path] | None = None, deal: int = 0
) -> ExportSource:
    """The rows below `path`: of one arm in a deal, of every arm of a split in turn, or of a whole
    manifest."""
    if (path / "split.json").is_file():
        return _of_split(Split.open(path), arm, roots, deal)
    if (path / "manifest.json").is_file():
        if arm is not None:
            raise ExportError(f"{path} is a manifest and has no arms; --arm picks one of a split.")
        return _of_manifest(Manifest.open(path), roots)
    raise ExportError(
        f"{path} is neither a split nor a manifest: it has no split.json and no manifest.json."
    )


def _of_split(
    split: Split, arm: str | None, roots: Mapping[str, Path] | None, deal: int
) -> ExportSource:
    """The rows of each arm, or of one, in one deal."""
    test = split.test()
    arms = {name: name for name in split.arms} if arm is None else {"": arm}
    columns = row_columns(split.record.attributes)
    parts = {
        part: _shaped(pa.concat_tables([split.train(name, deal), test]), columns)
        for part, name in arms.items()
    }
    notes = () if test.num_rows else ("The split has no test set, so query and gallery are empty.",)
    return ExportSource(
        split.name,
        split.record.fingerprint,
        split.roots(roots),
        parts,
        split.record.datasets,
        notes,
        split.manifest(),
    )


def _of_manifest(manifest: Manifest, roots: Mapping[str, Path] | None) -> ExportSource:
    columns = row_columns(manifest.own_attributes)
    names = {column.name for column in columns}
    known = [column.name for column in manifest.schema_of("images") if column.name in names]
    images = manifest.images(known)
    people = manifest.identities()
    place = {pair: i for i, pair in enumerate(identity_pairs(people))}
    index = pa.array([place.get(pair) for pair in identity_pairs(images)], pa.int64())
    for column in columns:
        if column.level == "identity":
            images = images.append_column(column.name, people.column(column.name).take(index))
    notes = []
    if images.column("role").null_count:
        notes.append("Images to which the dataset gives no role are exported as training images.")
    role = pc.fill_null(pc.cast(images.column("role"), pa.string()), "train")
    images = images.set_column(images.column_names.index("role"), "role", role)
    name = manifest.path.resolve().name
    return ExportSource(
        name,
        manifest.fingerprint,
        manifest.roots(roots),
        {"": _shaped(images, columns)},
        manifest.datasets,
        tuple(notes),
        manifest,
    )


def _shaped(table: pa.Table, columns: Sequence[Column]) -> pa.Table:
    """The columns, sorted by dataset and path, so that numbers given in passing are the same on every
    machine."""
    table = conform(table, columns)
    order = np.lexsort(
        [np.asarray(table.column(name).to_pylist(), dtype=str) for name in ("path", "dataset")]
    )
    return table.take(pa.array(order))


def known_columns(rows: pa.Table, taken: Collection[str] = ()) -> pa.Table:
    """The columns that are known of any image, as types that every reader takes.

    Text instead of dictionary codes, which not every reader takes, and of uids: half of them
    overflow its int64. Raises ExportError if an attribute has one of the names `taken`, which are
    further columns of the form.
    """
    for name in rows.column_names:
        if name in taken:
            raise ExportError(
                f"The attribute '{name}' has the name of another column of this form. Give the"
                " attribute another name."
            )
    names = [name for name in rows.column_names if rows.column(name).null_count < rows.num_rows]
    columns = [_plain_column(rows.column(name)) for name in names]
    fields = [
        pa.field(name, column.type, metadata=rows.schema.field(name).metadata)
        for name, column in zip(names, columns, strict=True)
    ]
    return pa.table(columns, schema=pa.schema(fields))


def _plain_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    text = pa.types.is_dictionary(column.type) or pa.types.is_uint64(column.type)
    return column.cast(pa.string()) if text else column


def image_names(rows: pa.Table) -> list[str]:
    """Return the name of each image below a folder of several datasets: `<dataset>/<path>`.

    >>> image_names(pa.table({"dataset": ["d"], "path": ["0001/a.jpg"]}))
    ['d/0001/a.jpg']
    """
    datasets, paths = (rows.column(name).to_pylist() for name in ("dataset", "path"))
    return [
        safe_relative_path(f"{dataset}/{safe_relative_path(path)}")
        for dataset, path in zip(datasets, paths, strict=True)
    ]


def identity_pairs(rows: pa.Table) -> list[tuple[str, str]]:
    """Return the dataset and the identity (None if unknown) of each row: identities of two datasets
    differ."""
    return list(
        zip(rows.column("dataset").to_pylist(), rows.column("identity").to_pylist(), strict=True)
    )


def name_map(rows: pa.Table, files: Sequence[str]) -> pa.Table:
    """Return the table map.csv of a form that gives images other names: the new name of each, and
    what it had."""
    kept = ["uid", "dataset", "path", "role", "identity", "camera", "viewpoint_deg"]
    return rows.select(kept).add_column(0, "file", pa.array(files))


def camera_numbers(rows: pa.Table, form: str) -> list[int]:
    """Return the camera of each row from 1, or of renders without cameras that of the viewpoint.
    Raises ExportError if an image has neither; `form` is for the message."""
    source = next(
        (name for name in ("camera", "viewpoint_deg") if not rows.column(name).null_count), None
    )
    if source is None:
        raise ExportError(
            f"Some images have no camera and some no viewpoint; {form} names a camera for every"
            " image. Make the split with --where to leave them out."
        )
    values = rows.column(source).to_pylist()
    number = {value: place for place, value in enumerate(sorted(set(values)), start=1)}
    return [number[value] for value in values]


def order_by_identity(rows: pa.Table, roles: Mapping[str, str]) -> dict[str, np.ndarray]:
    """Return the positions of the rows of each part in `roles`, sorted by dataset, identity and
    path.

    >>> rows = pa.table({"role": ["query"], "dataset": ["d"], "identity": ["7"], "path": ["a"]})
    >>> order_by_identity(rows, {"query": "test"})
    {'test': array([0])}
    """
    part = np.array([roles[role] for role in rows.column("role").to_pylist()])
    keys = [
        np.array([text or "" for text in rows.column(name).to_pylist()], str)
        for name in ("path", "identity", "dataset")
    ]
    order = np.lexsort(keys)
    return {
        name: order[part[order] == name]
        for name in dict.fromkeys(roles.values())
        if (part == name).any()
    }
