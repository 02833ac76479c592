"""One side of a comparison: which rows of a manifest were chosen, and what their images look like."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gprplus.analysis.appearance import FEATURES, describe
from gprplus.analysis.sample import Matched, matched, spread
from gprplus.archives import reading_order
from gprplus.errors import AnalysisError, examples
from gprplus.ingest import Manifest
from gprplus.parallel import Progress, in_threads

LEAST_PERSONS = 5  # with fewer on either side an interval over persons means nothing
_KEYS = ("uid", "dataset", "path", "identity")
_MARKS = ("role", "is_junk", "is_distractor")


@dataclass(frozen=True)
class Side:
    """Rows of a manifest and the samples drawn from them, by attribute (a target has one, under "").

    `role` says which of the manifest's images were open to the draw: "train" or "all".
    """

    manifest: Manifest
    table: pa.Table
    samples: dict[str, Matched]
    levels: dict[str, list[Any]]
    role: str

    @property
    def rows(self) -> np.ndarray:
        """The rows that any sample uses, sorted, `(N,) int64`."""
        return np.unique(np.concatenate([sample.rows.ravel() for sample in self.samples.values()]))

    @property
    def people(self) -> set[tuple[str, str]]:
        """Who is in any sample, as (dataset, identity)."""
        chosen = self.table.select(["dataset", "identity"]).take(pa.array(self.rows))
        return {(row["dataset"], row["identity"]) for row in chosen.to_pylist() if row["identity"] is not None}

    def place(self, rows: np.ndarray) -> np.ndarray:
        """Where rows stand among `rows`, of the same shape."""
        return np.searchsorted(self.rows, rows)

    def look(self, workers: int | None, progress: Progress) -> np.ndarray:
        """The appearance of every row in `rows`, `(N, 13) float64`. AnalysisError when an image cannot be decoded."""
        chosen = self.table.select(["dataset", "path"]).take(pa.array(self.rows))
        roots = self.manifest.roots()
        places = [(roots[row["dataset"]], row["path"]) for row in chosen.to_pylist()]
        looks = np.full((len(places), len(FEATURES)), np.nan)
        broken: list[Path] = []
        progress(0, len(places))
        order = reading_order([f"{root}/{path}" for root, path in places])
        found_in_order = in_threads(lambda i: describe(*places[i]), order, workers)
        for done, (i, found) in enumerate(zip(order, found_in_order, strict=True), 1):
            if found is None:
                broken.append(places[i][0] / places[i][1])
            else:
                looks[i] = found
            progress(done, len(places))
        if broken:
            raise AnalysisError(
                f"{len(broken):,} of {len(places):,} sampled images cannot be read ({examples(broken)}). "
                "Build the manifest again with --verify=decode: it sets such images aside."
            )
        return looks


def source_side(manifest: Manifest, attributes: list[str], images: int, seed: int) -> Side:
    """Matched samples of every attribute. AnalysisError when fewer than five people have all levels of one."""
    factors = {name for dataset in manifest.info["datasets"].values() for name in dataset["factors"]} - {"identity"}
    table = _rows(manifest, [*_KEYS, *sorted(factors | set(attributes)), *_MARKS[1:]])
    samples = {}
    for name in attributes:
        sample = matched(table, name, manifest.levels(name), sorted(factors - {name}), images, seed)
        samples[name] = _enough(
            sample, f"have an image of every level of {name} in the same other conditions", manifest
        )
    return Side(manifest, table, samples, {name: manifest.levels(name) for name in attributes}, "all")


def target_side(manifest: Manifest, images: int, seed: int) -> Side:
    """A sample of a target: of its training side where it has one, so that no test image is looked at."""
    table = _rows(manifest, [*_KEYS, *_MARKS])
    training = table.filter(pc.field("role") == "train")
    role = "train" if training.num_rows else "all"
    table = training if training.num_rows else table
    sample = _enough(spread(table, images, seed), "are in the target", manifest)
    return Side(manifest, table, {"": sample}, {}, role)


def _rows(manifest: Manifest, columns: list[str]) -> pa.Table:
    """The rows that show a person who counts: no junk, no distractors."""
    table = manifest.images(columns)
    marked = [pc.fill_null(table.column(name), False) for name in ("is_junk", "is_distractor")]
    return table.filter(pc.invert(pc.or_(*marked)))


def _enough(sample: Matched, what: str, manifest: Manifest) -> Matched:
    people = len(np.unique(sample.people))
    if people < LEAST_PERSONS:
        raise AnalysisError(
            f"{people} persons {what} in {manifest.path}; {LEAST_PERSONS} are needed for an interval over persons."
        )
    return sample
