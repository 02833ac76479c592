"""Rows of a file found by the names that the file gives them: uids in several spellings, paths with
folders before."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gprplus.core.errors import ScoreError, escape, first_few
from gprplus.evaluation.feature_files import FeatureNames

if TYPE_CHECKING:
    import pyarrow as pa

_DECIMAL = re.compile(r"-?[0-9]{1,20}")
_HEX = re.compile(r"[0-9a-fA-F]{16}")


def match_row_names(
    rows: "pa.Table", names: FeatureNames, source: Path | str, whose: str, advice: str
) -> np.ndarray:
    """`(N,) int64`: the row of the file that each of `rows` (uid, path) is found at.

    The spelling that finds most rows counts for all: decimal uid, hexadecimal uid (the keys of an
    exported WebDataset), path, path with folders before it (absolute, or of Windows). Raises
    ScoreError for a row that is missing or found twice.
    """
    doubles = len(names.texts) - len(set(names.texts))
    if doubles:
        raise ScoreError(f"{source} names {doubles:,} rows twice.")
    uids, paths = rows.column("uid").to_pylist(), rows.column("path").to_pylist()
    spellings: tuple[
        tuple[Sequence[object], Callable[[Sequence[str]], Iterable[tuple[int, object]]]], ...
    ] = (
        (uids, _decimal),
        (uids, _hexadecimal),
        (paths, enumerate),
        (paths, lambda texts: _tails(texts, paths)),
    )
    best = _Spelling(paths, {}, {})
    for wanted, spelled in spellings:
        found = _Spelling.of(wanted, spelled(names.texts))
        best = found if len(found.place) > len(best.place) else best
        if len(best.place) == len(set(best.relevance)):
            break
    best.require_once(names, source)
    absent = [name for name in best.relevance if name not in best.place]
    if absent:
        sample = escape(names.texts[0][:200]) if names.texts else "nothing"
        raise ScoreError(
            f"{source} lacks the features of {len(absent):,} of {whose} {len(rows):,} images"
            f" ({first_few(absent)}); it names {sample} ({names.where}). {advice}, and name each by"
            " uid or path."
        )
    return np.array([best.place[name] for name in best.relevance], dtype=np.int64)


@dataclass(frozen=True)
class _Spelling:
    """Match the names of the file with the `relevance` names under one reading: the row of each,
    and a second row if any.
    """

    relevance: Sequence[object]
    place: dict[object, int]
    twice: dict[object, int]

    @classmethod
    def of(cls, wanted: Sequence[object], spelled: Iterable[tuple[int, object]]) -> "_Spelling":
        sought, found = set(wanted), cls(wanted, {}, {})
        for i, name in spelled:
            if name in sought and found.place.setdefault(name, i) != i:
                found.twice[name] = i
        return found

    def require_once(self, names: FeatureNames, source: Path | str) -> None:
        """Raise ScoreError where two rows of the file are one image, or one name is two images."""
        if self.twice:
            name, other = next(iter(self.twice.items()))
            both = first_few([names.texts[self.place[name]], names.texts[other]])
            raise ScoreError(
                f"{source} names {len(self.twice):,} rows twice: {both} are both"
                f" {escape(str(name))}."
            )
        if self.place and len(set(self.relevance)) < len(self.relevance):
            raise ScoreError(
                f"{source} names rows by path, and images of several datasets have the same path:"
                " name them by uid."
            )


def _decimal(texts: Sequence[str]) -> Iterable[tuple[int, object]]:
    return ((i, int(text) % 2**64) for i, text in enumerate(texts) if _DECIMAL.fullmatch(text))


def _hexadecimal(texts: Sequence[str]) -> Iterable[tuple[int, object]]:
    return ((i, int(text, 16)) for i, text in enumerate(texts) if _HEX.fullmatch(text))


def _tails(texts: Sequence[str], paths: Sequence[str]) -> Iterable[tuple[int, object]]:
    """The last parts of each name, of as many parts as paths have, with slashes for backslashes."""
    depths = sorted({path.count("/") + 1 for path in paths})
    for i, text in enumerate(texts):
        parts = text.replace("\\", "/").split("/")
        for depth in depths:
            if depth <= len(parts):
                yield i, "/".join(parts[-depth:])
