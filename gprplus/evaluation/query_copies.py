"""Queries that are in the gallery byte for byte: where no camera hides the copy, such a query finds
itself."""

from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus.core.protocol import count_matches
from gprplus.evaluation.target_checks import CAMERA

if TYPE_CHECKING:
    import pyarrow as pa

    from gprplus.ingest import Manifest


def query_copies(
    rows: "pa.Table", manifest: "Manifest", persons: np.ndarray, junk: np.ndarray
) -> dict[str, int] | None:
    """Count, for each protocol that the rows of a target allow, the queries with a copy of their
    file in the ranking.

    `persons` (N,) are identities as text, None for distractors. None if the manifest has no digest
    of the files.
    """
    digests = _digests(manifest, rows.column("uid").to_numpy())
    if not (digests >= 0).any():
        return None
    query = np.array(rows.column("role").to_pylist()) == "query"
    person = _codes(persons)
    found = {}
    for protocol, column in CAMERA.items():
        if column is None:
            camera = np.full(len(rows), -1)
        elif rows.column(column).null_count == len(rows):
            continue
        else:
            camera = rows.column(column).fill_null(-1).to_numpy().astype(np.int64)
        found[protocol] = int((_visible(digests, person, camera, query, junk) > 0).sum())
    return found


def copy_warnings(
    name: str, counts: dict[str, int] | None, queries: int, protocol: str
) -> list[str]:
    """Sentences on the copies of one target under one protocol; `counts` is from `query_copies`."""
    if counts is None:
        if protocol != "no-camera":
            return []
        return [
            f"Whether queries of {name} are in its gallery byte for byte is unknown: build its"
            " manifest with --verify digest to find out."
        ]
    count = counts.get(protocol, 0)
    if not count:
        return []
    return [
        f"{count:,} of {queries:,} queries of {name} are also in the gallery byte for byte and find"
        " themselves: its scores are too high. Remove the copies, or name cameras in the layout."
    ]


def _visible(
    digest: np.ndarray, person: np.ndarray, camera: np.ndarray, query: np.ndarray, junk: np.ndarray
) -> np.ndarray:
    """Count the gallery rows with the digest of each query that remain in its ranking, `(Q,)
    int64`."""
    alike = count_matches(digest[query], digest[~query], gallery_junk=junk[~query])
    both = np.unique(np.stack([digest, person, camera], axis=1), axis=0, return_inverse=True)[
        1
    ].reshape(-1)
    hidden = count_matches(both[query], both[~query], gallery_junk=junk[~query])
    hides = (camera[query] >= 0) & (person[query] >= 0)
    return np.where(digest[query] < 0, 0, alike - np.where(hides, hidden, 0))


def _digests(manifest: "Manifest", uids: np.ndarray) -> np.ndarray:
    """The digests of some images as codes `(N,) int64`, equal ones alike; -1 where there is
    none."""
    table = manifest.images(["uid", "digest"])
    column = table.column("digest")
    if column.null_count == len(column):
        return np.full(len(uids), -1)
    known = table.column("uid").to_numpy()
    order = np.argsort(known)
    place = order[np.minimum(np.searchsorted(known[order], uids), len(known) - 1)]
    codes = _codes(np.array(column.to_pylist(), dtype=object)[place])
    return np.where(known[place] == uids, codes, -1)


def _codes(values: "np.ndarray[Any, Any]") -> np.ndarray:
    """Texts as codes `(N,) int64`; -1 for None."""
    codes = np.full(len(values), -1, dtype=np.int64)
    known = np.array([value is not None for value in values], dtype=bool)
    codes[known] = np.unique(values[known].astype(str), return_inverse=True)[1]
    return codes
