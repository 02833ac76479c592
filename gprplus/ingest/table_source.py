"""A table of images as the source of a dataset, and tables that add attributes to one."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gprplus.core.declarations import Attribute, Attributes, load_toml
from gprplus.core.errors import LayoutError, ManifestError
from gprplus.core.files.safe_names import plain_name
from gprplus.core.hashing import sha256_digest
from gprplus.ingest.files.listing import Listing
from gprplus.ingest.layouts.detect import DetectedLayout
from gprplus.ingest.layouts.layout import Layout
from gprplus.schema.own_attributes import merge_attributes, parse_attributes

if TYPE_CHECKING:
    from gprplus.ingest.sidecars.image_tables import ImageTable

TABLE = "table"  # the layout of a dataset whose images are named by a table


class TableSource(NamedTuple):
    """The images of a table: their files, the layout under which they are read, and the table."""

    listing: Listing
    chosen: DetectedLayout
    table: "ImageTable"


def table_source(
    path: Path, root: Path | None, own: Attributes, name: str | None, *, look: bool
) -> TableSource:
    """Read a table of images and list its files. Raises ManifestError and LayoutError.

    Args:
        path: The table.
        root: The folder of its paths; by default the one that the table is in.
        own: Attributes that the user declares.
        name: Name of the dataset; by default that of the table.
        look: List sizes and modification times too.
    """
    from gprplus.ingest.files.listed_paths import list_named_files
    from gprplus.ingest.sidecars.image_tables import read_image_table

    root = path.parent if root is None else root
    table = read_image_table(path, root, own)
    if not len(table.keys):
        first = f": {table.refused[0].detail}" if table.refused else "; it has no rows."
        raise ManifestError(f"{path} names no image that can be read{first}")
    listing = list_named_files(root, table.keys.to_pylist(), look=look)
    refused = sorted([*listing.refused, *table.refused], key=lambda item: item.path)
    if not len(listing):
        raise ManifestError(
            f"None of the {len(refused):,} files that {path} names exists below {root}, such as"
            f" {refused[0].path}. Give the folder of its paths with --root."
        )
    called = plain_name(name or path.stem, "--name" if name else str(path), LayoutError)
    layout = _layout(table.digest)
    chosen = DetectedLayout(layout, called, name is not None)
    return TableSource(replace(listing, refused=refused), chosen, table)


NO_LAYOUT = Layout(title="", path="")


def _layout(digest: str) -> Layout:
    """The layout of paths that mean nothing: the path is the key of the image."""
    return Layout(
        title="Table of images",
        path="(?P<file>(?s:.+))",
        extensions=("",),
        name=TABLE,
        shipped=True,
        digest=sha256_digest(TABLE, digest),
    )


def own_attributes(file: Path | None, layout: Layout) -> dict[str, Attribute]:
    """The attributes that the user and the layout declare. Raises DeclarationError and, where they
    contradict each other, ManifestError."""
    given = {} if file is None else parse_attributes(load_toml(file).data, str(file))
    parts = [(str(file), given), (f"layout '{layout.name}'", layout.own_attributes)]
    return merge_attributes(parts, ManifestError)


def join_tables(paths: Sequence[Path], root: Path, own: Attributes) -> "tuple[ImageTable, ...]":
    """Read the tables that add attributes to a dataset below `root`. Raises ManifestError."""
    if not paths:
        return ()
    from gprplus.ingest.sidecars.image_tables import read_join_table

    return tuple(read_join_table(path, root, own) for path in paths)
