"""The test set: its identities, and which of their images are queries; the rest is the gallery.

It depends on the manifest, on --where and on --test-share alone, never on the attribute, the levels
or the seed, so that all splits of one manifest are scored on the same queries and the same gallery.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gprplus.core import sampling
from gprplus.core.errors import SplitError
from gprplus.core.protocol import why_unanswerable
from gprplus.schema.records import Protocol
from gprplus.splits.candidates import AttributeCodes, CandidateTable

CAMERA_COLUMN: dict[Protocol, str] = {
    "camera": "camera",
    "viewpoint": "viewpoint_deg",
}  # the column that names it


@dataclass(frozen=True)
class TestSet:
    """Positions of the test rows in the pool, which of them are queries, and their protocol.

    `excluded` are rows that would have been queries but have no true match in the gallery; they
    remain in the gallery. `reasons` are their indices in protocol.UNANSWERABLE_REASONS.
    """

    __test__ = False  # not a test case, whatever pytest thinks of the name

    rows: np.ndarray
    query: np.ndarray
    protocol: Protocol
    excluded: np.ndarray
    reasons: np.ndarray


def is_test_identity(person_keys: np.ndarray, share: float) -> np.ndarray:
    """Return `(I,) bool`: the identities with a priority below the share.

    A threshold, so that no identity moves between train set and test set as data is added.
    """
    return sampling.to_unit_interval(sampling.priorities(person_keys, 0, "side")) < share


def camera_codes(pool: CandidateTable) -> tuple[Protocol, np.ndarray]:
    """The protocol, and the codes `(N,) int32` of its camera: those of the protocol of the pool, or
    of the first column with values among camera and viewpoint; -1 without a camera.

    Raises SplitError if the pool has no values of what its protocol needs.
    """
    for protocol, column in CAMERA_COLUMN.items():
        if pool.protocol in (None, protocol) and pool.images[column].levels:
            return protocol, pool.images[column].values
    if pool.protocol in CAMERA_COLUMN:
        column = CAMERA_COLUMN[pool.protocol]
        raise SplitError(
            f"The protocol {pool.protocol} needs {column}, which no image has a value of. Use"
            " --protocol no-camera."
        )
    return "no-camera", np.full(len(pool), -1, dtype=np.int32)


def choose_test_set(pool: CandidateTable, rows: np.ndarray) -> TestSet:
    """Choose queries among `rows` (n,): one for each identity and camera, balanced over other
    levels; the rest is gallery.

    If all images of an identity would be queries, there would be no true match, so every second one
    of them goes to the gallery.
    """
    protocol, camera = camera_codes(pool)
    person, camera = pool.identity[rows], camera[rows]
    priority = sampling.priorities(pool.uid[rows], 0, "query")
    others = [codes.at(rows) for codes in pool.images.values() if len(codes.levels) > 1]
    chosen = keep_some_in_gallery(
        choose_queries(person, camera, others, priority), person, priority
    )
    query = np.zeros(len(rows), dtype=bool)
    query[chosen] = True
    reasons = why_unanswerable(person[query], person[~query], camera[query], camera[~query])
    lost = chosen[reasons > 0]
    query[lost] = False
    return TestSet(rows, query, protocol, rows[lost], reasons[reasons > 0])


def choose_queries(
    person: np.ndarray, camera: np.ndarray, others: Sequence[AttributeCodes], priority: np.ndarray
) -> np.ndarray:
    """Return positions, sorted, of one row for each (identity, camera), spread over the levels of
    `others`.

    Camera by camera, each identity takes the row whose levels it has used least so far; the
    priority breaks ties. If every combination exists, the counts of an identity's levels differ by
    at most one, for every attribute at once. The choice of one identity does not depend on
    another's.
    """
    used = [
        np.zeros((int(person.max(initial=-1)) + 1, len(codes.levels) + 1), dtype=np.int32)
        for codes in others
    ]
    order = np.argsort(camera, kind="stable")
    starts = np.flatnonzero(np.diff(camera[order])) + 1
    chosen = []
    grouped = bool((person[1:] >= person[:-1]).all())
    for rows in np.split(order, starts):
        if not grouped:
            rows = rows[np.argsort(person[rows], kind="stable")]
        who = person[rows]
        score = np.zeros(len(rows), dtype=np.int32)
        for seen, codes in zip(used, others, strict=True):
            score += seen[who, codes.values[rows]]
        best = rows[_least(who, score, priority[rows])]
        for seen, codes in zip(used, others, strict=True):
            seen[person[best], codes.values[best]] += 1
        chosen.append(best)
    return np.sort(np.concatenate(chosen)) if chosen else order


def _least(group: np.ndarray, score: np.ndarray, priority: np.ndarray) -> np.ndarray:
    """Return for each run of equal `group` (n,) the position of its smallest score; ties by
    priority, then order."""
    places = np.arange(len(group))
    for values in (score, priority, places):
        starts = np.flatnonzero(run_starts(group[places]))
        lengths = np.diff(np.append(starts, len(places)))
        mine = values[places]
        places = places[mine == np.repeat(np.minimum.reduceat(mine, starts), lengths)]
    return places


def run_starts(values: np.ndarray) -> np.ndarray:
    """`(N,) bool`: where a run of equal values begins.

    >>> run_starts(np.array([3, 3, 5])).tolist()
    [True, False, True]
    """
    first = np.ones(len(values), dtype=bool)
    first[1:] = values[1:] != values[:-1]
    return first


def keep_some_in_gallery(
    chosen: np.ndarray, person: np.ndarray, priority: np.ndarray
) -> np.ndarray:
    """Remove every second row of `chosen` of the identities whose rows were all chosen: a true
    match must remain."""
    owned, searching = (
        np.bincount(person),
        np.bincount(person[chosen], minlength=int(person.max(initial=-1)) + 1),
    )
    bare = (owned == searching) & (searching > 1)
    if not bare.any():
        return chosen
    order = chosen[np.lexsort((priority[chosen], person[chosen]))]
    rank = rank_in_runs(person[order])
    stays = ~bare[person[order]] | (rank < searching[person[order]] // 2)
    return np.sort(order[stays])


def rank_in_runs(values: np.ndarray) -> np.ndarray:
    """The place of each element in its run of equal values, `(N,) int64`.

    >>> rank_in_runs(np.array([3, 3, 5, 5, 5])).tolist()
    [0, 1, 0, 1, 2]
    """
    starts = np.flatnonzero(run_starts(values))
    lengths = np.diff(np.append(starts, len(values)))
    return np.arange(len(values)) - np.repeat(starts, lengths)
