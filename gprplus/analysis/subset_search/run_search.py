"""`search`: the subset of a manifest nearest to each target under a budget, evaluated on held-out
images."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from gprplus.analysis.columns import BASELINES, CELLS
from gprplus.analysis.features import Features, make_features
from gprplus.analysis.matched_sample import number_combinations
from gprplus.analysis.options import SearchOptions
from gprplus.analysis.output import analysis_markdown, write_table_csv
from gprplus.analysis.record import Difference, search_record
from gprplus.analysis.sample import ImageSample, open_target_sample, search_sample, target_sample
from gprplus.analysis.subset_search import arms, baselines, holdout, verdict
from gprplus.analysis.subset_search.differences import is_nearest
from gprplus.analysis.subset_search.kernels import build_kernels
from gprplus.core.errors import AnalysisError
from gprplus.core.files.paths import AnyPath
from gprplus.core.files.workdir import (
    check_request,
    package_versions,
    read_json,
    write_json,
    write_table,
    write_text,
)
from gprplus.core.options import accepts, combined
from gprplus.core.parallel import Progress, no_progress
from gprplus.core.progress import shows_progress
from gprplus.core.sampling import bottom_k, hash64, hash64_many, join_canonical, priorities
from gprplus.ingest import Manifest
from gprplus.schema import VERSION, conform, stored

RECORD = "search.json"
DRAWS = 20  # random subsets that the table averages over
MOST = 12_000  # images whose kernels are held: 600 MB
RIDGE = 0.01  # part of the mean diagonal of Q: enough for one solution, too little to be seen in the distance


@dataclass(frozen=True)
class Budget:
    """Number of identities, and number of images of each."""

    identities: int
    images: int

    @classmethod
    def of(cls, text: str) -> "Budget":
        """Parse '400x50': 400 identities with 50 images each. Raises AnalysisError.

        >>> Budget.of("400x50")
        Budget(identities=400, images=50)
        """
        people, _, images = text.lower().partition("x")
        if not (people.isdecimal() and images.isdecimal() and int(people) and int(images)):
            raise AnalysisError(
                "A budget is IDENTITIESxIMAGES, such as 400x50 for 50 images of each; found"
                f" '{text}'."
            )
        return cls(int(people), int(images))

    @property
    def total(self) -> int:
        """Images in all."""
        return self.identities * self.images


@dataclass(frozen=True)
class SearchResult:
    """Result for one target: the record, the cells (columns.CELLS), the compared methods
    (columns.RIVALS), and the folder of the split for a benchmark.
    """

    path: Path
    info: dict[str, Any]
    cells: pa.Table
    baselines: pa.Table
    made: bool = False

    @property
    def differences(self) -> list[Difference]:
        """Return how much farther each control is from the held-out target; empty for a search of
        an earlier version.
        """
        return search_record(self.info, self.path / RECORD).differences

    @property
    def nearest(self) -> bool:
        """Return True if every control is shown to be farther from the target than the searched
        subset."""
        return is_nearest(self.differences)

    @property
    def verdict(self) -> str:
        """Return the verdict in words, with the controls that are not shown to be farther."""
        return verdict.search_sentence(self.info["target"], self.differences)

    @classmethod
    def open(cls, path: Path) -> "SearchResult":
        """Read a finished search; AnalysisError when the folder holds none."""
        info = read_json(path / RECORD, AnalysisError, "a search")
        search_record(info, path / RECORD)
        cells, rivals = (
            stored.read_table(
                path / f"{name}.parquet", columns, AnalysisError, "Search again with --force."
            )
            for name, columns in (("cells", CELLS), ("rivals", BASELINES))
        )
        return cls(path, info, cells, rivals)


@shows_progress("Looking for a subset")
@accepts(SearchOptions)
def search(
    manifest: AnyPath,
    targets: Mapping[str, AnyPath],
    budget: Budget | str,
    output: AnyPath,
    options: SearchOptions | None = None,
    *,
    force: bool = False,
    progress: Progress = no_progress,
    **changes: Any,
) -> list[SearchResult]:
    """Search for the subset nearest to each target, write OUTPUT/NAME/search and the split
    SPLITS/search-NAME.

    Cells are the combinations of all crossed factors. Weights are chosen by half of the identities
    of either side and compared with `baselines` and with controls by the others
    (`SearchResult.differences`). The split has the subset, the subset of the threshold rule, random
    ones, and the subset found for each other target.

    Args:
        manifest: a manifest or its folder.
        targets: manifests or folders of images by name.
        budget: number of identities and of images of each, such as "400x50".
        output: folder of the analysis.
        options: all options at once; the keywords below change single fields of it.
        force: replace the search of another request in the folder.
        progress: called with the number of images measured and of all images.

    Raises:
        AnalysisError: the budget is larger than what there is.
    """
    given = combined(SearchOptions, options, changes, "search")
    images, seed, output = given.images, given.seed, Path(output)
    source = Manifest.open(manifest)
    budget = Budget.of(budget) if isinstance(budget, str) else budget
    opened = {
        name: open_target_sample(name, Path(path), output.parent / "targets")
        for name, path in targets.items()
    }
    (kind,) = make_features([given.features], given.device)
    request = {
        "manifest": source.fingerprint,
        "targets": {name: target.fingerprint for name, target in opened.items()},
        "budget": [budget.identities, budget.images],
        "features": kind.source,
        **{
            "floor": given.floor,
            "images": images,
            "people": given.people,
            "draws": given.control_draws,
        },
        **{"test_share": given.test_share, "seed": seed},
    }
    homes = {name: output / name / "search" for name in targets}
    states = [check_request(home / RECORD, request, force=force) for home in homes.values()]
    if all(state == "same" for state in states):
        return [SearchResult.open(home) for home in homes.values()]
    side = search_sample(source, given.people, given.test_share, seed)
    crossed = side.crossed
    assert crossed is not None
    if crossed.flat.size > MOST:
        raise AnalysisError(
            f"{crossed.flat.size:,} images would be compared with each other, more than {MOST:,}."
            " Reduce --people."
        )
    others = {name: target_sample(target, images, seed) for name, target in opened.items()}
    most = cell_capacity(side, budget, seed)
    pools = _looked(kind, side, others, given.workers, progress)
    found = {
        name: _one(name, side, others[name], *pools[name], most, budget, given.floor, seed)
        for name in targets
    }
    splits = given.splits or output / "splits"
    return [
        _write(homes[name], name, found, request, source, splits / f"search-{name}", given, force)
        for name in targets
    ]


def cell_capacity(side: ImageSample, budget: Budget, seed: int) -> np.ndarray:
    """Count the images of the budget's identities in each cell, `(C,)`: the first identities of a
    split with this seed.
    """
    assert side.crossed is not None
    table, crossed = side.table, side.crossed
    cell_of = crossed.cell_of(table)
    known = cell_of >= 0
    pairs = table.select(["dataset", "identity"]).filter(pa.array(known))
    person, _ = number_combinations(pairs, ["dataset", "identity"])
    _, first = np.unique(person, return_index=True)
    rows = pairs.take(pa.array(first)).to_pylist()
    keyed = hash64_many(join_canonical(row["dataset"], row["identity"]) for row in rows)
    if budget.identities > len(keyed):
        raise AnalysisError(
            f"The budget has {budget.identities:,} identities, but the train set of"
            f" {side.manifest.path} has {len(keyed):,}."
        )
    taken = bottom_k(priorities(keyed, seed, "identity"), budget.identities, keyed)
    most = np.bincount(cell_of[known][np.isin(person, taken)], minlength=len(crossed.cells()))
    if budget.total > most.sum():
        raise AnalysisError(
            f"The budget has {budget.total:,} images, but its {budget.identities:,} identities have"
            f" {most.sum():,} in total."
        )
    return most


def _looked(
    kind: Features,
    side: ImageSample,
    others: Mapping[str, ImageSample],
    workers: int | None,
    progress: Progress,
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return, by target, points of the cells `(P, C, D)` and of its images `(T, D)`."""
    assert side.crossed is not None
    looks = kind.extract(side.images(), workers, progress)
    found = {}
    for name, target in others.items():
        (sample,) = target.samples.values()
        points = next(
            iter(
                kind.points(
                    np.vstack([looks, kind.extract(target.images(), workers, progress)])
                ).values()
            )
        )
        mine = points[: len(looks)][side.place(side.crossed.flat)]
        shape = (len(side.crossed.rows), len(side.crossed.cells()), -1)
        found[name] = (mine.reshape(shape), points[len(looks) :][target.place(sample.rows[:, 0])])
    return found


