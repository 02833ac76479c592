"""Queries that each arm fails: their number, the level and identity that fail most, and the worst of
them as pictures with their paths."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus import schema
from gprplus.core.commands import read_command, resolve_command
from gprplus.core.errors import ReportError
from gprplus.reporting import formatting
from gprplus.reporting.arm_labels import OWN_TEST_SET, RERANKED, UNTRAINED
from gprplus.reporting.figures.samples import SampleImage, root_of, sample_image
from gprplus.reporting.run_results import AGAIN, RunResults
from gprplus.schema import stored

if TYPE_CHECKING:
    import pandas as pd

HEIGHT = 132  # pixels of a picture, about 3 KB as JPEG
SHOWN = 6  # queries of an arm, each of another identity
SPREAD = 3  # identities with fewer queries than this are not named as the hardest

Images = Mapping[int, Mapping[str, Any]]  # rows with the columns of schema.RANKED_IMAGE, by uid


@dataclass(frozen=True)
class FailedQuery:
    """A query that an arm fails: mean average precision over seeds under the arm and under the
    `reference` (None: the arm is the reference), and the median rank of the first true match.

    `symbol` names its picture in `TargetFailures.pictures`; it is empty, as is `path`, where the
    image is unknown or cannot be read.
    """

    uid: int
    text: str
    path: str
    symbol: str
    score: float
    reference: float | None
    rank: int


@dataclass(frozen=True)
class ArmFailures:
    """Queries with another identity at rank 1 in more than half of the seeds, of one arm.

    `lost` counts those that the reference finds, `won` those that the reference alone fails;
    `level` and `identity` are the hardest with their share of failed queries.
    """

    arm: str
    failed: int
    share: float
    lost: int
    won: int
    level: str
    identity: str
    worst: tuple[FailedQuery, ...]


@dataclass(frozen=True)
class TargetFailures:
    """The failures of all arms on one target; each picture is stored once, by its symbol."""

    arms: tuple[ArmFailures, ...]
    pictures: Mapping[str, SampleImage]


def arm_failures(run: RunResults, reference: str | None, target: str) -> TargetFailures | None:
    """Return the failures of every trained arm on a target; None if there is no valid query."""
    queries = _query_table(run, target)
    if queries.empty:
        return None
    tables = {str(arm): rows.droplevel("arm") for arm, rows in queries.groupby(level="arm")}
    each = {arm: tables[arm] for arm in run.arms if arm in tables}
    against = each.get(reference or "")
    worst = {arm: _worst(each[arm], against if arm != reference else None) for arm in each}
    wanted = sorted({uid for rows in worst.values() for uid in rows.index})
    images, number = _images(run, target, wanted), run.targets.index(target)
    pictures = {
        f"q{number}-{uid}": sample_image(
            images[uid], root_of(run, str(images[uid]["dataset"]), target), HEIGHT
        )
        for uid in wanted
        if uid in images
    }
    found = [
        _arm(arm, each[arm], against, _failed_queries(worst[arm], images, pictures)) for arm in each
    ]
    readable = {name: picture for name, picture in pictures.items() if picture.source}
    return TargetFailures(tuple(found), readable)


def _query_table(run: RunResults, target: str) -> "pd.DataFrame":
    """Valid queries by arm and uid: identity, level, mean AP, median first rank, and whether they
    fail."""
    columns = ["arm", "seed", "target", "uid", "identity", "level", "valid", "AP"]
    frame = run.queries.select([*columns, "first_match_rank"]).to_pandas()
    frame = frame[(frame["target"] == target) & frame["valid"] & (frame["arm"] != UNTRAINED)]
    frame = frame.assign(missed=(frame["first_match_rank"] > 1).astype(float))
    groups = frame.groupby(["arm", "uid"], observed=True)
    found = groups.agg(
        identity=("identity", "first"),
        level=("level", "first"),
        AP=("AP", "mean"),
        rank=("first_match_rank", "median"),
        missed=("missed", "mean"),
    )
    return found.assign(failed=found["missed"] > 0.5)


def _arm(
    arm: str,
    rows: "pd.DataFrame",
    against: "pd.DataFrame | None",
    worst: tuple[FailedQuery, ...],
) -> ArmFailures:
    failed = rows["failed"]
    other = failed if against is None else against["failed"].reindex(rows.index)
    return ArmFailures(
        arm,
        int(failed.sum()),
        float(failed.mean()),
        int((failed & (other == False)).sum()),  # noqa: E712 - a missing query counts as neither
        int((~failed & (other == True)).sum()),  # noqa: E712
        _hardest(rows, "level"),
        _hardest(rows, "identity"),
        worst,
    )


def _hardest(rows: "pd.DataFrame", column: str) -> str:
    """The value of a column with the largest share of failed queries, such as "foggy 50%"."""
    groups = rows.dropna(subset=[column]).groupby(column, observed=True)["failed"]
    shares = groups.mean()[groups.size() >= (SPREAD if column == "identity" else 1)]
    if shares.empty or not shares.max():
        return formatting.DASH
    return f"{shares.idxmax()} {100 * shares.max():.0f}%"


def _worst(rows: "pd.DataFrame", against: "pd.DataFrame | None") -> "pd.DataFrame":
    """The failed queries with the lowest average precision, one of each identity, with that of the
    reference."""
    reference = np.nan if against is None else against["AP"].reindex(rows.index)
    failed = rows.assign(reference=reference)[rows["failed"]]
    failed = failed.sort_values(["AP", "uid"] if "uid" in failed else ["AP"], kind="stable")
    return failed.drop_duplicates("identity").head(SHOWN)


def _failed_queries(
    rows: "pd.DataFrame", images: Images, pictures: Mapping[str, SampleImage]
) -> tuple[FailedQuery, ...]:
    symbols = {int(name.rpartition("-")[2]): name for name in pictures}
    found = []
    for uid, row in rows.iterrows():
        key = int(str(uid))
        picture = pictures.get(symbols.get(key, ""))
        level = "" if row["level"] is None else f", {row['level']}"
        text = picture.text if picture else f"identity {row['identity']}{level}"
        shown = symbols[key] if picture and picture.source else ""
        reference = None if np.isnan(row["reference"]) else float(row["reference"])
        path = str(images[key]["path"]) if key in images else ""
        rank = int(np.ceil(row["rank"]))
        found.append(FailedQuery(key, text, path, shown, float(row["AP"]), reference, rank))
    return tuple(found)


def _images(run: RunResults, target: str, uids: Sequence[int]) -> Images:
    """The images of queries by uid: from the split, from the manifest of a target, or from the kept
    rankings."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    path = _image_table(run, target)
    if path is None or not uids:
        return {}
    with stored.reading_table(path, ReportError, AGAIN):
        chosen = pc.field("uid").isin(pa.array(uids, pa.uint64()))
        names = set(pq.read_schema(path).names)
        columns = [name for name in schema.RANKED_IMAGE if name in names]
        rows = pq.read_table(path, columns=columns, filters=chosen).to_pylist()
    empty = dict.fromkeys(schema.RANKED_IMAGE)
    return {row["uid"]: {**empty, **row} for row in rows}


def _image_table(run: RunResults, target: str) -> Path | None:
    """The table with the images of a target; None if it is not at its recorded path."""
    name = target.removesuffix(RERANKED)
    if name == OWN_TEST_SET:
        path = run.split_folder / "members.parquet" if run.split_folder else None
        return path if path and path.is_file() else None
    targets = (run.benchmark.arguments or {}).get("targets") or {}
    given = {name: resolve_command(str(place), run.folder) for name, place in targets.items()}
    words = read_command(run.benchmark.command, run.folder)
    given |= {word[0]: word[1] for word in words if isinstance(word, tuple)}
    built = run.folder.parents[2] / "targets" / name  # of a folder of images
    places = [place for place in (given.get(name), built) if place]
    tables = [place / "images.parquet" for place in places]
    return next((table for table in tables if table.is_file()), None)
