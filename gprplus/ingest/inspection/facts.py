"""What `inspect` finds in the images of a manifest."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gprplus.ingest.inspection.cells import DesignCells, FactorAlias
from gprplus.ingest.inspection.problems import IdentityImages


@dataclass(frozen=True)
class NumberRange:
    """Smallest, mean and largest value of a number, and how many images or identities have one."""

    smallest: float
    mean: float
    largest: float
    known: int

    @property
    def sentence(self) -> str:
        """Return the range in a few words."""
        return f"{self.smallest:g} to {self.largest:g}, mean {self.mean:g} ({self.known:,})"


@dataclass(frozen=True)
class DatasetFacts:
    """The crossed design of a dataset, its aliases where it declares a crossing, and its
    identities."""

    cells: list[DesignCells]
    aliases: list[FactorAlias]
    identities: IdentityImages


@dataclass(frozen=True)
class ManifestFacts:
    """The datasets; images of each level without junk (`margins`) and of junk; ranges of
    numbers."""

    datasets: Mapping[str, DatasetFacts]
    margins: Mapping[str, dict[Any, int]]
    junk: Mapping[str, dict[Any, int]]
    numbers: Mapping[str, NumberRange]
