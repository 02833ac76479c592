"""Reviewed images of a manifest: two tables of uids in its folder, which a new build keeps.

`excluded.parquet` holds what no split should use (`make-split --exclude`, `--where "not
excluded"`), `accepted.parquet` what was looked at and kept. No image is in both.
"""

import getpass
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from gprplus.core.errors import ManifestError
from gprplus.core.files.folders import hold_folder, remove_output
from gprplus.core.files.workdir import write_table
from gprplus.schema import arrow_schema, stored
from gprplus.schema.review import REVIEWED

if TYPE_CHECKING:
    import pyarrow as pa

State = Literal["open", "accepted", "excluded"]
FILES: dict[State, str] = {"accepted": "accepted.parquet", "excluded": "excluded.parquet"}
_REMEDY = "Remove the file, or restore it from a copy."


@dataclass(frozen=True)
class Review:
    """The reviewed images of a manifest (schema.review.REVIEWED)."""

    accepted: "pa.Table"
    excluded: "pa.Table"

    @property
    def excluded_uids(self) -> np.ndarray:
        """Return the uids of excluded images, `(n,) uint64`."""
        uids: np.ndarray = self.excluded.column("uid").to_numpy()
        return uids

    @property
    def accepted_uids(self) -> np.ndarray:
        """Return the uids of accepted images, `(n,) uint64`."""
        uids: np.ndarray = self.accepted.column("uid").to_numpy()
        return uids


def read_review(folder: Path) -> Review:
    """Return the reviewed images of the manifest in `folder`; none without files."""
    return Review(*(_read(folder / FILES[state]) for state in ("accepted", "excluded")))


def set_review(
    folder: Path, uids: Iterable[int], state: State, reason: str = ""
) -> dict[State, "pa.Table"]:
    """Set images of the manifest in `folder` to a state, and return the earlier rows of those
    reviewed before, by state.

    Both tables are replaced atomically, one writer at a time; a later decision replaces an earlier
    one.
    """
    import pyarrow as pa

    wanted = np.unique(np.fromiter((int(uid) for uid in uids), dtype=np.uint64))
    now = datetime.now(UTC).isoformat(timespec="seconds")
    new = pa.table(
        [
            pa.array(wanted),
            *(pa.array([text] * len(wanted), pa.string()) for text in (reason, _author(), now)),
        ],
        schema=arrow_schema(REVIEWED),
    )
    return _replaced(folder, wanted, {state: new} if state in FILES else {})


def restore_review(folder: Path, uids: Iterable[int], earlier: dict[State, "pa.Table"]) -> None:
    """Set images back to the rows that `set_review` returned."""
    _replaced(folder, np.fromiter((int(uid) for uid in uids), dtype=np.uint64), earlier)


def _replaced(
    folder: Path, uids: np.ndarray, new: dict[State, "pa.Table"]
) -> dict[State, "pa.Table"]:
    import pyarrow as pa

    earlier: dict[State, pa.Table] = {}
    with hold_folder(folder, "a manifest", ManifestError, adopt=True, wait=True) as real:
        for state, name in FILES.items():
            table = _read(real / name)
            mine = np.isin(table.column("uid").to_numpy(), uids)
            earlier[state] = table.filter(pa.array(mine))
            rest = [table.filter(pa.array(~mine)), *([new[state]] if state in new else [])]
            joined = pa.concat_tables(rest).sort_by("uid")
            if len(joined):
                write_table(real / name, joined)
            else:
                remove_output(real / name)
    return earlier


def _read(path: Path) -> "pa.Table":
    if not path.is_file():
        return arrow_schema(REVIEWED).empty_table()
    return stored.read_table(path, REVIEWED, ManifestError, _REMEDY)


def _author() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user number without a name, as in some containers
        return "unknown"
