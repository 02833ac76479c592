"""The rows of a split as one table: training rows arm by arm, then the test rows, once."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gprplus import keys, schema
from gprplus.declared import identity_attributes
from gprplus.parallel import in_threads
from gprplus.runs import replacing
from gprplus.splits.codes import Codes, Pool, decode
from gprplus.splits.designs import Arm
from gprplus.splits.sides import TestSide, first_of_runs

if TYPE_CHECKING:
    import pyarrow as pa

ROLES = ("train", "query", "gallery")


def members_table(pool: Pool, arms: Mapping[str, Arm], side: TestSide) -> "pa.Table":
    """All rows of a split (schema.MEMBERS), by arm in order, test rows last; in each by dataset, identity, path."""
    train = [pool.in_order(arm.rows) for arm in arms.values()]
    test, role = _test_order(pool, side)
    sizes = [len(rows) for rows in train]
    arm = np.repeat(np.arange(len(sizes) + 1, dtype=np.int32), [*sizes, len(test)])
    arm[sum(sizes) :] = -1
    roles = np.concatenate([np.zeros(sum(sizes), dtype=np.int32), role])
    return _table(pool, np.concatenate([*train, test]), Codes("arm", arm, tuple(arms)), Codes("role", roles, ROLES))


def test_table(pool: Pool, side: TestSide) -> "pa.Table":
    """The test rows by themselves (schema.MEMBERS with arm null)."""
    rows, role = _test_order(pool, side)
    return _table(pool, rows, Codes("arm", np.full(len(rows), -1, dtype=np.int32), ()), Codes("role", role, ROLES))


def _test_order(pool: Pool, side: TestSide) -> tuple[np.ndarray, np.ndarray]:
    """Test rows in order, and the code of each one's role."""
    rows = pool.in_order(side.rows)
    query = np.isin(rows, side.rows[side.query], kind="table")
    return rows, np.where(query, ROLES.index("query"), ROLES.index("gallery")).astype(np.int32)


def _table(pool: Pool, rows: np.ndarray, arm: Codes, role: Codes) -> "pa.Table":
    import pyarrow as pa

    layout = schema.arrow_schema(schema.MEMBERS)
    of_person = {**pool.traits, **_names(pool.persons)}
    person = pool.person[rows]
    heads = np.flatnonzero(first_of_runs(person))  # rows of a person stand together: repeating beats looking up
    lengths = np.diff(np.append(heads, len(rows)))

    def column(field: "pa.Field") -> "pa.Array":
        name = field.name
        if name == "uid":
            return pa.array(pool.uid[rows], field.type)
        if name == "path":
            return pool.paths.column(name).combine_chunks().take(pa.array(rows))
        if name in of_person:
            codes = of_person[name]
            return decode(Codes(name, np.repeat(codes.values[person[heads]], lengths), codes.levels), field.type)
        return decode({"arm": arm, "role": role}.get(name) or pool.images[name].at(rows), field.type)

    return pa.table(list(in_threads(column, layout)), schema=layout)


def _names(persons: Sequence[tuple[str, str]]) -> dict[str, Codes]:
    """Dataset and identity as codes of persons."""
    columns = zip(("dataset", "identity"), zip(*persons, strict=True), strict=True)
    found = {}
    for name, values in columns:
        levels, codes = np.unique(values, return_inverse=True)
        found[name] = Codes(name, codes.astype(np.int32), tuple(levels.tolist()))
    return found


def fingerprint(table: "pa.Table") -> str:
    """The fingerprint of the rows: who is in which arm and role, and what is known of each image.

    The path is left out, since the uid stands for it and a dataset may move; so is what belongs to the person, which
    the manifest's own fingerprint covers.
    """
    apart = {"path", *identity_attributes()}
    return keys.table_fingerprint(table, [name for name in table.column_names if name not in apart])


def write_members(path: Path, table: "pa.Table", row_group_size: int = 131_072) -> None:
    """Write the members, whole or not at all.

    Keys are as good as random, so they are stored plain; paths are sorted, so each is stored as what it adds to the one
    before.
    """
    import pyarrow.parquet as pq

    plain = ("uid", "path")
    coded: Sequence[str] = [name for name in table.column_names if name not in plain]
    with replacing(path) as temporary:
        pq.write_table(
            table,
            temporary,
            compression="zstd",
            row_group_size=row_group_size,
            use_dictionary=list(coded),
            column_encoding={"path": "DELTA_BYTE_ARRAY"},
            write_statistics=["arm", "role"],
        )
