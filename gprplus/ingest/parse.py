"""From names to columns: raw tokens and keys folder by folder, then levels and degrees, each distinct token decoded
once.

The two halves meet in a table with a dictionary column per named group of the layout, so that 475,104 names cost twelve
look-ups of a camera, not 475,104.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from gprplus.ingest.tokens import code, number
from gprplus.keys import canonical, text_keys
from gprplus.schema import IMAGES, conform

if TYPE_CHECKING:
    from gprplus.ingest.layout import Layout

TOKEN = pa.dictionary(pa.int32(), pa.string())
Tokens = tuple[str | None, ...]


def match(layout: "Layout", paths: Sequence[str]) -> list[Tokens | None]:
    """The raw tokens of each path in the order of `layout.groups`; None where the path does not match."""
    return [found and found.groups() for found in map(layout.pattern.fullmatch, paths)]


def uids(layout: "Layout", dataset: str, tokens: Sequence[Tokens]) -> np.ndarray:
    """`(N,) uint64` keys of images: dataset, part folder and every other raw token with its group's name, in the order
    of the groups' names.

    Absent tokens are left out, so a group that a later version of a layout adds as optional changes no old key.
    """
    groups = layout.groups
    part = groups.index("part") if "part" in groups else None
    others = sorted((name, i) for i, name in enumerate(groups) if i != part)

    def text(row: Tokens) -> str:
        named = (f"{name}={row[i]}" for name, i in others if row[i] is not None)
        return canonical(dataset, (row[part] or "") if part is not None else "", *named)

    return text_keys(_quick_texts(dataset, part, others, tokens) or map(text, tokens))


def _quick_texts(
    dataset: str, part: int | None, others: list[tuple[str, int]], tokens: Sequence[Tokens]
) -> list[str] | None:
    """The same texts at a tenth of the cost, for the plain ASCII tokens that nearly every dataset has; None for
    others.
    """
    columns = [[row[i] for row in tokens] for i in ([] if part is None else [part]) + [i for _, i in others]]
    distinct = {token for column in columns for token in set(column)}
    if None in distinct or not all(
        token.isascii() and token.isprintable() and "\\" not in token for token in distinct if token
    ):
        return None
    head = canonical(dataset, "").replace("%", "%%")
    form = (head if part is None else head + "%s") + "".join(f"\x1f{name}=%s" for name, _ in others)
    return [form % row for row in zip(*columns, strict=True)]


def token_table(layout: "Layout", dataset: str, tokens: Sequence[Tokens]) -> pa.Table:
    """A column `uid` and a dictionary column per group, for the tokens of matching paths."""
    columns = zip(*tokens, strict=True) if tokens else [()] * len(layout.groups)
    arrays = [pa.array(column, pa.string()).dictionary_encode() for column in columns]
    return pa.table([pa.array(uids(layout, dataset, tokens)), *arrays], ["uid", *layout.groups])


def decoded(layout: "Layout", dataset: str, table: pa.Table) -> pa.Table:
    """The images table of one dataset: `table` has `uid`, `path`, one dictionary column per group and what the probe
    found.
    """
    rows = table.num_rows
    columns: dict[str, pa.Array | pa.ChunkedArray] = {
        name: table.column(name)
        for name in ("uid", "path", "width_px", "height_px", "format", "size_bytes", "digest")
        if name in table.column_names
    }
    columns["dataset"] = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array([dataset]))
    junk, distractors = set(layout.junk), set(layout.distractors)
    identity, camera = (Coded(table, *layout.groups_of(attribute)) for attribute in ("identity", "camera"))
    columns["identity_token"] = identity.levels(lambda token: token)
    columns["identity"] = identity.levels(lambda token: None if token in junk else token)
    columns["is_junk"] = identity.flags(lambda token: token in junk)
    columns["is_distractor"] = identity.flags(lambda token: token in distractors)
    columns["camera"] = camera.numbers(number)
    columns["camera_code"] = camera.levels(code)
    columns["viewpoint_deg"] = Coded(table, *layout.groups_of("viewpoint_deg")).numbers(layout.viewpoint_deg.degree)
    columns["frame"] = Coded(table, "frame").numbers(number, np.int64)
    columns["role"] = Coded(table, "part").levels(layout.role_of)
    for name in ("weather", "illumination", "background"):
        columns[name] = Coded(table, *layout.groups_of(name)).levels(getattr(layout, name).level)
    columns["weather_code"] = Coded(table, *layout.groups_of("weather")).levels(lambda token: token)
    return conform(pa.table(columns), IMAGES)


class Coded:
    """The tokens of one group, or of several joined by ":", as integer codes into the distinct ones.

    A group that the layout lacks is null throughout; so is a joined token of which a part is absent.
    """

    def __init__(self, table: pa.Table, *groups: str) -> None:
        self.tokens, self.codes = _coded(table, groups[0])
        for group in groups[1:]:
            tokens, codes = _coded(table, group)
            pairs, both = np.unique(self.codes.astype(np.int64) * len(tokens) + codes, return_inverse=True)
            joined = [(self.tokens[pair // len(tokens)], tokens[pair % len(tokens)]) for pair in pairs.tolist()]
            self.tokens = [None if None in pair else ":".join(map(str, pair)) for pair in joined]
            self.codes = both.astype(np.int32)

    def levels(self, decode: Callable[[str | None], str | None]) -> pa.DictionaryArray:
        """Each token through `decode`, as a dictionary of sorted levels."""
        values = [decode(token) for token in self.tokens]
        vocabulary = sorted({value for value in values if value is not None})
        place = {value: i for i, value in enumerate(vocabulary)}
        codes = np.array([place.get(value, -1) for value in values], np.int32)[self.codes]  # type: ignore[arg-type]
        return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), pa.array(vocabulary, pa.string()))

    def numbers(self, decode: Callable[[str | None], int | None], kind: type = np.int32) -> pa.Array:
        """Each token through `decode`, as integers."""
        values = [decode(token) for token in self.tokens]
        known = np.array([value is not None for value in values])[self.codes]
        return pa.array(np.array([value or 0 for value in values], kind)[self.codes], mask=~known)

    def flags(self, decode: Callable[[str | None], bool]) -> pa.Array:
        """Each token through `decode`, as truth values."""
        return pa.array(np.array([decode(token) for token in self.tokens])[self.codes])


def _coded(table: pa.Table, group: str) -> tuple[list[str | None], np.ndarray]:
    """The distinct tokens of one group, None last, and `(N,) int32` codes into them."""
    if group not in table.column_names:
        return [None], np.zeros(table.num_rows, np.int32)
    column = table.column(group).combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0) if column.num_chunks else pa.array([], TOKEN)
    tokens = [*column.dictionary.to_pylist(), None]
    return tokens, np.asarray(column.indices.fill_null(len(tokens) - 1)).astype(np.int32, copy=False)
