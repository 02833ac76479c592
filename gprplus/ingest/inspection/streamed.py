"""Facts of a large manifest, counted a row group at a time.

Memory is for the identities, and for the combinations of the crossed factors of a few of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

from gprplus.core.declarations import sort_levels
from gprplus.core.parallel import map_threads
from gprplus.ingest.inspection.cells import DesignCells, find_aliases
from gprplus.ingest.inspection.crossed_cells import CrossedCells, CrossedFactors
from gprplus.ingest.inspection.facts import DatasetFacts, ManifestFacts, NumberRange
from gprplus.ingest.inspection.problems import IdentityImages
from gprplus.ingest.inspection.relations import Relations, RowGroupRelations
from gprplus.ingest.tables.coded import CodedColumn, coded_column
from gprplus.ingest.tables.manifest import Manifest
from gprplus.ingest.tables.parquet_table import ParquetTable
from gprplus.ingest.tables.select import filter_dataset

if TYPE_CHECKING:
    import pyarrow as pa

FLAGS = ("is_junk", "is_distractor")


def streamed_facts(manifest: Manifest) -> ManifestFacts | None:
    """Return the facts of all images; None where the rows of an identity are not together, or the
    crossed factors of one have too many combinations."""
    reader = _Reader(manifest)
    counts = _Counts(manifest)
    for group in map_threads(reader.counts, range(reader.groups)):
        if not counts.add(group):
            return None
    crossed = counts.crossed()
    if any(not one.fits for one in crossed.values()):
        return None
    cells = {name: CrossedCells(one) for name, one in crossed.items()}
    if cells:
        for parts in map_threads(lambda group: reader.cells(group, crossed), range(reader.groups)):
            for name, part in parts.items():
                cells[name].add(*part)
    return counts.facts({name: one.design(name) for name, one in cells.items()})


@dataclass(frozen=True)
class _Rows:
    """The rows of a dataset in a row group: their codes, and which count."""

    codes: dict[str, CodedColumn]
    counted: np.ndarray
    sound: np.ndarray


@dataclass(frozen=True)
class _Group:
    """What a row group adds: for each dataset its levels, its identities with their images, and its
    relations; for each attribute the images of each level; for each number its range."""

    levels: dict[str, dict[str, list[Any]]]
    identities: dict[str, list[tuple[str, int]]]
    relations: dict[str, RowGroupRelations]
    margins: dict[str, dict[Any, int]]
    junk: dict[str, dict[Any, int]]
    numbers: dict[str, tuple[float, float, float, int]]


class _Reader:
    """Reads row groups. Thread-safe."""

    def __init__(self, manifest: Manifest) -> None:
        known = manifest.attributes
        self.manifest = manifest
        self.source = ParquetTable(manifest.path / "images.parquet")
        self.groups = len(self.source.sizes)
        self.levelled = [name for name in manifest.image_attributes if known[name].type != "number"]
        self.numbers = [name for name in manifest.image_attributes if known[name].type == "number"]

    def counts(self, group: int) -> _Group:
        """Count a row group."""
        table = self._read(group, [*self.levelled, *self.numbers])
        found = _Group({}, {}, {}, {}, {}, {})
        for name, about in self.manifest.datasets.items():
            rows = self._rows(filter_dataset(table, name), self.levelled)
            if not len(rows.counted):
                continue
            found.levels[name] = {key: part.levels for key, part in rows.codes.items()}
            images = IdentityImages.of(rows.codes["identity"], rows.counted)
            found.identities[name] = list(zip(images.levels, images.images.tolist(), strict=True))
            if about.factors:
                found.relations[name] = RowGroupRelations.of(
                    rows.codes, rows.counted, about.functions
                )
            for key in self.levelled:
                _count(found.margins, key, rows.codes[key], rows.sound)
                _count(found.junk, key, rows.codes[key], ~rows.sound)
        sound = table.filter(pc.invert(table["is_junk"]))
        for key in self.numbers:
            if sound[key].null_count < len(sound):
                ends = pc.min_max(sound[key]).as_py()
                known = len(sound) - sound[key].null_count
                total = pc.sum(sound[key]).as_py()
                found.numbers[key] = ends["min"], ends["max"], total, known
        return found

    def cells(
        self, group: int, crossed: Mapping[str, CrossedFactors]
    ) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Return the identities and the combinations of the other factors of the rows that count,
        for each dataset with a crossed design."""
        wanted = {name for one in crossed.values() for name in one.levels if name != "identity"}
        table = self._read(group, sorted(wanted))
        found = {}
        for name, factors in crossed.items():
            chosen = filter_dataset(table, name)
            if len(chosen):
                rows = self._rows(chosen, [key for key in factors.levels if key != "identity"])
                found[name] = factors.packed(rows.codes, rows.counted)
        return found

    def _read(self, group: int, names: list[str]) -> "pa.Table":
        table = self.source.read(group, ["dataset", "identity", *FLAGS, *names])
        for flag in FLAGS:  # an unknown flag is no flag
            place = table.column_names.index(flag)
            table = table.set_column(place, flag, table[flag].fill_null(False))
        return table

    def _rows(self, table: "pa.Table", names: list[str]) -> _Rows:
        own = self.manifest.own_attributes
        junk, distractor = (np.asarray(table[flag]) for flag in FLAGS)
        codes = {name: coded_column(table, name, own) for name in ("identity", *names)}
        return _Rows(codes, ~junk & ~distractor, ~junk)


