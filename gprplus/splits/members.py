"""The rows of a split as one table: training rows arm by arm and deal by deal, then the test rows,
once."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gprplus import schema
from gprplus.core import sampling
from gprplus.core.files.workdir import atomic_write
from gprplus.core.parallel import map_threads
from gprplus.splits.candidates import AttributeCodes, CandidateTable
from gprplus.splits.designs import DrawnArm
from gprplus.splits.parts import ROLES, MemberRows
from gprplus.splits.test_sets.test_set import TestSet

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq


ROW_GROUP = 131_072


def iter_parts(
    pool: CandidateTable, arms: Mapping[str, DrawnArm], test_set: TestSet
) -> Iterator[MemberRows]:
    """The split piece by piece: each arm, deal by deal, then the test rows; in each by dataset,
    identity, path."""
    names = tuple(arms)
    for place, arm in enumerate(arms.values()):
        code = AttributeCodes("arm", np.array([place], np.int32), names)
        for deal, one in enumerate(arm.deals):
            rows = pool.in_order(one.rows)
            weights = None if one.weights is None else one.weights[np.searchsorted(one.rows, rows)]
            yield MemberRows(
                pool, rows, code, np.zeros(1, np.int32), weights, deal if arm.others else None
            )
    rows, role = _test_order(pool, test_set)
    yield MemberRows(pool, rows, AttributeCodes("arm", np.array([-1], np.int32), names), role)


def test_table(pool: CandidateTable, test_set: TestSet) -> "pa.Table":
    """The test rows by themselves (schema.MEMBERS with arm null)."""
    rows, role = _test_order(pool, test_set)
    return MemberRows(pool, rows, AttributeCodes("arm", np.array([-1], np.int32), ()), role).table()


def _test_order(pool: CandidateTable, test_set: TestSet) -> tuple[np.ndarray, np.ndarray]:
    """Test rows in order, and the code of each one's role."""
    rows = pool.in_order(test_set.rows)
    query = np.isin(rows, test_set.rows[test_set.query], kind="table")
    return rows, np.where(query, ROLES.index("query"), ROLES.index("gallery")).astype(np.int32)


def members_fingerprint(pieces: Iterable[MemberRows]) -> str:
    """The fingerprint of a split from its parts: who is in which arm and role, and what is known of
    each image."""
    return sampling.sha256_digest(*(piece.fingerprint for piece in pieces))


def write_members(path: Path, pieces: Iterable[MemberRows], accepted: Callable[[], None]) -> str:
    """Write the members atomically, and return their fingerprint.

    `accepted` is called when everything is written and before it is moved; if it raises, the
    previous files remain. A row group has one deal of one arm only, and is built in a thread while
    the previous one is written. Keys are practically random, so they are stored plain; paths are
    sorted, so each is stored as a difference to the last.
    """
    pieces = list(pieces)
    tables = ((piece, start) for piece in pieces for start in range(0, len(piece.rows), ROW_GROUP))
    with (
        ThreadPoolExecutor(1) as aside,
        atomic_write(path) as temporary,
        members_writer(temporary, pieces[0].pool) as writer,
    ):
        digest = aside.submit(members_fingerprint, pieces)
        # A second thread would only hold more tables in memory.
        for table in map_threads(lambda at: at[0].table(at[1], at[1] + ROW_GROUP), tables, 1):
            writer.write_table(table, row_group_size=ROW_GROUP)
        accepted()
    return digest.result()


def members_writer(path: Path, pool: CandidateTable) -> "pq.ParquetWriter":
    """Return a writer of members.parquet: keys are stored plain, paths as differences."""
    import pyarrow.parquet as pq

    layout = schema.arrow_schema(pool.member_columns)
    return pq.ParquetWriter(
        path,
        layout,
        compression="zstd",
        use_dictionary=[name for name in layout.names if name not in ("uid", "path")],
        column_encoding={"path": "DELTA_BYTE_ARRAY"},
        write_statistics=["arm", "role", "deal"],
    )
