"""inspect: what a manifest holds, what it lacks, and what is wrong with it.

Counts and margins first; then, for the attributes that a dataset declares as crossed, the cells
that have no image; attributes that are functions of others; and the problems as sentences, the
worst first.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow.compute as pc

from gprplus.core.declarations import identity_attributes, image_attributes
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
class InspectionResult:
    """Result of `inspect`.

    `margins` counts images by level, without junk, which is in `junk`; `people` counts identities
    by level of the identity attributes.
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


def inspect(path: AnyPath) -> InspectionResult:
    """Look over a manifest, given as such or as its folder. Raises ManifestError when the folder is
    none."""
    manifest = path if isinstance(path, Manifest) else Manifest.open(path)
    images = manifest.images(
        ["dataset", "identity", "is_junk", "is_distractor", *image_attributes()]
    )
    for flag in ("is_junk", "is_distractor"):  # an unknown flag is no flag
        images = images.set_column(
            images.column_names.index(flag), flag, images[flag].fill_null(False)
        )
    people = manifest.identities()
    cells: list[DesignCells] = []
    aliases: list[FactorAlias] = []
    problems: list[str] = []
    rejected = rejected_by_reason(manifest)
    problems += [escape(rejection_problems(reason, about)) for reason, about in rejected.items()]
    for name, about in manifest.datasets.items():
        rows = filter_dataset(images, name)
        codes = {
            attribute: coded_column(rows, attribute)
            for attribute in ("identity", *image_attributes())
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
    margins = {name: level_counts(sound[name], name) for name in image_attributes()}
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
            for name in identity_attributes()
            if (counts := level_counts(people[name], name))
        },
        tuple(cells),
        tuple(aliases),
        rejected,
        tuple(problems),
        tuple(list_findings(manifest)),
        {name: counts for name in image_attributes() if (counts := level_counts(junk[name], name))},
    )
