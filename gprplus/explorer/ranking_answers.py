"""Answers from features: the ranked gallery of a query, and the map of a test set."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gprplus.analysis.principal_plane import project_to_plane
from gprplus.core import protocol
from gprplus.core.errors import BrowseError
from gprplus.experiments.run import read_run_record
from gprplus.explorer.image_answers import parse_uid, whole_number
from gprplus.explorer.run_answers import run_split
from gprplus.explorer.run_features import TestFeatures, read_recipe
from gprplus.explorer.split_answers import KEYS, manifest_number
from gprplus.explorer.workspace import Workspace

RANKS = 24  # images of a ranked gallery


def ranking_answer(space: Workspace, given: Mapping[str, str]) -> dict[str, Any]:
    """Return the most similar gallery images of a query under one arm and seed: relevant, wrong or
    excluded."""
    found = _features(space, given)
    target, features = found.target, found.features
    query = _row_of(target.uids, parse_uid(given.get("uid", "")))
    gallery = np.flatnonzero(~target._is_query())
    similarity = features[gallery] @ features[query]
    same, excluded = _relation(found, query, gallery)
    order = np.lexsort((same, -similarity))[:RANKS]
    ranks = np.cumsum(~excluded[order])
    rows = target.rows.select(["identity", "camera", "viewpoint_deg"]).take(gallery[order])
    return {
        "images": [
            {
                "uid": str(target.uids[gallery[place]]),
                "similarity": float(similarity[place]),
                "kind": "excluded" if excluded[place] else "relevant" if same[place] else "wrong",
                "rank": int(rank),
                "caption": [str(value) for value in row.values() if value is not None],
            }
            for place, rank, row in zip(order, ranks, rows.to_pylist(), strict=True)
        ]
    }


def _relation(
    found: TestFeatures, query: int, gallery: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return which gallery rows have the identity of the query, and which its ranking leaves
    out."""
    target = found.target
    names = target._identities()
    ids = np.array([-1 if one is None else hash(one) for one in names], dtype=np.int64)
    cameras = target._cameras()
    junk = target._flag("is_junk")[gallery]
    of_query = of_gallery = None
    if cameras is not None:
        codes = np.array([protocol.UNKNOWN_CAMERA if one is None else int(one) for one in cameras])
        of_query, of_gallery = codes[[query]], codes[gallery]
    gone = protocol.excluded_mask(ids[[query]], ids[gallery], of_query, of_gallery, junk)[0]
    return ids[gallery] == ids[query], gone


def map_answer(space: Workspace, given: Mapping[str, str]) -> dict[str, Any]:
    """Return the test images of an arm and seed on the two main axes of their features, with the
    levels of each attribute."""
    found = _features(space, given)
    points, shares = project_to_plane(found.features)
    rows, split = found.target.rows, run_split(space, space.run(given.get("s", "")))
    keys = (*KEYS, "dataset")
    names = ["identity", *(name for name in rows.column_names if name not in keys)]
    colours = {}
    for name in names:
        values = [None if v is None else str(v) for v in rows.column(name).to_pylist()]
        levels = list(dict.fromkeys(value for value in values if value is not None))
        if len(levels) > 1:
            place = {level: i for i, level in enumerate(levels)}
            colours[name] = {
                "levels": levels,
                "codes": [-1 if one is None else place[one] for one in values],
            }
    return {
        "manifest": None if split is None else manifest_number(space, split),
        "uids": [str(uid) for uid in found.target.uids.tolist()],
        "x": points[:, 0].tolist(),
        "y": points[:, 1].tolist(),
        "shares": shares.tolist(),
        "roles": rows.column("role").to_pylist(),
        "colours": colours,
    }


def _features(space: Workspace, given: Mapping[str, str]) -> TestFeatures:
    run = space.run(given.get("s", ""))
    split = run_split(space, run)
    if split is None:
        raise BrowseError("The split of the run is gone, and the list of its images with it.")
    arm, seed = given.get("arm", ""), whole_number(given, "seed", 0)
    trained = {(row["arm"], row["seed"]) for row in run.results.to_pylist()}
    if (arm, seed) not in trained:
        raise BrowseError("The run has no such arm and seed. Load the page again.")
    folder = run.folder / arm / f"seed{seed}"
    record = read_run_record(folder)
    if record is None:
        raise BrowseError(f"{folder} holds no finished run.")
    return space.features.get(folder, read_recipe(record, str(folder / "run.json")), split)


def _row_of(uids: np.ndarray, uid: int) -> int:
    found = np.flatnonzero(uids == np.uint64(uid))
    if not len(found):
        raise BrowseError("The test set has no image with this uid. Load the page again.")
    return int(found[0])
