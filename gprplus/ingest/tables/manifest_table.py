"""Tables of a manifest, read on demand."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gprplus.core.html import html_table

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

Where = Any  # text, a boolean Series or array, a table with a column uid, or a sequence of uids
SHOWN = 10  # rows that a notebook shows


@dataclass(frozen=True, repr=False)
class ManifestTable:
    """A table of a manifest. Nothing is read before `to_arrow` or `to_pandas`.

    Attributes:
        name: images, identities, rejected or scan.
        columns: The names of its columns (docs/tables.md describes them).
    """

    name: str
    columns: list[str]
    _rows: int
    _read: "Callable[[Sequence[str] | None], pa.Table]"
    _keep: "Callable[[Where], np.ndarray]"

    def to_arrow(self, columns: Sequence[str] | None = None, where: Where = None) -> "pa.Table":
        """Return the table, or some columns of some rows, as an Arrow table.

        Args:
            columns: Their names, in the order wanted; None for all.
            where: Text as --where takes it, such as "weather = sunny and not is_junk"; a boolean
                Series with one value a row; a table with a column uid; or uids. None for all rows.
        """
        table = self._read(columns)
        if where is None:
            return table
        import pyarrow as pa

        return table.filter(pa.array(self._keep(where)))

    def to_pandas(self, columns: Sequence[str] | None = None, where: Where = None) -> Any:
        """Return the same as a pandas DataFrame. Levels are categories; the index counts the rows
        of the whole table.

        A boolean Series made of it is a `where` again: `table.to_pandas(where=frame.weather ==
        "sunny")`.
        """
        frame = self._read(columns).to_pandas()
        return frame if where is None else frame[self._keep(where)]

    def __call__(self, columns: Sequence[str] | None = None) -> "pa.Table":
        """Return `to_arrow(columns)`."""
        return self._read(columns)

    def __len__(self) -> int:
        return self._rows

    def __repr__(self) -> str:
        names = ", ".join(self.columns)
        return (
            f"{self.name}: {self._rows:,} rows\n "
            f" {names if len(names) <= 200 else names[:200] + ' ...'}"
        )

    def _repr_html_(self) -> str:
        first = self._read(None).slice(0, SHOWN)
        rows = [list(row.values()) for row in first.to_pylist()]
        return html_table(
            self.columns, rows, f"{self.name}: {min(SHOWN, self._rows)} of {self._rows:,} rows"
        )
