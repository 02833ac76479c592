"""Samples of one manifest for a comparison: the selected rows and the features of their images."""

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gprplus.analysis.features.base import ImageBatch
from gprplus.analysis.matched_sample import (
    CrossedSample,
    MatchedSample,
    draw_crossed,
    draw_matched,
    spread_evenly,
)
from gprplus.archives import is_archive
from gprplus.core.errors import AnalysisError
from gprplus.core.files.safe_names import plain_name
from gprplus.core.sampling import hash64_many, join_canonical
from gprplus.ingest import Manifest, open_or_build_manifest
from gprplus.splits.test_sets.test_set import is_test_identity

CROSSED_IMAGES = 4000
MIN_IDENTITIES = 5  # minimum number of identities of source and target for an interval
_KEYS = ("uid", "dataset", "path", "identity")
_MARKS = ("role", "is_junk", "is_distractor")


@dataclass(frozen=True)
class ImageSample:
    """Rows of a manifest and the samples drawn from them, by attribute (a target has one, under
    ""), and the identities with an image in every cell, if there are enough of them.

    `role` is the part of the manifest that was available: "train" or "all".
    """

    manifest: Manifest
    table: pa.Table
    samples: dict[str, MatchedSample]
    levels: dict[str, list[Any]]
    role: str
    crossed: CrossedSample | None = None

    @cached_property
    def rows(self) -> np.ndarray:
        """The rows that any sample uses, sorted, `(N,) int64`."""
        whole = [self.crossed.flat] if self.crossed else []
        return np.unique(
            np.concatenate([*(sample.rows.ravel() for sample in self.samples.values()), *whole])
        )

    @property
    def people(self) -> set[tuple[str, str]]:
        """Return the identities of all samples, as (dataset, identity)."""
        chosen = self.table.select(["dataset", "identity"]).take(pa.array(self.rows))
        return {
            (row["dataset"], row["identity"])
            for row in chosen.to_pylist()
            if row["identity"] is not None
        }

    def place(self, rows: np.ndarray) -> np.ndarray:
        """Return the positions of rows in `rows`, with the same shape."""
        return np.searchsorted(self.rows, rows)

    def images(self) -> ImageBatch:
        """Return the images of `rows` for the computation of features."""
        return ImageBatch(
            self.table.select(["uid", "dataset", "path"]).take(pa.array(self.rows)),
            self.manifest.roots(),
        )


def source_sample(
    manifest: Manifest, attributes: list[str], images: int, people: int | None, seed: int
) -> ImageSample:
    """Draw matched samples of every attribute, and up to `people` identities with an image in every
    cell.

    AnalysisError if fewer than five identities have all levels of one attribute; too few with all
    cells is not an error.
    """
    factors = sorted(factors_of(manifest))
    table = _rows(manifest, [*_KEYS, *sorted({*factors, *attributes}), *_MARKS[1:]])
    samples = {}
    for name in attributes:
        others = [other for other in factors if other != name]
        sample = draw_matched(table, name, manifest.levels(name), others, images, seed)
        samples[name] = _enough(
            sample, f"have an image of every level of {name} in the same other conditions", manifest
        )
    return ImageSample(
        manifest,
        table,
        samples,
        {name: manifest.levels(name) for name in attributes},
        "all",
        complete_identities(manifest, table, people, seed),
    )


def complete_identities(
    manifest: Manifest, table: pa.Table, people: int | None, seed: int
) -> CrossedSample | None:
    """Draw identities with an image in every cell of the crossed factors, by default as many as
    give about 4,000 images (8 to 48); None if there are fewer than five, or fewer than two crossed
    factors with several levels.
    """
    names = crossed_factors(manifest)
    levels = [manifest.levels(name) for name in names]
    cells = math.prod(map(len, levels))
    found = draw_crossed(
        table, names, levels, people or min(max(CROSSED_IMAGES // cells, 8), 48), seed
    )
    return found if len(found.rows) >= MIN_IDENTITIES and names else None


def crossed_factors(manifest: Manifest) -> list[str]:
    """Return the factors with two levels or more, in the order of the manifest."""
    factors = factors_of(manifest)
    return [
        name
        for name in manifest.record.levels
        if name in factors and len(manifest.levels(name)) > 1
    ]


def factors_of(manifest: Manifest) -> set[str]:
    """Return the crossed factors declared by the layouts of the manifest, except identity."""
    return {name for dataset in manifest.datasets.values() for name in dataset.factors} - {
        "identity"
    }


def search_sample(
    manifest: Manifest, people: int | None, test_share: float, seed: int
) -> ImageSample:
    """Return the identities of the train set with an image in every cell: the input of a subset
    search.

    AnalysisError if there are fewer than five.
    """
    table = _rows(manifest, [*_KEYS, *sorted(factors_of(manifest)), *_MARKS[1:]])
    table = table.filter(pc.is_valid(table.column("identity")))
    names = [
        join_canonical(row["dataset"], row["identity"])
        for row in table.select(["dataset", "identity"]).to_pylist()
    ]
    table = table.filter(pa.array(~is_test_identity(hash64_many(names), test_share)))
    found = complete_identities(manifest, table, people, seed)
    if found is None:
        raise AnalysisError(
            f"Fewer than {MIN_IDENTITIES} identities in the train set of {manifest.path} have an"
            " image in every combination of its crossed factors, so a subset cannot be searched"
            " for."
        )
    return ImageSample(manifest, table, {}, {}, "train", found)


def target_sample(manifest: Manifest, images: int, seed: int) -> ImageSample:
    """Return the sample of a target: of its train set if it has one, so that no test image is
    used."""
    table = _rows(manifest, [*_KEYS, *_MARKS])
    training = table.filter(pc.field("role") == "train")
    role = "train" if training.num_rows else "all"
    table = training if training.num_rows else table
    sample = _enough(spread_evenly(table, images, seed), "are in the target", manifest)
    return ImageSample(manifest, table, {"": sample}, {}, role)


def open_target_sample(name: str, path: Path, ingested: Path) -> Manifest:
    """The manifest of a target; a folder of images gets one, where benchmark keeps those of its
    targets. Raises AnalysisError where it is missing, or its name is no plain one."""
    plain_name(name, "The name of a target", AnalysisError)
    if not (path.is_dir() or (is_archive(path.name) and path.is_file())):
        raise AnalysisError(
            f"The target {name} is missing: {path} is neither a manifest nor a folder or archive of"
            " images."
        )
    return open_or_build_manifest(path, ingested / name)


def _rows(manifest: Manifest, columns: list[str]) -> pa.Table:
    """Return the rows with an identity, without junk and distractors."""
    table = manifest.images(columns)
    marked = [pc.fill_null(table.column(name), False) for name in ("is_junk", "is_distractor")]
    return table.filter(pc.invert(pc.or_(*marked)))


def _enough(sample: MatchedSample, what: str, manifest: Manifest) -> MatchedSample:
    people = len(np.unique(sample.people))
    if people < MIN_IDENTITIES:
        raise AnalysisError(
            f"{people} identities {what} in {manifest.path}; {MIN_IDENTITIES} are needed for an"
            " interval over identities."
        )
    return sample
