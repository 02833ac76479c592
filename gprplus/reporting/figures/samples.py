"""Sample images of each level for a page, chosen by hash."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from gprplus.core import sampling
from gprplus.core.declarations import image_attributes
from gprplus.core.errors import ReportError
from gprplus.core.files.roots import joined_root
from gprplus.core.imaging.images import encode_jpeg, resize_image
from gprplus.core.imaging.shown_images import shown_image
from gprplus.reporting.arm_labels import OWN_TEST_SET, bare
from gprplus.reporting.run_results import RunResults
from gprplus.schema import MEMBERS, stored

if TYPE_CHECKING:
    import pandas as pd

HEIGHT = 208  # pixels: crisp at half the size on a dense screen, about 6 KB as JPEG
BUDGET = 84  # images on a page
IDENTITIES = 64  # candidates an arm, so that a large split is not read cell by cell
FUNCTIONS = {"viewpoint_deg": "camera", "camera": "viewpoint_deg"}


@dataclass(frozen=True)
class SampleImage:
    """An image as a data URI (empty if it cannot be read), its description, and its path below the
    folder of its dataset; width and height in pixels."""

    source: str
    text: str
    path: str = ""
    width: int = 0
    height: int = 0


def median_aspect(pictures: Iterable[SampleImage]) -> float:
    """Return the median width over height of the pictures that could be read, or that of a render
    if there is none; all cells of one figure have it."""
    known = [picture.width / picture.height for picture in pictures if picture.height]
    return round(median(known), 3) if known else 0.426


@dataclass(frozen=True)
class LevelSamples:
    """Pictures of each level. `matched` names what the pictures of a column share."""

    levels: tuple[str, ...]
    pictures: tuple[tuple[SampleImage, ...], ...]
    matched: str
    unread: int

    @property
    def aspect(self) -> float:
        """Width over height of every cell."""
        return median_aspect(picture for line in self.pictures for picture in line)


def draw_samples(outcome: RunResults) -> LevelSamples | None:
    """Choose a row of images for every arm of single levels, with columns matched as in the split.

    A column is one identity under one condition if the arms share such cells, else one condition.
    Designs without such arms have one row of identities. None if the split is missing or has no
    training image.
    """
    if outcome.split_folder is None:
        return None
    arms = outcome.split.arms_of_kind("only") or outcome.arms[-1:]
    attribute = outcome.split.attribute
    frame = _members(outcome.split_folder / "members.parquet", arms)
    columns = min(max(BUDGET // max(len(arms), 1), 3), 8 if len(arms) > 1 else 10)
    matched, chosen = _matched(frame, arms, attribute, columns)
    if not chosen:
        return None
    pictures = tuple(
        tuple(sample_image(row, root_of(outcome, row["dataset"])) for row in line)
        for line in chosen
    )
    unread = sum(not picture.source for line in pictures for picture in line)
    labels = tuple(bare(arm, outcome.split) for arm in arms)
    return LevelSamples(labels if len(arms) > 1 else ("",), pictures, matched, unread)


def _members(path: Path, arms: Sequence[str]) -> "pd.DataFrame":
    """Training rows of a few identities of each arm in its deal 0, every column that names a
    condition."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    columns = ["arm", "uid", "dataset", "path", "identity", *image_attributes()]
    with stored.reading_table(path, ReportError, "Make the split again with --force."):
        chosen = pc.field("arm").isin(list(arms)) & (pc.field("role") == "train")
        if "deal" in pq.read_schema(path).names:  # absent in splits from before there were deals
            chosen &= pc.field("deal").is_null() | (pc.field("deal") == 0)
        table = pq.read_table(path, columns=columns, filters=chosen)
    table = stored.check_stored(
        table, MEMBERS, path, ReportError, "Make the split again with --force."
    )
    frame = table.to_pandas()
    frame["person"] = [
        sampling.join_canonical(*who)
        for who in zip(frame["dataset"], frame["identity"], strict=True)
    ]
    people = frame[["arm", "person"]].drop_duplicates()
    people["priority"] = sampling.priorities(sampling.hash64_many(people["person"]), 0, "sheet")
    people = (
        people.sort_values(["priority", "person"]).groupby("arm", observed=True).head(IDENTITIES)
    )
    return frame.merge(people, on=["arm", "person"])


def _matched(
    frame: "pd.DataFrame", arms: Sequence[str], attribute: str, columns: int
) -> tuple[str, list[list[dict[str, Any]]]]:
    """Return the matched columns, and the rows of each arm: the strictest rule with a column is
    used."""
    left_out = {attribute, FUNCTIONS.get(attribute, "")}
    conditions = [
        name for name in image_attributes() if name not in left_out and frame[name].notna().any()
    ]
    rules = {
        "one identity, all other conditions equal": ["person", *conditions],
        "one identity": ["person"],
        "everything else alike": conditions,
    }
    for matched, names in rules.items():
        if names and (chosen := _columns(frame, arms, names, columns)):
            return matched, chosen
    return "", []


def _columns(
    frame: "pd.DataFrame", arms: Sequence[str], names: list[str], count: int
) -> list[list[dict[str, Any]]]:
    """Choose up to `count` cells that every arm fills, one for each identity if cells have
    identities; one row by arm.
    """
    cells = [
        sampling.join_canonical(*map(str, values))
        for values in zip(*(frame[name] for name in names), strict=True)
    ]
    frame = frame.assign(
        cell=cells, priority=sampling.priorities(sampling.hash64_many(cells), 0, "sheet")
    )
    filled = frame.groupby("cell")["arm"].nunique()
    shared = frame[frame["cell"].isin(filled.index[filled == len(arms)])].sort_values(
        ["priority", "uid"]
    )
    columns = shared.drop_duplicates("person" if "person" in names else "cell")["cell"][:count]
    first = shared.drop_duplicates(["arm", "cell"]).set_index(["arm", "cell"])
    return (
        [[first.loc[(arm, cell)].to_dict() for cell in columns] for arm in arms]
        if len(columns)
        else []
    )


def root_of(outcome: RunResults, dataset: str, target: str = OWN_TEST_SET) -> Path | None:
    """Return the folder of a dataset's images: of the split, or of another target; None if it is
    unknown."""
    if target != OWN_TEST_SET:
        known = outcome.benchmark.targets.get(target)
        root = known.roots.get(dataset) if known else None
        return joined_root(outcome.folder, root) if root else None
    return (
        joined_root(outcome.split_folder, outcome.split.datasets[dataset].root)
        if outcome.split_folder
        else None
    )


def sample_image(row: Mapping[str, Any], root: Path | None, height: int = HEIGHT) -> SampleImage:
    """A row of a table as a picture; a file that is gone or broken leaves an empty one."""

    def known(value: Any) -> bool:
        return value is not None and value == value  # NaN is null in pandas

    conditions = [
        str(row[name]) for name in ("weather", "illumination", "viewpoint_deg") if known(row[name])
    ]
    text = ", ".join([f"identity {row['identity']}", *filter(None, conditions)])
    path = str(row["path"])
    image = shown_image(root, path) if root else None
    if image is None:
        return SampleImage("", text, path)
    width = max(round(image.shape[1] * height / image.shape[0]), 1)
    small = resize_image(image, height, width) if image.shape[0] > height else image
    source = "data:image/jpeg;base64," + base64.b64encode(encode_jpeg(small, 84)).decode()
    return SampleImage(source, text, path, small.shape[1], small.shape[0])
