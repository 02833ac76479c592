"""Checks before a split is scored on a target: answerable queries, and overlap of the target with
the train set."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus.core import sampling
from gprplus.core.arrow import combine_chunks
from gprplus.core.errors import GprplusError, SplitError, first_few
from gprplus.core.protocol import UNANSWERABLE_REASONS, why_unanswerable
from gprplus.schema.audit import AnswerableCounts
from gprplus.schema.run_record import TargetLeakage, TargetNearDuplicates, TargetPair
from gprplus.splits import Split
from gprplus.splits.audit.leakage import LISTED, LOOKED_AT, RADIUS, nearest_within

if TYPE_CHECKING:
    import pyarrow as pa

    from gprplus.ingest import Manifest

CAMERA = {
    "camera": "camera",
    "viewpoint": "viewpoint_deg",
    "no-camera": None,
}  # protocol -> what plays the camera


def count_answerable(
    rows: "pa.Table", persons: np.ndarray, junk: np.ndarray, own: str, name: str
) -> dict[str, AnswerableCounts]:
    """Count, for each protocol that the rows of a target allow, queries kept and excluded with
    reasons; `own` first.

    `persons` (N,) are identities as text, None for distractors. Raises SplitError if `own` leaves
    no query.
    """
    query = np.array(rows.column("role").to_pylist()) == "query"
    ids = np.full(len(persons), -2, dtype=np.int64)
    known = np.array([person is not None for person in persons], dtype=bool)
    ids[known] = np.unique(persons[known].astype(str), return_inverse=True)[1]
    ids[query & ~known] = -3
    found: dict[str, AnswerableCounts] = {}
    for protocol, column in sorted(CAMERA.items(), key=lambda item: item[0] != own):
        cameras: tuple[np.ndarray | None, np.ndarray | None] = (None, None)
        if column is not None:
            if rows.column(column).null_count == len(rows):
                continue
            values = rows.column(column).fill_null(-1).to_numpy().astype(np.int64)
            cameras = values[query], values[~query]
        reasons = why_unanswerable(ids[query], ids[~query], *cameras, junk[~query])
        counts = np.bincount(reasons, minlength=len(UNANSWERABLE_REASONS))
        ranked = sorted(
            (-int(count), place) for place, count in enumerate(counts) if place and count
        )
        by_protocol = {
            UNANSWERABLE_REASONS[place].replace("camera", protocol.replace("no-", "")): -count
            for count, place in ranked
        }
        found[protocol] = AnswerableCounts(int(counts[0]), int(counts[1:].sum()), by_protocol)
    mine = found[own]
    if not mine.kept:
        why = (
            "; ".join(f"{count:,}: {reason}" for reason, count in mine.reasons.items())
            or "there are none"
        )
        raise SplitError(
            f"{name} cannot be a target: no query can be answered under the {own} rule ({why})."
        )
    return found


def training_overlap(
    split: Split, name: str, target: "pa.Table", manifest: "Manifest"
) -> TargetLeakage:
    """Return the overlap of the arms of a split with the rows of a target.

    `identities` if both come from the same dataset, `digests` and `near_duplicates` if the manifest
    of the split still exists and both were built with them; None means not checked. Shared
    identities and files raise SplitError; near duplicates are listed.
    """
    trained = _trained(split)
    found = TargetLeakage(_shared_identities(split, trained, name, target, manifest))
    source = _source(split)
    if source is None:
        return found
    ours = _looks(source, trained.column("uid").to_numpy())
    theirs = _looks(manifest, target.column("uid").to_numpy())
    if ours["digest"] and theirs["digest"]:
        shared = sorted(
            theirs["digest"][digest] for digest in theirs["digest"].keys() & ours["digest"].keys()
        )
        if shared:
            raise SplitError(
                f"{len(shared):,} images of the target {name} are byte for byte images that"
                f" {split.path} trains on: {first_few(shared)}. Take another target, or make the"
                " split with a --where that leaves them out."
            )
        found = replace(found, digests=0)
    if len(ours["dhash"]) and len(theirs["dhash"]):
        found = replace(found, near_duplicates=_near(ours, theirs))
    return found


def target_warnings(
    name: str,
    answerable: Mapping[str, AnswerableCounts],
    leakage: TargetLeakage | None,
    protocol: str,
) -> list[str]:
    """Sentences on what was excluded from a target and what of it looks like training images."""
    sentences = []
    mine = answerable.get(protocol)
    if mine and mine.excluded:
        why = "; ".join(f"{count:,}: {reason}" for reason, count in mine.reasons.items())
        total = mine.kept + mine.excluded
        sentences.append(
            f"{mine.excluded:,} of {total:,} queries of {name} cannot be answered and do not count"
            f" ({why})."
        )
    near = leakage.near_duplicates if leakage else None
    if near and near.count:
        shown = first_few([f"{pair.target} and {pair.train}" for pair in near.pairs])
        sentences.append(
            f"{near.count:,} of {near.looked_at:,} images of {name} resemble a training image"
            f" ({shown}). They can show one identity under two names: check some of them."
        )
    return sentences


def _trained(split: Split) -> "pa.Table":
    import pyarrow.compute as pc

    rows = split.members(["arm", "uid", "dataset", "identity"])
    return rows.filter(pc.is_valid(rows.column("arm")))


def _shared_identities(
    split: Split, trained: "pa.Table", name: str, target: "pa.Table", manifest: "Manifest"
) -> int | None:
    """Return 0 if datasets are equal and no identity is shared; None if no dataset is: equal names
    are no evidence.
    """
    one, two = split.record.datasets, manifest.datasets
    same = {of for of in one if of in two and one[of].fingerprint == two[of].fingerprint}
    if not same:
        return None
    ours, theirs = (
        set(zip(*(table.column(c).to_pylist() for c in ("dataset", "identity")), strict=True))
        for table in (trained, target)
    )
    shared = sorted(
        identity for dataset, identity in ours & theirs if dataset in same and identity is not None
    )
    if shared:
        raise SplitError(
            f"{len(shared):,} identities of the target {name} are trained on in {split.path}:"
            f" {first_few(shared)}. Take another target, or a manifest without them."
        )
    return 0


def _source(split: Split) -> "Manifest | None":
    """The manifest that a split was made of, if it is still there and still the same."""
    from gprplus.ingest import Manifest

    try:
        found = Manifest.open(split.path / split.record.manifest.path)
    except (GprplusError, OSError):
        return None
    return found if found.fingerprint == split.record.manifest.fingerprint else None


def _looks(manifest: "Manifest", uids: np.ndarray) -> dict[str, Any]:
    """Return, for the images of given uids, the path by digest, and hashes and paths of those with
    a difference hash.
    """
    import pyarrow as pa

    there = [column for column in ("digest", "dhash") if column in manifest.columns("images")]
    table = manifest.images(["uid", "path", *there])
    table = table.filter(pa.array(np.isin(table.column("uid").to_numpy(), uids)))
    paths = table.column("path").to_pylist()
    digests = table.column("digest").to_pylist() if "digest" in there else []
    found: dict[str, Any] = {
        "digest": {d: path for d, path in zip(digests, paths, strict=False) if d is not None}
    }
    if "dhash" not in there:
        return {**found, "dhash": np.empty(0, np.uint64), "paths": []}
    column = combine_chunks(table.column("dhash"))
    known = sampling.is_valid(column)
    kept = [path for path, one in zip(paths, known, strict=True) if one]
    return {**found, "dhash": sampling.to_numpy(column)[known], "paths": kept}


def _near(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> TargetNearDuplicates:
    looked = np.sort(np.argsort(sampling.splitmix64(theirs["dhash"]), kind="stable")[:LOOKED_AT])
    first, second, bits = nearest_within(theirs["dhash"][looked], ours["dhash"], RADIUS)
    pairs = sorted(
        (int(apart), theirs["paths"][looked[i]], ours["paths"][j])
        for i, j, apart in zip(first, second, bits, strict=True)
    )
    listed = [TargetPair(one, other, apart) for apart, one, other in pairs[:LISTED]]
    return TargetNearDuplicates(len(pairs), len(looked), RADIUS, listed)
