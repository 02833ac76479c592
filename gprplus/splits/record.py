"""The record split.json before the audit: request, members, and provenance."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gprplus import schema
from gprplus.core import sampling
from gprplus.core.errors import first_few
from gprplus.core.files import workdir
from gprplus.core.parallel import map_threads
from gprplus.schema.audit import Audit
from gprplus.schema.records import DatasetRecord, Level
from gprplus.schema.split_record import (
    RANDOM_LEVELS,
    ArmRecord,
    DealRecord,
    ManifestLink,
    SplitRecord,
    TestSetRecord,
)
from gprplus.splits.arm_names import completed
from gprplus.splits.designs import ArmSet, DesignInput, DrawnArm
from gprplus.splits.draws.dealing import arms_of_every_deal
from gprplus.splits.test_sets.test_set import TestSet

if TYPE_CHECKING:
    from gprplus.ingest import Manifest
    from gprplus.splits.candidates import CandidateTable


def build_record(
    manifest: "Manifest",
    output: Path,
    record: Mapping[str, Any],
    train: DesignInput,
    plan: ArmSet,
    test_set: TestSet,
) -> SplitRecord:
    """Return the record of a split in the folder `output`, without tests, audit, warnings, versions
    and fingerprint."""
    pool = train.pool
    every = list(arms_of_every_deal(plan.arms))
    prints = dict(
        zip(map(id, every), map_threads(partial(_arm_fingerprint, pool), every), strict=True)
    )
    parts = SplitParts(
        {name: _arm(pool, arm, prints) for name, arm in plan.arms.items()},
        TestSetRecord(
            identities=_identity_count(pool, test_set.rows),
            queries=int(test_set.query.sum()),
            gallery=int((~test_set.query).sum()),
            protocol=test_set.protocol,
            fingerprint=_test_fingerprint(pool, test_set),
        ),
        _gallery_levels(train, test_set),
    )
    return record_of_parts(manifest, output, record, train, plan, parts)


@dataclass(frozen=True)
class SplitParts:
    """The parts of a record that are counted from rows."""

    arms: dict[str, ArmRecord]
    test: TestSetRecord
    gallery_levels: dict[str, int]


def record_of_parts(
    manifest: "Manifest",
    output: Path,
    record: Mapping[str, Any],
    train: DesignInput,
    plan: ArmSet,
    parts: SplitParts,
) -> SplitRecord:
    """Return the record of a split, as `build_record`, from its parts."""
    found = SplitRecord(
        schema_version=schema.VERSION,
        name=output.resolve().name,
        request=dict(record),
        design=plan.design,
        attribute=train.request.attr,
        levels=[level.item() if isinstance(level, np.generic) else level for level in plan.levels],
        seed=train.request.seed,
        reference=plan.reference,
        manifest=ManifestLink(workdir.relative_path(manifest.path, output), manifest.fingerprint),
        datasets=_datasets(manifest, output),
        attributes={name: one for name, one in train.pool.own.items() if one.type != "number"},
        fingerprint="",
        arms=parts.arms,
        test=parts.test,
        gallery_levels=parts.gallery_levels,
        retention=round(plan.retention, 6),
        audit=Audit(),
        warnings=[],
    )
    facts: dict[str, Any] = {plan.design: plan.facts} if plan.facts else {}
    return completed(replace(found, **facts))


def _datasets(manifest: "Manifest", output: Path) -> dict[str, DatasetRecord]:
    known, found = manifest.datasets, {}
    for name, root in manifest.roots().items():
        one, place = known[name], workdir.relative_path(root, output)
        found[name] = DatasetRecord(
            place, one.licence, one.title, one.images, one.identities, one.fingerprint
        )
    return found


def _arm(pool: "CandidateTable", arm: DrawnArm, prints: Mapping[int, str]) -> ArmRecord:
    """The record of an arm; `prints` holds fingerprints by the id of each deal."""
    deals = [_deal(pool, one, prints, drawn=arm.kind == RANDOM_LEVELS) for one in arm.deals]
    return arm_record(arm, deals)


def arm_record(arm: DrawnArm, deals: list[DealRecord]) -> ArmRecord:
    """Return the record of an arm with the records of its deals."""
    return ArmRecord(
        kind=arm.kind,
        levels=list(arm.levels),
        images=deals[0].images,
        identities=deals[0].identities,
        fingerprint=deals[0].fingerprint,
        deals=deals if len(deals) > 1 else None,
        **arm.facts,
    )


def _deal(
    pool: "CandidateTable", arm: DrawnArm, prints: Mapping[int, str], *, drawn: bool
) -> DealRecord:
    """Return the record of a deal of an arm, with its levels if they were drawn."""
    levels: list[Level] = list(arm.levels)
    return DealRecord(
        len(arm.rows), _identity_count(pool, arm.rows), prints[id(arm)], levels if drawn else None
    )


def _arm_fingerprint(pool: "CandidateTable", arm: DrawnArm) -> str:
    """Return the fingerprint of the images, and of their weights if there are any."""
    uid = pool.uid[arm.rows]
    if arm.weights is None:
        return sampling.sha256_digest(np.sort(uid).astype("<u8").tobytes())
    order = np.argsort(uid)
    return sampling.sha256_digest(
        uid[order].astype("<u8").tobytes(), arm.weights[order].astype("<f8").tobytes()
    )


def _test_fingerprint(pool: "CandidateTable", test_set: TestSet) -> str | None:
    """Return the fingerprint of queries and gallery, equal for splits with one test set. None
    without a test set."""
    if not len(test_set.rows):
        return None
    uids = (
        np.sort(pool.uid[test_set.rows[chosen]]) for chosen in (test_set.query, ~test_set.query)
    )
    return sampling.sha256_digest(*(uid.astype("<u8").tobytes() for uid in uids))


def _gallery_levels(train: DesignInput, test_set: TestSet) -> dict[str, int]:
    """Gallery rows of each level of the attribute; none for identities."""
    if train.request.attr == "identity" or not len(test_set.rows):
        return {}
    codes = train.pool.codes(train.request.attr).at(test_set.rows[~test_set.query])
    counts = np.bincount(codes.values[codes.values >= 0], minlength=len(codes.levels))
    return {str(codes.levels[code]): int(counts[code]) for code in codes.present()}


def _identity_count(pool: "CandidateTable", rows: np.ndarray) -> int:
    return int(np.count_nonzero(np.bincount(pool.identity[rows], minlength=1)))


def size_warnings(record: SplitRecord, excluded: int) -> list[str]:
    """Warnings about arms and test sets with too few identities; `excluded` is the number of
    queries that the protocol leaves out."""
    return [*_arm_warnings(record.arms), *_test_set_warnings(record.test, excluded)]


def _arm_warnings(arms: Mapping[str, ArmRecord]) -> list[str]:
    alone = [
        name
        for name, arm in arms.items()
        if min(one.identities for one in (arm, *(arm.deals or ()))) < 2
    ]
    if not alone:
        return []
    have = "has" if len(alone) == 1 else "have"
    return [
        f"{first_few(alone)} {have} only one identity: no network can be trained on that, and"
        " benchmark will refuse the split. Use more identities, or compare other levels."
    ]


def _test_set_warnings(test: TestSetRecord, excluded: int) -> list[str]:
    sentences = []
    if not test.queries + test.gallery:
        sentences.append(
            "There are no test rows (test share 0): runs of this split need a --target."
        )
    if test.identities == 1:
        sentences.append(
            "The test set has only one identity: the gallery has no wrong match for it, so every"
            " score is 100. Use more identities, a larger --test-share, or score on a --target."
        )
    if excluded:
        sentences.append(
            f"{excluded:,} queries have no true match in the gallery under the"
            f" {test.protocol} rule and stay in the gallery."
        )
    return sentences
