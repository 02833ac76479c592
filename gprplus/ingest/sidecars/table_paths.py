"""Paths of a table: relative to the root of a dataset, and never outside it."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gprplus.core.errors import escape
from gprplus.ingest.files.listed_paths import OUTSIDE
from gprplus.ingest.files.listing import RefusedPath

if TYPE_CHECKING:
    import pyarrow as pa


def usable_paths(table: "pa.Table", root: Path) -> "tuple[pa.Table, list[RefusedPath]]":
    """The rows with a path below the root, as a relative POSIX path; the others are refused.

    An absolute path is used only if it begins with the root, as text.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    from gprplus.core.arrow import combine_chunks, from_numpy, from_strings

    paths = combine_chunks(pc.fill_null(table["path"].cast(pa.string()), ""))
    odd = pc.match_substring_regex(paths, r"^$|^[./]|//|/\.|\\|[\x00-\x1f]|^[A-Za-z]:")
    places = np.flatnonzero(np.asarray(odd))
    if not len(places):
        return table.set_column(table.column_names.index("path"), "path", paths), []
    written = paths.take(from_numpy(places)).to_pylist()
    read = [_relative(text, root) for text in written]
    texts, refused, keep = paths.to_pylist(), [], np.ones(len(paths), bool)
    for place, text, found in zip(places.tolist(), written, read, strict=True):
        if found is None:
            keep[place] = False
            why = f"row {place + 1:,} of the table names no file below {root}."
            refused.append(RefusedPath(escape(text)[:200] or "(no path)", OUTSIDE, why))
        else:
            texts[place] = found
    table = table.set_column(table.column_names.index("path"), "path", from_strings(texts))
    return table.filter(from_numpy(keep)), refused


def _relative(text: str, root: Path) -> str | None:
    """A path of a table as a relative POSIX path below the root; None for any other path."""
    if "\\" in text and "/" not in text:
        text = text.replace("\\", "/")
    for above in dict.fromkeys((str(root), str(root.resolve()))):
        if text.startswith(f"{above.rstrip('/')}/"):
            text = text[len(above.rstrip("/")) + 1 :]
            break
    if text.startswith("/") or text[1:2] == ":" or not text.isprintable():
        return None
    parts = [part for part in text.split("/") if part not in ("", ".")]
    return None if ".." in parts or not parts else "/".join(parts)
