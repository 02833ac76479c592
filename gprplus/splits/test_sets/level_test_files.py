"""tests.parquet: the rows of the tests of single levels and of pairs of levels."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gprplus import schema
from gprplus.core.errors import SplitError
from gprplus.core.files import workdir
from gprplus.core.files.folders import remove_output
from gprplus.splits.designs import DesignInput
from gprplus.splits.test_sets.test_groups import REMOVED_MATCH, CrossLevelTests, TestGroup

if TYPE_CHECKING:
    import pyarrow as pa


TESTS = "tests.parquet"


def write_tests(path: Path, train: DesignInput, made: CrossLevelTests) -> None:
    """Write tests.parquet (schema.TESTS), one row for each row of each group; without tests there
    is no such file."""
    if not made.groups:
        remove_output(path)
        return
    workdir.write_table(path, groups_table(train.pool.uid, made.groups))


def groups_table(uid: np.ndarray, groups: Mapping[str, TestGroup]) -> "pa.Table":
    """Return one row for each row of each group (schema.TESTS); `uid` (N,) are those of the
    pool."""
    import pyarrow as pa

    tables = [schema.arrow_schema(schema.TESTS).empty_table()]
    for name, group in groups.items():
        count = len(group.rows)
        of = pa.nulls(count, pa.uint64()) if group.of is None else pa.array(uid[group.of])
        columns = {
            "group": pa.array([name] * count, pa.string()),
            "role": pa.array([group.role] * count, pa.string()),
        }
        tables.append(
            schema.conform(
                pa.table({**columns, "uid": pa.array(uid[group.rows]), "of": of}), schema.TESTS
            )
        )
    return pa.concat_tables(tables).unify_dictionaries()


def read_groups(path: Path, names: Sequence[str]) -> "dict[str, pa.Table]":
    """The groups of tests.parquet by name. Raises SplitError where the file or a group is
    missing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    table = schema.stored.read_table(
        path, schema.TESTS, SplitError, "Make the split again with --force."
    )
    group = table.column("group").cast(pa.string())
    found = {name: table.filter(pc.equal(group, name)) for name in names}
    absent = [name for name, rows in found.items() if not len(rows)]
    if absent and not all(name.startswith(REMOVED_MATCH) for name in absent):
        raise SplitError(
            f"{path} lacks the rows of '{absent[0]}'. Make the split again with --force."
        )
    return found
