"""Matching of names: raw tokens and keys, with the standard library alone, because workers process
every file."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gprplus.core.hashing import SEPARATOR, hash64_bytes, join_canonical
from gprplus.ingest.files.archive_paths import ArchivePathVariants
from gprplus.ingest.layouts.worker_columns import WorkerColumn, code_column

if TYPE_CHECKING:
    from gprplus.ingest.layouts.layout import Layout

Tokens = tuple[str | None, ...]


def match_names(
    layout: "Layout", paths: Sequence[str], views: ArchivePathVariants | None = None
) -> list[Tokens | None]:
    """Return the raw tokens of each path in the order of `layout.groups`; None if the path does not
    match.

    With `views`, a path that does not match is also tried in the forms that unpacking archives
    could have produced.
    """
    tokens = [
        None if found is None else found.groups() for found in map(layout.pattern.fullmatch, paths)
    ]
    if views is not None:
        for i, row in enumerate(tokens):
            if row is None:
                tokens[i] = next(
                    (m.groups() for m in map(layout.pattern.fullmatch, views(paths[i])) if m), None
                )
    return tokens


def token_columns(layout: "Layout", tokens: Sequence[Tokens]) -> tuple[WorkerColumn, ...]:
    """A column for each of `layout.groups`."""
    return tuple(map(code_column, zip(*tokens, strict=True))) or tuple(
        code_column(()) for _ in layout.groups
    )


def uid_bytes(layout: "Layout", dataset: str, tokens: Sequence[Tokens]) -> bytes:
    """Keys of images, eight bytes each, big-endian: of dataset, part folder and every other raw
    token with its group's name, in the order of the groups' names.

    Absent tokens are left out, so a group that a later version of a layout adds as optional changes
    no old key.
    """
    groups = layout.groups
    part = groups.index("part") if "part" in groups else None
    others = sorted((name, i) for i, name in enumerate(groups) if i != part)

    def text(row: Tokens) -> str:
        named = (f"{name}={row[i]}" for name, i in others if row[i] is not None)
        return join_canonical(dataset, (row[part] or "") if part is not None else "", *named)

    return hash64_bytes(_quick_texts(dataset, part, others, tokens) or map(text, tokens))


def _quick_texts(
    dataset: str, part: int | None, others: list[tuple[str, int]], tokens: Sequence[Tokens]
) -> list[str] | None:
    """Decode texts at a tenth of the cost, for plain ASCII tokens, which nearly every dataset has;
    None for others.
    """
    every = list(zip(*tokens, strict=True))
    columns = (
        [every[i] for i in ([] if part is None else [part]) + [i for _, i in others]]
        if every
        else []
    )
    distinct = {token for column in columns for token in set(column)}
    if None in distinct or not all(
        token.isascii() and token.isprintable() and "\\" not in token for token in distinct if token
    ):
        return None
    head = join_canonical(dataset, "").replace("%", "%%")
    form = (head if part is None else head + "%s") + "".join(
        f"{SEPARATOR}{name}=%s" for name, _ in others
    )
    return [form % row for row in zip(*columns, strict=True)]
