"""Training set of a split, in one deal."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gprplus.core.files.paths import AnyPath, as_named_paths
from gprplus.core.html import html_facts

if TYPE_CHECKING:
    import pyarrow as pa

    from gprplus.baseline.reid_dataset import ReidDataset


@dataclass(frozen=True, repr=False)
class Arm:
    """Training set of a split, in one deal.

    Attributes:
        name: Its name in the split, such as "only-foggy".
        kind: Kind of arm: only, without, mix, random, full and so on.
        levels: Its levels of the split's attribute; none if it has all.
        deal: Number of its deal; training seed k trains on deal k modulo `Split.deals`.
        rows: Its images, schema.MEMBERS.
        roots: The folder of each dataset's images.
    """

    name: str
    kind: str
    levels: tuple[Any, ...]
    deal: int
    rows: "pa.Table"
    roots: Mapping[str, Path]

    @property
    def images(self) -> int:
        """Number of its images."""
        return len(self.rows)

    @property
    def identities(self) -> int:
        """Number of its identities."""
        return len(self.rows.group_by(["dataset", "identity"]).aggregate([]))

    def to_arrow(self) -> "pa.Table":
        """Return its rows as an Arrow table (schema.MEMBERS)."""
        return self.rows

    def to_pandas(self) -> Any:
        """Return its rows as a pandas DataFrame; attributes are categories."""
        return self.rows.to_pandas()

    def dataset(
        self,
        transform: Callable[[Any], Any] | None = None,
        *,
        roots: Mapping[str, AnyPath] | None = None,
    ) -> "ReidDataset":
        """Return its images as a torch Dataset of (image, pid, camid).

        Args:
            transform: Gets a PIL image in RGB. Without one an image is a `(3, H, W) uint8` tensor.
            roots: The folders of datasets whose images have moved, by name.
        """
        from gprplus.baseline.reid_dataset import ReidDataset

        return ReidDataset(self.rows, {**self.roots, **as_named_paths(roots)}, transform)

    def __repr__(self) -> str:
        deal = f", deal {self.deal}" if self.deal else ""
        return f"Arm {self.name}: {self.images:,} images, {self.identities:,} identities{deal}"

    def _repr_html_(self) -> str:
        return html_facts(
            self.name,
            {"kind": self.kind, "levels": ", ".join(map(str, self.levels)), "deal": self.deal}
            | {"images": self.images, "identities": self.identities},
        )
