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
from gprplus.ingest.inspection.problems import (
    cell_problems,
    dataset_problems,
    level_problems,
    rejected_by_reason,
    rejection_problems,
)
from gprplus.ingest.tables.coded import coded_column, level_counts
from gprplus.ingest.tables.manifest import Manifest
from gprplus.ingest.tables.select import filter_dataset
from gprplus.schema.manifest_record import ManifestDataset


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
    none."""
    manifest = path if isinstance(path, Manifest) else Manifest.open(path)
    images = manifest.images(
        ["dataset", "identity", "is_junk", "is_distractor", *manifest.image_attributes]
    )
    for flag in ("is_junk", "is_distractor"):  # an unknown flag is no flag
        images = images.set_column(
            images.column_names.index(flag), flag, images[flag].fill_null(False)
        )
    people, own = manifest.identities(), manifest.own_attributes
    levelled = [
        name for name in manifest.image_attributes if manifest.attributes[name].type != "number"
    ]
    cells: list[DesignCells] = []
    aliases: list[FactorAlias] = []
    problems: list[str] = []
    rejected = rejected_by_reason(manifest)
    problems += [escape(rejection_problems(reason, about)) for reason, about in rejected.items()]
    for name, about in manifest.datasets.items():
        rows = filter_dataset(images, name)
        codes = {
            attribute: coded_column(rows, attribute, own) for attribute in ("identity", *levelled)
        }
        counted = ~np.asarray(rows["is_junk"]) & ~np.asarray(rows["is_distractor"])
        crossed = cells_of(name, about.factors, codes, counted)
        cells += crossed
        if (
            about.factors
        ):  # outside a crossed design every second pair of attributes is aliased, and rightly
            aliases += aliases_of(name, about.functions, codes, counted)
        problems += [
            *cell_problems(crossed),
            *dataset_problems(
                name, about, codes["identity"], counted, filter_dataset(people, name)
            ),
        ]
    junk, sound = images.filter(images["is_junk"]), images.filter(pc.invert(images["is_junk"]))
    margins = {name: level_counts(sound[name], name, own) for name in levelled}
    problems += [
        sentence for name, counts in margins.items() for sentence in level_problems(name, counts)
    ]
    return InspectionResult(
        str(manifest.path),
        dict(manifest.record.counts),
        manifest.datasets,
        {name: counts for name, counts in margins.items() if counts},
        {
            name: counts
            for name in manifest.identity_attributes
            if manifest.attributes[name].type != "number"
            if (counts := level_counts(people[name], name, own))
        },
        tuple(cells),
        tuple(aliases),
        rejected,
        tuple(problems),
        tuple(list_findings(manifest)),
        {name: counts for name in levelled if (counts := level_counts(junk[name], name, own))},
        _ranges(manifest, sound, people),
    )


def _ranges(manifest: Manifest, images: pa.Table, people: pa.Table) -> dict[str, NumberRange]:
    found = {}
    for name, attribute in manifest.own_attributes.items():
        column = (images if attribute.level == "image" else people)[name]
        known = len(column) - column.null_count
        if attribute.type == "number" and known:
            ends = pc.min_max(column).as_py()
            found[name] = NumberRange(ends["min"], pc.mean(column).as_py(), ends["max"], known)
    return found
