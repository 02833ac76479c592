"""Declared arms whose images a table of uids names, such as those of `gprplus construct`.

A column `deal` gives each deal its own images. The tables are copied next to the record of the
split as one, whose request has the fingerprint of each: the same split can be made again where the
files are gone.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gprplus.core.errors import SplitError
from gprplus.core.files import workdir
from gprplus.core.files.folders import remove_output
from gprplus.core.hashing import sha256_digest
from gprplus.schema import stored
from gprplus.schema.column import Column
from gprplus.splits.request import SplitRequest
from gprplus.splits.selection.uid_files import read_dealt_uids
from gprplus.splits.uid_table import UidTable

if TYPE_CHECKING:
    import pyarrow as pa

TABLE = "arms.parquet"  # in the folder of a split
COLUMNS = (
    Column("arm", "string", "Name of the arm."),
    Column("deal", "int32", "Deal of the arm, from 0."),
    Column("uid", "uint64", "Key of an image of the arm."),
)
# By arm, the uids of each deal: `(n,) uint64`, ascending, each once.
ArmUids = Mapping[str, tuple[np.ndarray, ...]]


def find_arm_tables(request: SplitRequest) -> ArmUids:
    """Read the tables that the arms of a new request name. Raises SplitError for a file without a
    column uid, without rows, or with other deals than the split."""
    found = {
        arm.name: read_dealt_uids(Path(arm.table), f"The arm '{arm.name}'")
        for arm in request.arms
        if arm.table is not None
    }
    for arm in request.arms:
        if any(not len(uids) for uids in found.get(arm.name, ())):
            raise SplitError(f"The arm '{arm.name}': {arm.table} names no image.")
        count = len(found.get(arm.name, ()))
        if count > 1 and count != request.deals:
            raise SplitError(
                f"The arm '{arm.name}': {arm.table} has {count} deals, but the split"
                f" {request.deals}. Use --deals {count}, or a table without a column deal."
            )
    return found


def with_arm_tables(request: SplitRequest, found: ArmUids) -> SplitRequest:
    """Return the request with the fingerprint of each table instead of its path."""
    if not found:
        return request
    arms = [
        replace(arm, table=None, uids=_recorded(found[arm.name])) if arm.name in found else arm
        for arm in request.arms
    ]
    return replace(request, arms=tuple(arms))


def recorded_arm_tables(request: SplitRequest, folder: Path) -> ArmUids:
    """Return the tables of a recorded request, from the `folder` of its record. Raises SplitError
    where they are missing or hold other uids."""
    wanted = {arm.name: arm.uids for arm in request.arms if arm.uids is not None}
    if not wanted:
        return {}
    path = folder / TABLE
    if not path.is_file():
        raise SplitError(
            f"The split in {folder} has arms that tables of uids name. Copy {TABLE} next to its"
            " split.json."
        )
    table = stored.read_table(path, COLUMNS, SplitError, "Copy it again.")
    found = {name: _deals_of(table, name) for name in wanted}
    for name, one in wanted.items():
        if _recorded(found[name]) != one:
            raise SplitError(
                f"{path} does not hold the {one.images:,} uids of the arm '{name}' that split.json"
                " records."
            )
    return found


def _deals_of(table: "pa.Table", name: str) -> tuple[np.ndarray, ...]:
    """The uids of an arm in each deal, ascending."""
    import pyarrow.compute as pc

    mine = table.filter(pc.field("arm") == name)
    uids, deals = mine.column("uid").to_numpy(), mine.column("deal").to_numpy()
    return tuple(np.sort(uids[deals == deal]) for deal in range(deals.max(initial=0) + 1))


def write_arm_tables(folder: Path, found: ArmUids) -> None:
    """Write the uids of all such arms into the folder of a split; remove those of an earlier split
    where there are none."""
    if not found:
        if (folder / TABLE).is_file():
            remove_output(folder / TABLE)
        return
    import pyarrow as pa

    parts = [(name, deal, uids) for name, deals in found.items() for deal, uids in enumerate(deals)]
    place = np.repeat(np.arange(len(parts)), [len(uids) for *_, uids in parts])
    table = {
        "arm": pa.array([name for name, *_ in parts]).take(pa.array(place)),
        "deal": np.array([deal for _, deal, _ in parts], np.int32)[place],
        "uid": np.concatenate([uids for *_, uids in parts]),
    }
    workdir.write_table(folder / TABLE, pa.table(table))


def _recorded(deals: tuple[np.ndarray, ...]) -> UidTable:
    digest = sha256_digest(*(uids.astype("<u8").tobytes() for uids in deals))
    return UidTable(digest, sum(map(len, deals)))
