"""inspect: what a manifest holds, what it lacks, and what is wrong with it.

Counts and margins first; then, for the attributes that a dataset declares as crossed, the cells
that have no image; attributes that are functions of others; and the problems as sentences, the
worst first.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gprplus.core.errors import escape
from gprplus.core.files.paths import AnyPath
from gprplus.ingest.checks.findings import CheckFinding, list_findings
from gprplus.ingest.inspection.cells import DesignCells, FactorAlias, aliases_of, cells_of
from gprplus.ingest.inspection.facts import DatasetFacts, ManifestFacts, NumberRange
from gprplus.ingest.inspection.problems import (
    IdentityImages,
    cell_problems,
    dataset_problems,
    level_problems,
    rejected_by_reason,
    rejection_problems,
)
from gprplus.ingest.tables.coded import coded_column, level_counts
from gprplus.ingest.tables.manifest import Manifest
from gprplus.ingest.tables.parquet_table import ParquetTable
from gprplus.ingest.tables.select import filter_dataset
from gprplus.schema.manifest_record import ManifestDataset

STREAM_ROWS = 4_000_000  # images of a manifest from which they are counted a row group at a time


@dataclass(frozen=True)
class InspectionResult:
    """Result of `inspect`.

    `margins` counts images by level, without junk, which is in `junk`; `people` counts identities
    by level of the identity attributes; `numbers` has the range of attributes that are numbers.
    """

    path: str
    counts: dict[str, int]
    datasets: dict[str, ManifestDataset]
    margins: dict[str, dict[Any, int]]
    people: dict[str, dict[Any, int]]
    cells: tuple[DesignCells, ...]
    aliases: tuple[FactorAlias, ...]
    rejected: dict[str, dict[str, Any]]
    problems: tuple[str, ...]
    checks: tuple[CheckFinding, ...] = ()
    junk: dict[str, dict[Any, int]] = field(default_factory=dict)
    numbers: dict[str, NumberRange] = field(default_factory=dict)


def inspect(path: AnyPath) -> InspectionResult:
    """Look over a manifest, given as such or as its folder. Raises ManifestError when the folder is
    none.

    The images of a large manifest are counted a row group at a time.
    """
    from gprplus.ingest.inspection.streamed import streamed_facts

    manifest = path if isinstance(path, Manifest) else Manifest.open(path)
    facts = streamed_facts(manifest) if is_large(manifest) else None
    return _result(manifest, facts or facts_of(manifest))


def is_large(manifest: Manifest) -> bool:
    """Return True if a manifest has more than STREAM_ROWS images."""
    return ParquetTable(manifest.path / "images.parquet").metadata.num_rows > STREAM_ROWS


def facts_of(manifest: Manifest) -> ManifestFacts:
    """Return the facts of all images, read as one table."""
    images = manifest.images(
        ["dataset", "identity", "is_junk", "is_distractor", *manifest.image_attributes]
    )
    for flag in ("is_junk", "is_distractor"):  # an unknown flag is no flag
        images = images.set_column(
            images.column_names.index(flag), flag, images[flag].fill_null(False)
        )
    own, levelled = manifest.own_attributes, levelled_attributes(manifest)
    datasets = {}
    for name, about in manifest.datasets.items():
        rows = filter_dataset(images, name)
        codes = {
            attribute: coded_column(rows, attribute, own) for attribute in ("identity", *levelled)
        }
        counted = ~np.asarray(rows["is_junk"]) & ~np.asarray(rows["is_distractor"])
        datasets[name] = DatasetFacts(
            cells_of(name, about.factors, codes, counted),
            aliases_of(name, about.functions, codes, counted) if about.factors else [],
            IdentityImages.of(codes["identity"], counted),
        )
    junk, sound = images.filter(images["is_junk"]), images.filter(pc.invert(images["is_junk"]))
    return ManifestFacts(
        datasets,
        {name: level_counts(sound[name], name, own) for name in levelled},
        {name: level_counts(junk[name], name, own) for name in levelled},
        _ranges(manifest, sound, "image"),
    )


def levelled_attributes(manifest: Manifest) -> list[str]:
    """The image attributes that have levels."""
    known = manifest.attributes
    return [name for name in manifest.image_attributes if known[name].type != "number"]


def _result(manifest: Manifest, facts: ManifestFacts) -> InspectionResult:
    people, own = manifest.identities(), manifest.own_attributes
    rejected = rejected_by_reason(manifest)
    problems = [escape(rejection_problems(reason, about)) for reason, about in rejected.items()]
    for name, about in manifest.datasets.items():
        found = facts.datasets[name]
        problems += [
            *cell_problems(found.cells),
            *dataset_problems(name, about, found.identities, filter_dataset(people, name)),
        ]
    problems += [
        sentence
        for name, counts in facts.margins.items()
        for sentence in level_problems(name, counts)
    ]
    numbers = {**facts.numbers, **_ranges(manifest, people, "identity")}
    return InspectionResult(
        str(manifest.path),
        dict(manifest.record.counts),
        manifest.datasets,
        {name: counts for name, counts in facts.margins.items() if counts},
        {
            name: counts
            for name in manifest.identity_attributes
            if manifest.attributes[name].type != "number"
            if (counts := level_counts(people[name], name, own))
        },
        tuple(cells for found in facts.datasets.values() for cells in found.cells),
        # outside a crossed design every second pair of attributes is aliased, and rightly
        tuple(alias for found in facts.datasets.values() for alias in found.aliases),
        rejected,
        tuple(problems),
        tuple(list_findings(manifest)),
        {name: counts for name, counts in facts.junk.items() if counts},
        {name: numbers[name] for name in own if name in numbers},
    )


def _ranges(manifest: Manifest, table: pa.Table, level: str) -> dict[str, NumberRange]:
    """The ranges of the numbers of one level, over the rows of a table."""
    found = {}
    for name, attribute in manifest.own_attributes.items():
        if attribute.level != level or attribute.type != "number":
            continue
        column = table[name]
        known = len(column) - column.null_count
        if known:
            ends = pc.min_max(column).as_py()
            found[name] = NumberRange(ends["min"], pc.mean(column).as_py(), ends["max"], known)
    return found