def _count(
    found: dict[str, dict[Any, int]], name: str, column: CodedColumn, rows: np.ndarray
) -> None:
    codes = column.codes[rows]
    images = np.bincount(codes[codes >= 0], minlength=len(column.levels)).tolist()
    held = found.setdefault(name, {})
    for level, count in zip(column.levels, images, strict=True):
        if count:
            held[level] = held.get(level, 0) + count


@dataclass
class _Dataset:
    """What is known of a dataset so far."""

    levels: dict[str, set[Any]] = field(default_factory=dict)
    images: dict[str, int] = field(default_factory=dict)
    relations: Relations = field(default_factory=Relations)
    last: str | None = None


class _Counts:
    """What the row groups add up to."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._datasets = {name: _Dataset() for name in manifest.datasets}
        self._margins: dict[str, dict[Any, int]] = {}
        self._junk: dict[str, dict[Any, int]] = {}
        self._numbers: dict[str, tuple[float, float, float, int]] = {}

    def add(self, group: _Group) -> bool:
        """Add a row group; False where its identities do not follow those before them."""
        for name, levels in group.levels.items():
            dataset = self._datasets[name]
            for key, found in levels.items():
                if key != "identity":
                    dataset.levels.setdefault(key, set()).update(found)
            if not _add_identities(dataset, group.identities[name]):
                return False
            if name in group.relations:
                dataset.relations.add(group.relations[name])
        _add_counts(self._margins, group.margins)
        _add_counts(self._junk, group.junk)
        for key, (low, high, total, known) in group.numbers.items():
            before = self._numbers.get(key, (low, high, 0.0, 0))
            self._numbers[key] = (
                min(low, before[0]),
                max(high, before[1]),
                before[2] + total,
                before[3] + known,
            )
        return True

    def crossed(self) -> dict[str, CrossedFactors]:
        """Return the crossed factors of each dataset that has two or more."""
        found = {}
        for name, about in self._manifest.datasets.items():
            levels = {factor: self._levels(name, factor) for factor in about.factors}
            levels = {factor: known for factor, known in levels.items() if known}
            if len(levels) > 1:
                found[name] = CrossedFactors(levels)
        return found

    def facts(self, cells: Mapping[str, list[DesignCells]]) -> ManifestFacts:
        """Return what was found, with the crossed design of each dataset."""
        own = self._manifest.own_attributes
        names = [
            name
            for name in self._manifest.image_attributes
            if self._manifest.attributes[name].type != "number"
        ]

        def ordered(counts: Mapping[str, dict[Any, int]], name: str) -> dict[Any, int]:
            held = counts.get(name, {})
            return {level: held[level] for level in sort_levels(name, list(held), own)}

        return ManifestFacts(
            {name: self._dataset(name, cells.get(name, [])) for name in self._datasets},
            {name: ordered(self._margins, name) for name in names},
            {name: ordered(self._junk, name) for name in names},
            {
                name: NumberRange(low, total / known, high, known)
                for name, (low, high, total, known) in self._numbers.items()
            },
        )

    def _dataset(self, name: str, cells: list[DesignCells]) -> DatasetFacts:
        about, dataset = self._manifest.datasets[name], self._datasets[name]
        several = {
            key: len(self._levels(name, key)) > 1
            for key in ("identity", *dataset.levels)
            if key in dataset.relations.known
        }
        aliases = find_aliases(name, about.functions, several, dataset.relations.holds)
        images = IdentityImages(
            list(dataset.images), np.array(list(dataset.images.values()), dtype=np.int64)
        )
        return DatasetFacts(cells, aliases if about.factors else [], images)

    def _levels(self, name: str, key: str) -> list[Any]:
        dataset = self._datasets[name]
        if key == "identity":
            return list(dataset.images)
        return sort_levels(key, dataset.levels.get(key, set()), self._manifest.own_attributes)


def _add_identities(dataset: _Dataset, found: list[tuple[str, int]]) -> bool:
    for identity, images in found:
        if dataset.last is not None and identity < dataset.last:
            return False
        dataset.images[identity] = dataset.images.get(identity, 0) + images
        dataset.last = identity
    return True


def _add_counts(held: dict[str, dict[Any, int]], more: Mapping[str, dict[Any, int]]) -> None:
    for name, counts in more.items():
        into = held.setdefault(name, {})
        for level, count in counts.items():
            into[level] = into.get(level, 0) + count
