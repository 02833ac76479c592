"""Conversion of raw tokens to columns: levels and degrees, each distinct token decoded once.

The tokens are a table with one dictionary column for each named group of the layout, so that
475,104 names cost twelve look-ups of a camera, not 475,104.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from gprplus.core.arrow import combine_chunks, constant, from_numpy, from_strings, to_numpy
from gprplus.core.errors import LayoutError, first_few
from gprplus.core.sampling import is_valid
from gprplus.ingest.layouts.attribute_values import read_column
from gprplus.ingest.layouts.layout import LEVELLED
from gprplus.ingest.layouts.match import Tokens, token_columns, uid_bytes
from gprplus.ingest.layouts.tokens import DegreeTokens, LevelTokens, parse_number, strip_zeros
from gprplus.ingest.layouts.worker_columns import arrow_codes
from gprplus.schema import IMAGES, conform, own_columns

if TYPE_CHECKING:
    from gprplus.ingest.layouts.layout import Layout

TOKEN = pa.dictionary(pa.int32(), pa.string())


def uids(layout: "Layout", dataset: str, tokens: Sequence[Tokens]) -> np.ndarray:
    """Return `(N,) uint64` keys of images; names.uid_bytes defines their input."""
    return np.frombuffer(uid_bytes(layout, dataset, tokens), ">u8").astype(np.uint64)


def token_table(layout: "Layout", dataset: str, tokens: Sequence[Tokens]) -> pa.Table:
    """A column `uid` and a dictionary column per group, for the tokens of matching paths."""
    columns = map(arrow_codes, token_columns(layout, tokens))
    return pa.table([from_numpy(uids(layout, dataset, tokens)), *columns], ["uid", *layout.groups])


def decode_tokens(layout: "Layout", dataset: str, table: pa.Table) -> pa.Table:
    """The images table of one dataset: `table` has `uid`, `path`, one dictionary column per group
    and what the probe found. Attributes of the layout's own follow, those of identities too.
    """
    columns: dict[str, pa.Array | pa.ChunkedArray] = {
        name: table.column(name)
        for name in ("uid", "path", "width_px", "height_px", "format", "size_bytes", "digest")
        if name in table.column_names
    }
    columns["dataset"] = constant(dataset, table.num_rows)
    junk, distractors = set(layout.junk), set(layout.distractors)
    identity, camera = (
        DecodedTokens(table, *layout.groups_of(attribute)) for attribute in ("identity", "camera")
    )
    columns["identity_token"] = identity.levels(lambda token: token)
    columns["identity"] = identity.levels(
        lambda token: None if token in junk else layout.identity.renamed(token)
    )
    columns["is_junk"] = identity.flags(lambda token: token in junk)
    columns["is_distractor"] = identity.flags(lambda token: token in distractors)
    columns["camera"] = camera.numbers(layout.camera_number)
    columns["camera_code"] = camera.levels(strip_zeros)
    columns["viewpoint_deg"] = DecodedTokens(table, *layout.groups_of("viewpoint_deg")).numbers(
        layout.viewpoint_deg.degree
    )
    columns["frame"] = DecodedTokens(table, "frame").numbers(parse_number, np.int64)
    columns["role"] = DecodedTokens(table, "part").levels(layout.role_of)
    for name in ("weather", "illumination", "background"):
        columns[name] = DecodedTokens(table, *layout.groups_of(name)).levels(
            getattr(layout, name).level
        )
    columns["weather_code"] = DecodedTokens(table, *layout.groups_of("weather")).levels(
        lambda token: token
    )
    own = layout.own_attributes
    for name, attribute in layout.attributes.items():
        decoded = DecodedTokens(table, *layout.groups_of(name)).levels(attribute.value)
        columns[name], _ = read_column(name, own[name], pa.chunked_array([decoded]))
    added = (*own_columns(own, "image"), *own_columns(own, "identity"))
    return conform(pa.table(columns), (*IMAGES, *added))


def drop_unreadable(
    layout: "Layout", dataset: str, table: pa.Table
) -> tuple[pa.Table | None, dict[int, str]]:
    """`decode_tokens` without the rows whose tokens are no numbers where they must be, or too large
    ones; and why, by row.

    The table is None where no row is left.
    """
    try:
        return (decode_tokens(layout, dataset, table) if table.num_rows else None), {}
    except (LayoutError, OverflowError):
        why = _unreadable(layout, table)
    keep = np.ones(table.num_rows, bool)
    keep[list(why)] = False
    rest = table.filter(from_numpy(keep))
    for i, group in enumerate(rest.schema):  # a dictionary keeps the tokens of rows that are gone
        if pa.types.is_dictionary(group.type):
            rest = rest.set_column(
                i, group.name, rest[group.name].cast(pa.string()).dictionary_encode()
            )
    return (decode_tokens(layout, dataset, rest) if rest.num_rows else None), why


def _unreadable(layout: "Layout", table: pa.Table) -> dict[int, str]:
    """Why a row cannot be decoded, by row."""
    decoders: list[tuple[str, tuple[str, ...], Callable, type]] = [
        ("camera", layout.groups_of("camera"), layout.camera_number, np.int32),
        ("frame", ("frame",), parse_number, np.int64),
        ("viewpoint_deg", layout.groups_of("viewpoint_deg"), layout.viewpoint_deg.degree, np.int32),
    ]
    decoders += [
        (name, layout.groups_of(name), getattr(layout, name).level, str) for name in LEVELLED
    ]
    found: dict[int, str] = {}
    for name, groups, decode, kind in decoders:
        column = DecodedTokens(table, *groups)
        for place, token in enumerate(column.tokens):
            why = _problem(name, token, decode, kind)
            for row in np.flatnonzero(column.codes == place).tolist() if why else ():
                found.setdefault(row, why)
    return found


def _problem(name: str, token: str | None, decode: Callable, kind: type) -> str:
    """Return the problem of a token; "" for none."""
    try:
        value = decode(token)
    except LayoutError as error:
        return str(error)
    most = 0 if kind is str or value is None else int(np.iinfo(kind).max)
    return (
        f"The {name} {token} is too large a number; the largest is {most:,}."
        if most and abs(value) > most
        else ""
    )


def empty_groups(layout: "Layout", tokens: Mapping[str, Iterable[str | None]]) -> list[str]:
    """Return one sentence for each attribute of a user's layout that is read from a group without a
    token in any name, although the layout names no level for that.

    `tokens` are those of each group of the layout, each at least once.
    """
    if layout.shipped:
        return []
    sentences = []
    for name in ("identity", "camera", "frame", "viewpoint_deg", *LEVELLED, *layout.attributes):
        rule = layout.attributes[name].tokens if name in layout.attributes else None
        rule = rule or getattr(layout, name, None)
        for group in layout.groups_of(name):
            if group in tokens and not any(tokens[group]) and not getattr(rule, "absent", ""):
                sentences.append(
                    f"{name} is read from the group '{group}' of layout '{layout.name}', which"
                    " matches no character in any name. Correct the group in path, or take it out."
                )
    return sentences


def unknown_tokens(layout: "Layout", tokens: Mapping[str, Iterable[str | None]]) -> list[str]:
    """Return one sentence for each attribute with a missing or incomplete table: tokens without a
    level are unknown.

    `tokens` are those of each group of the layout, each at least once.
    """
    sentences = []
    for name in (*LEVELLED, "viewpoint_deg"):
        table, (group,) = getattr(layout, name), layout.groups_of(name)
        if group not in tokens or (name == "viewpoint_deg" and table == DegreeTokens()):
            continue  # without a table, no degrees are expected: the group they would be read from is the camera
        met = sorted(token for token in set(tokens[group]) if token is not None)
        lost = [token for token in met if _unknown(table, token)]
        if lost:
            key = "degrees" if isinstance(table, DegreeTokens) else "levels"
            what = (
                f"[{name}.{key}] has no"
                if getattr(table, key)
                else f"the layout has no [{name}.{key}] for"
            )
            sentences.append(f"{name}: {what} {first_few(lost)}, which stay unknown.")
    return sentences


def _unknown(table: LevelTokens | DegreeTokens, token: str) -> bool:
    try:
        return (
            table.degree(token) if isinstance(table, DegreeTokens) else table.level(token)
        ) is None
    except LayoutError:  # no number: its file was rejected
        return False


class DecodedTokens:
    """The tokens of one group, or of several joined by ":", as integer codes into the distinct
    ones.

    A group that the layout lacks is null throughout; so is a joined token of which a part is
    absent.
    """

    def __init__(self, table: pa.Table, *groups: str) -> None:
        self.tokens, self.codes = _coded(table, groups[0])
        for group in groups[1:]:
            tokens, codes = _coded(table, group)
            pairs, both = np.unique(
                self.codes.astype(np.int64) * len(tokens) + codes, return_inverse=True
            )
            joined = [
                (self.tokens[pair // len(tokens)], tokens[pair % len(tokens)])
                for pair in pairs.tolist()
            ]
            self.tokens = [None if None in pair else ":".join(map(str, pair)) for pair in joined]
            self.codes = both.astype(np.int32)

    def levels(self, decode: Callable[[str | None], str | None]) -> pa.DictionaryArray:
        """Decode each token, as a dictionary of sorted levels."""
        values = [decode(token) for token in self.tokens]
        vocabulary = sorted({value for value in values if value is not None})
        place = {value: i for i, value in enumerate(vocabulary)}
        codes = np.array([place.get(value, -1) for value in values], np.int32)[self.codes]  # type: ignore[arg-type]
        return pa.DictionaryArray.from_arrays(
            from_numpy(codes, unknown=codes < 0), from_strings(vocabulary)
        )

    def numbers(
        self, decode: Callable[[str | None], int | None], kind: type = np.int32
    ) -> pa.Array:
        """Decode each token, as integers."""
        values = [decode(token) for token in self.tokens]
        known = np.array([value is not None for value in values], bool)[self.codes]
        numbers: np.ndarray = np.array([value or 0 for value in values], kind)
        return from_numpy(numbers[self.codes], unknown=~known)

    def flags(self, decode: Callable[[str | None], bool]) -> pa.Array:
        """Decode each token, as truth values."""
        return from_numpy(np.array([decode(token) for token in self.tokens], bool)[self.codes])


def _coded(table: pa.Table, group: str) -> tuple[list[str | None], np.ndarray]:
    """The distinct tokens of one group, None last, and `(N,) int32` codes into them."""
    if group not in table.column_names:
        return [None], np.zeros(table.num_rows, np.int32)
    column = combine_chunks(table.column(group))
    tokens = [*column.dictionary.to_pylist(), None]
    codes = to_numpy(column.indices).astype(np.int32, copy=False)
    if column.null_count:
        codes = np.where(is_valid(column), codes, np.int32(len(tokens) - 1))
    return tokens, codes
