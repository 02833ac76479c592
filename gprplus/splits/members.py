"""The rows of a split as one table: training rows arm by arm, then the test rows, once."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gprplus import keys, schema
from gprplus.runs import replacing
from gprplus.splits.codes import Codes, Pool, decode
from gprplus.splits.designs import Arm
from gprplus.splits.sides import TestSide

if TYPE_CHECKING:
    import pyarrow as pa

ROLES = ("train", "query", "gallery")


def members_table(pool: Pool, arms: Mapping[str, Arm], side: TestSide) -> "pa.Table":
    """All rows of a split (schema.MEMBERS), by arm in order, test rows last; in each by dataset, identity, path."""
    rows = np.concatenate([*(arm.rows for arm in arms.values()), side.rows])
    sizes = [len(arm.rows) for arm in arms.values()]
    test = np.where(side.query, ROLES.index("query"), ROLES.index("gallery")).astype(np.int32)
    arm = np.repeat(np.arange(len(sizes) + 1, dtype=np.int32), [*sizes, len(side.rows)])
    arm[len(rows) - len(side.rows) :] = -1
    role = np.concatenate([np.zeros(sum(sizes), dtype=np.int32), test])
    return _table(pool, rows, Codes("arm", arm, tuple(arms)), Codes("role", role, ROLES))


def test_table(pool: Pool, side: TestSide) -> "pa.Table":
    """The test rows by themselves (schema.MEMBERS with arm null)."""
    role = np.where(side.query, ROLES.index("query"), ROLES.index("gallery")).astype(np.int32)
    return _table(pool, side.rows, Codes("arm", np.full(len(role), -1, dtype=np.int32), ()), Codes("role", role, ROLES))


def _table(pool: Pool, rows: np.ndarray, arm: Codes, role: Codes) -> "pa.Table":
    import pyarrow as pa

    layout = schema.arrow_schema(schema.MEMBERS)
    person = pool.person[rows]
    everyone = np.arange(len(rows))
    datasets = tuple(dict.fromkeys(dataset for dataset, _ in pool.persons))
    place = {dataset: i for i, dataset in enumerate(datasets)}
    identities = tuple(sorted({identity for _, identity in pool.persons}))
    number = {identity: i for i, identity in enumerate(identities)}
    of_person = {
        "dataset": Codes("dataset", np.array([place[dataset] for dataset, _ in pool.persons], np.int32), datasets),
        "identity": Codes("identity", np.array([number[name] for _, name in pool.persons], np.int32), identities),
        **pool.traits,
    }
    columns = []
    for field in layout:
        if field.name in ("arm", "role"):
            columns.append(decode(arm if field.name == "arm" else role, everyone, field.type))
        elif field.name == "uid":
            columns.append(pa.array(pool.uid[rows], field.type))
        elif field.name == "path":
            columns.append(pool.paths.column("path").combine_chunks().take(pa.array(rows)))
        elif field.name in of_person:
            columns.append(decode(of_person[field.name], person, field.type))
        else:
            columns.append(decode(pool.images[field.name], rows, field.type))
    return pa.table(columns, schema=layout)


def fingerprint(table: "pa.Table") -> str:
    """The fingerprint of the rows: every column but the path, which the uid stands for and a moved dataset may change."""
    return keys.table_fingerprint(table, [name for name in table.column_names if name != "path"])


def write_members(path: Path, table: "pa.Table", row_group_size: int = 131_072) -> None:
    """Write the members, whole or not at all.

    Keys are as good as random, so they are stored plain; paths are sorted, so each is stored as what it adds to the one before.
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