def _one(
    name: str,
    side: ImageSample,
    target: ImageSample,
    source: np.ndarray,
    images: np.ndarray,
    most: np.ndarray,
    budget: Budget,
    floor: float,
    seed: int,
) -> holdout.HeldOutResult:
    assert side.crossed is not None
    (sample,) = target.samples.values()
    known, bandwidth = build_kernels(source, images, sample.people)
    rng = np.random.default_rng(hash64(join_canonical("search", name, str(seed))))
    levels = np.stack([axis.ravel() for axis in np.indices(side.crossed.rows.shape[1:])], axis=1)
    views = "viewpoint_deg" in side.crossed.factors
    groups = (
        levels[:, side.crossed.factors.index("viewpoint_deg")]
        if views
        else np.zeros(len(levels), dtype=np.int64)
    )
    least = np.full(int(groups.max()) + 1, floor / (int(groups.max()) + 1) if views else 0.0)
    # One half for all targets: what was chosen for another target is a control, and must not have
    # seen the other half.
    half = holdout.halve_identities(
        len(known.inside), np.random.default_rng(hash64(join_canonical("search", str(seed))))
    )
    fit = rng.permutation(int(sample.people.max()) + 1)[sample.people] % 2 == 0

    def problem(people: np.ndarray, weight: np.ndarray) -> baselines.SubsetProblem:
        within = known.biased(people)
        return baselines.SubsetProblem(
            within.astype(np.float64), known.to_target(weight, people), levels, most, budget.total, groups, least,
            RIDGE * float(np.diag(within).mean()),
        )  # fmt: skip

    return holdout.held_out_results(known, problem, half, fit, bandwidth, rng, draws=DRAWS)


