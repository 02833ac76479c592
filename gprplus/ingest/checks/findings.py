"""Findings of the checks: the number of flagged images, and the worst images first, with their
duplicates."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gprplus.core.declarations import image_attributes
from gprplus.core.errors import ManifestError, did_you_mean
from gprplus.ingest.tables.manifest import Manifest
from gprplus.schema.check_columns import CHECKS, GROUPS, score_column

MOST = 0.5  # what more than this share of the images has is a trait of the dataset, as cleanvision's max_prevalence
_ALIKE = ("exact-duplicate", "near-duplicate", "cross-identity")


@dataclass(frozen=True)
class CheckFinding:
    """Result of one check: of `judged` images (those with a score) `flagged` many, the worst score,
    and the dataset with the largest share.
    """

    check: str
    flagged: int
    judged: int
    worst: float | None
    worst_dataset: str | None
    worst_share: float

    @property
    def share(self) -> float:
        """Return flagged over scored images, 0-1."""
        return self.flagged / self.judged if self.judged else 0.0

    @property
    def common(self) -> bool:
        """Return True if most images are flagged, so that a list would not be informative."""
        return self.share > MOST

    @property
    def sentence(self) -> str:
        """The finding in words."""
        text = CHECKS[self.check][1].rstrip(".")
        what = (
            f"{self.check}: {self.flagged:,} of {self.judged:,} images are flagged"
            f" ({text[0].lower()}{text[1:]})"
        )
        if self.common:
            return (
                f"{what}. Most of the images share it, so it is a trait of the dataset; none is"
                " listed."
            )
        return f"{what}."


@dataclass(frozen=True)
class FlaggedImage:
    """A flagged image: its row in the images table, and the row that it is like, for checks that
    compare."""

    check: str
    row: int
    dataset: str
    path: str
    identity: str | None
    score: float
    caption: str
    like: int | None = None
    like_path: str | None = None


def list_findings(manifest: Manifest) -> list[CheckFinding]:
    """Return the result of each check of a manifest, in the order of the checks; nothing without
    checks."""
    names = manifest.check_names
    columns = [column for name in names for column in (score_column(name), CHECKS[name][0])]
    table = manifest.images(["dataset", *columns]) if names else None
    return [_finding(name, table) for name in names]


def _finding(name: str, table: pa.Table) -> CheckFinding:
    score, flag = table[score_column(name)], table[CHECKS[name][0]]
    groups = pa.table(
        {"dataset": table["dataset"].cast(pa.string()), "flag": flag.cast(pa.int64())}
    )
    shares = groups.group_by("dataset").aggregate([("flag", "mean")]).to_pylist()
    worst = max(shares, key=lambda row: (row["flag_mean"] or 0.0, row["dataset"]), default=None)
    share = (worst["flag_mean"] or 0.0) if worst else 0.0
    return CheckFinding(
        name,
        pc.sum(flag.cast(pa.int64())).as_py() or 0,
        len(score) - score.null_count,
        pc.min(score).as_py(),
        worst["dataset"] if worst and share else None,
        share,
    )


def list_issues(
    manifest: Manifest, word: str = "all", limit: int = 20
) -> dict[str, list[FlaggedImage]]:
    """The worst images first, at most `limit` a check, of the checks that `word` names (one, a
    group, or all).

    Checks that found nothing, or what most images share, have no list. Raises ManifestError for a
    check that the manifest does not have.
    """
    have = manifest.check_names
    if not have:
        raise ManifestError(
            f"{manifest.path} has no checks. Build it again with `gprplus build-manifest --checks`."
        )
    names = [name for name in GROUPS.get(word, (word,)) if name in have]
    if not names:
        more = (
            f" `build-manifest --checks {word}` adds it."
            if word in CHECKS
            else f" {did_you_mean(word, [*have, *GROUPS])}"
        )
        raise ManifestError(f"{manifest.path} has no check '{word}'.{more}")
    columns = [column for name in names for column in (score_column(name), CHECKS[name][0])]
    table = manifest.images(["dataset", "path", "identity", *image_attributes(), *columns])
    found = {name: _finding(name, table) for name in names}
    looks = manifest.looks() if set(names) & set(_ALIKE) else None
    return {
        name: _listed(name, table, looks, limit)
        for name in names
        if found[name].flagged and not found[name].common
    }


def _listed(name: str, table: pa.Table, looks: pa.Table | None, limit: int) -> list[FlaggedImage]:
    flagged = np.flatnonzero(np.asarray(pc.fill_null(table[CHECKS[name][0]], False)))
    scores = np.asarray(table[score_column(name)].take(pa.array(flagged)))
    worst = flagged[np.argsort(scores, kind="stable")]
    listed: list[FlaggedImage] = []
    reported: set[int] = set()
    for row in worst.tolist():
        if len(listed) == limit:
            break
        if row in reported:
            continue
        like = _alike(name, row, table, looks) if looks is not None and name in _ALIKE else None
        reported.update((row,) if like is None else (row, like))
        listed.append(_issue(name, row, like, table))
    return listed


def _issue(name: str, row: int, like: int | None, table: pa.Table) -> FlaggedImage:
    values: dict[str, Any] = {
        key: table[key][row].as_py() for key in ("dataset", "path", "identity")
    }
    score = table[score_column(name)][row].as_py()
    other = None if like is None else table["path"][like].as_py()
    return FlaggedImage(
        name,
        row,
        **values,
        score=score,
        caption=f"{score:.2f} {finding_label(table, row)}",
        like=like,
        like_path=other,
    )


def finding_label(table: pa.Table, row: int) -> str:
    """Describe identity and conditions of an image in a few words."""
    values = {name: table[name][row].as_py() for name in ("identity", *image_attributes())}
    degrees = values.pop("viewpoint_deg", None)
    values.pop("camera", None)
    shown = [values.pop("identity"), None if degrees is None else f"{degrees}°", *values.values()]
    return " ".join(str(value) for value in shown if value is not None)


def _alike(name: str, row: int, table: pa.Table, looks: pa.Table) -> int | None:
    """Return the row most similar to this one, of another identity if the check requires it."""

    dhash = np.asarray(looks["dhash"])
    content = looks["content"]
    same = np.asarray(pc.equal(content, content[row]))
    distance = np.where(same, 0, 1 + np.bitwise_count(dhash ^ dhash[row]).astype(np.int64))
    distance[~np.asarray(looks["decoded"]) & ~same] = 1_000
    distance[row] = 1_000
    if name == "exact-duplicate":
        distance[~same] = 1_000
    if name == "cross-identity":
        own = pc.and_(
            pc.equal(table["identity"], table["identity"][row]),
            pc.equal(table["dataset"], table["dataset"][row]),
        )
        distance[np.asarray(pc.fill_null(own, True))] = 1_000
    best = int(distance.argmin())
    return best if distance[best] < 1_000 else None
