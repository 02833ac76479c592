"""Example rankings: a few queries with the first ranks of their rankings, selected by a rule."""

from dataclasses import dataclass
from itertools import groupby
from typing import Any

from gprplus import schema
from gprplus.reporting.figures.samples import SampleImage, median_aspect, root_of, sample_image
from gprplus.reporting.run_results import RunResults, table_at

HEIGHT = 132  # pixels, about 3 KB as JPEG
ROWS = {1: 3, 2: 2}  # queries shown of each rule, by the number of targets on the page; else 1


@dataclass(frozen=True)
class RankedImage:
    """An image of a ranking, and whether it shows the query identity."""

    picture: SampleImage
    right: bool


@dataclass(frozen=True)
class QueryRanking:
    """A query, its average precision, and the images ranked first."""

    query: SampleImage
    score: float
    head: tuple[RankedImage, ...]


@dataclass(frozen=True)
class ExampleRankings:
    """Searches by the rule that chose them (best, median, worst, random), of one arm and seed."""

    arm: str
    seed: int
    rules: dict[str, tuple[QueryRanking, ...]]

    @property
    def aspect(self) -> float:
        """Width over height of every cell."""
        found = [one for searches in self.rules.values() for one in searches]
        heads = [ranked.picture for one in found for ranked in one.head]
        return median_aspect([*(one.query for one in found), *heads])


def example_rankings(outcome: RunResults, arm: str | None, target: str) -> ExampleRankings | None:
    """The kept rankings of an arm's first seed on a target; None where its run kept none."""
    seeds = [
        row["seed"]
        for row in outcome.results.to_pylist()
        if (row["arm"], row["target"]) == (arm, target)
    ]
    path = outcome.folder / str(arm) / f"seed{min(seeds, default=0)}" / "ranked.parquet"
    if not path.is_file():
        return None
    rows = [row for row in table_at(path, schema.RANKED).to_pylist() if row["target"] == target]
    each = ROWS.get(len(outcome.targets), 1)
    rules: dict[str, tuple[QueryRanking, ...]] = {}
    for rule, found in groupby(rows, key=lambda row: row["rule"]):
        searches = [list(lines) for _, lines in groupby(found, key=lambda row: row["query"])]
        rules[rule] = tuple(_search(lines, outcome, target) for lines in searches[:each])
    return ExampleRankings(str(arm), min(seeds), rules) if rules else None


def _search(rows: list[dict[str, Any]], outcome: RunResults, target: str) -> QueryRanking:
    def shown(row: dict[str, Any]) -> SampleImage:
        return sample_image(row, root_of(outcome, row["dataset"], target), HEIGHT)

    query, *head = sorted(rows, key=lambda row: row["rank"])
    return QueryRanking(
        shown(query), query["AP"], tuple(RankedImage(shown(row), row["match"]) for row in head)
    )
