"""The rows of a split as one table: training rows arm by arm, then the test rows, once."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gprplus import keys, schema
from gprplus.declared import identity_attributes
from gprplus.parallel import in_threads
from gprplus.runs import replacing
from gprplus.splits.codes import Codes, Pool, arrow, decode
from gprplus.splits.designs import Arm
from gprplus.splits.sides import TestSide, first_of_runs

if TYPE_CHECKING:
    import pyarrow as pa

ROLES = ("train", "query", "gallery")
ROW_GROUP = 131_072


def parts(pool: Pool, arms: Mapping[str, Arm], side: TestSide) -> Iterator["Part"]:
    """The split piece by piece: each arm, then the test rows; in each by dataset, identity, path."""
    names = tuple(arms)
    for place, arm in enumerate(arms.values()):
        rows, code = pool.in_order(arm.rows), Codes("arm", np.array([place], np.int32), names)
        weights = None if arm.weights is None else arm.weights[np.searchsorted(arm.rows, rows)]
        yield Part(pool, rows, code, np.zeros(1, np.int32), weights)
    rows, role = _test_order(pool, side)
    yield Part(pool, rows, Codes("arm", np.array([-1], np.int32), names), role)


@dataclass(frozen=True)
class Part:
    """Rows of one arm, or the test rows: positions in the pool, the code of the arm, and the codes of the roles.

    Arm and role are `(1,)` where they are the same for all rows.
    """

    pool: Pool
    rows: np.ndarray
    arm: Codes
    role: np.ndarray
    weights: np.ndarray | None = None

    def table(self) -> "pa.Table":
        """The rows as schema.MEMBERS."""
        import pyarrow as pa

        pool, rows, count = self.pool, self.rows, len(self.rows)
        person = pool.person[rows]
        heads = np.flatnonzero(first_of_runs(person))  # a person's rows stand together: repeating beats looking up
        lengths = np.diff(np.append(heads, count))
        known: dict[str, Codes] = {
            "arm": Codes("arm", np.broadcast_to(self.arm.values, count), self.arm.levels),
            "role": Codes("role", np.broadcast_to(self.role, count), ROLES),
            **{name: codes.at(rows) for name, codes in pool.images.items()},
        }
        for name, codes in {**_names(pool), **pool.traits}.items():
            known[name] = Codes(name, np.repeat(codes.values[person[heads]], lengths), codes.levels)
        layout = schema.arrow_schema(schema.MEMBERS)
        columns = {name: decode(codes, layout.field(name).type) for name, codes in known.items()}
        columns["uid"] = arrow(pool.uid[rows], layout.field("uid").type)
        weight = layout.field("weight").type
        columns["weight"] = pa.nulls(count, weight) if self.weights is None else arrow(self.weights, weight)
        columns["path"] = pool.path.take(arrow(rows, pa.int64()))
        return pa.table([columns[field.name] for field in layout], schema=layout)


def test_table(pool: Pool, side: TestSide) -> "pa.Table":
    """The test rows by themselves (schema.MEMBERS with arm null)."""
    rows, role = _test_order(pool, side)
    return Part(pool, rows, Codes("arm", np.array([-1], np.int32), ()), role).table()


def _test_order(pool: Pool, side: TestSide) -> tuple[np.ndarray, np.ndarray]:
    """Test rows in order, and the code of each one's role."""
    rows = pool.in_order(side.rows)
    query = np.isin(rows, side.rows[side.query], kind="table")
    return rows, np.where(query, ROLES.index("query"), ROLES.index("gallery")).astype(np.int32)


def _names(pool: Pool) -> dict[str, Codes]:
    """Dataset and identity as codes of persons."""
    columns = zip(("dataset", "identity"), zip(*pool.persons, strict=True), strict=True)
    found = {}
    for name, values in columns:
        levels, codes = np.unique(values, return_inverse=True)
        found[name] = Codes(name, codes.astype(np.int32), tuple(levels.tolist()))
    return found


def fingerprint(tables: Iterable["pa.Table"]) -> str:
    """The fingerprint of a split from its parts: who is in which arm and role, and what is known of each image."""
    return keys.digest(*map(_fingerprint, tables))


def _fingerprint(table: "pa.Table") -> str:
    # The uid stands for the path, and a dataset may move; the manifest's own fingerprint covers what belongs to
    # persons.
    apart = {"path", *identity_attributes()}
    if table.column("weight").null_count == len(table):
        apart.add("weight")
    return keys.table_fingerprint(table, [name for name in table.column_names if name not in apart])


def write_members(path: Path, pieces: Iterable[Part], accepted: Callable[[], None]) -> str:
    """Write the members, whole or not at all, and return their fingerprint.

    `accepted` is asked when all is written and nothing is kept yet; what it raises leaves what was there before. Part
    after part is built and digested in a thread while the one before is written; a row group holds one arm only. Keys
    are as good as random, so they are stored plain; paths are sorted, so each is stored as what it adds to the last.
    """
    import pyarrow.parquet as pq

    def built(piece: Part) -> "tuple[pa.Table, str]":
        table = piece.table()
        return table, _fingerprint(table)

    layout = schema.arrow_schema(schema.MEMBERS)
    options = {
        "compression": "zstd",
        "use_dictionary": [name for name in layout.names if name not in ("uid", "path")],
        "column_encoding": {"path": "DELTA_BYTE_ARRAY"},
        "write_statistics": ["arm", "role"],
    }
    digests = []
    with replacing(path) as temporary, pq.ParquetWriter(temporary, layout, **options) as writer:
        for table, digest in in_threads(built, pieces, 1):  # more threads only hold more parts in memory
            writer.write_table(table, row_group_size=ROW_GROUP)
            digests.append(digest)
        accepted()
    return keys.digest(*digests)