def _write(
    home: Path,
    name: str,
    found: Mapping[str, holdout.HeldOutResult],
    request: Mapping[str, Any],
    source: Manifest,
    split: Path,
    options: SearchOptions,
    force: bool,
) -> SearchResult:
    draws = options.control_draws
    crossed = arms.factors_and_cells(source)
    outcome = found[name]
    rows = [
        {"target": name, "cell": cell, "weight": w, "low": low, "high": high, "images": n}
        for cell, w, low, high, n in zip(
            crossed[1], outcome.weights, outcome.low, outcome.high, outcome.counts, strict=True
        )
    ]
    cells = conform(
        pa.Table.from_pylist(sorted(rows, key=lambda row: (-row["images"], -row["weight"]))), CELLS
    )
    wrong = [other for other in found if other != name]
    elsewhere = {f"{arms.OTHER_TARGET}{other}": found[other].counts for other in wrong}
    ranked = [*outcome.baselines, *(outcome.row(*one) for one in elsewhere.items())]
    compared = outcome.compare(elsewhere)
    ranked.sort(key=lambda row: row["held_out"])
    table = conform(pa.Table.from_pylist([{"target": name, **row} for row in ranked]), BASELINES)
    declared = arms.declared_arms(name, found, crossed[1], request["budget"][0], draws)
    made = arms.write_search_split(
        source, crossed[0], declared, split, options.test_share, options.seed, force
    )
    record = {
        "schema_version": VERSION,
        "target": name,
        "request": dict(request),
        "factors": crossed[0],
        "split": made.path.as_posix(),
        "arms": [arm.name for arm in declared],
        "controls": {"wrong_target": wrong, "random": draws, "random_levels": draws},
        "nearest": is_nearest(compared),
        "verdict": verdict.search_sentence(name, compared),
        "differences": [asdict(one) for one in compared],
        **outcome.facts,
        "versions": package_versions(),
    }
    for key, one in (("cells", cells), ("rivals", table)):
        write_table(home / f"{key}.parquet", one)
        write_table_csv(home / f"{key}.csv", one)
    write_text(home / "cells.md", analysis_markdown("cells", cells))
    write_text(home / "rivals.md", verdict.search_page(name, table, compared))
    write_json(home / RECORD, record)
    return SearchResult(home, record, cells, table, made=True)


def viewpoint_margins(
    factors: Sequence[str], cells: Sequence[Mapping[str, Any]], value: str
) -> dict[str, dict[str, float]]:
    """Sums of a column of columns.CELLS rows by level of each factor."""
    found: dict[str, dict[str, float]] = {factor: {} for factor in factors}
    for row in cells:
        for word in row["cell"].split():
            factor, _, level = word.partition("=")
            found[factor][level] = found[factor].get(level, 0) + row[value]
    return found
