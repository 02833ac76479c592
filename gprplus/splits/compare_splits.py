"""Differences between two splits: request, manifest, and members."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from gprplus.core import sampling
from gprplus.core.arrow import combine_chunks
from gprplus.core.files.workdir import canonical_json
from gprplus.core.typed import as_json
from gprplus.ingest.inspection.compare_manifests import (
    ManifestDifference,
    changed_keys,
    compare_datasets,
    compare_versions,
)
from gprplus.schema.split_record import ArmRecord, SplitRecord
from gprplus.splits.split import Split


def compare_splits(first: Split, second: Split) -> list[ManifestDifference]:
    """Return all differences, records first, then the number of images of each arm that are missing
    in the other."""
    found = compare_records(first.record, second.record)
    if first.record.fingerprint != second.record.fingerprint:
        found += _members(first, second)
    return found


def compare_records(first: SplitRecord, second: SplitRecord) -> list[ManifestDifference]:
    """The differences between two records alone, whether or not their rows are at hand."""
    one, two = (_request_json(record.request) for record in (first, second))
    found = changed_keys({"rows": first.fingerprint}, {"rows": second.fingerprint})
    found += changed_keys(one, two)
    found += changed_keys(
        {"manifest": first.manifest.fingerprint}, {"manifest": second.manifest.fingerprint}
    )
    found += compare_datasets(first.datasets, second.datasets)
    for arm in dict.fromkeys([*first.arms, *second.arms]):
        found += _arm(arm, first.arms.get(arm), second.arms.get(arm))
    versions = compare_versions(first.versions, second.versions)
    return [*found, *_test(as_json(first.test), as_json(second.test)), *versions]


def _request_json(request: Mapping[str, Any]) -> dict[str, Any]:
    """A request as JSON reads it back, without its manifest and what it leaves open."""
    request_json = json.loads(canonical_json(request))
    return {
        key: value
        for key, value in request_json.items()
        if key != "manifest" and value not in (None, [], {})
    }


def _arm(name: str, one: ArmRecord | None, two: ArmRecord | None) -> list[ManifestDifference]:
    """Compare an arm's counts and levels; its fingerprint if the counts are equal."""
    if one is None or two is None:
        return [
            ManifestDifference(name, one and {"images": one.images}, two and {"images": two.images})
        ]
    facts = [as_json(arm) for arm in (one, two)]
    other = [key for key in ("images", "identities", "levels") if facts[0][key] != facts[1][key]]
    other = (
        other
        or [key for key in ("fingerprint", "deals") if facts[0].get(key) != facts[1].get(key)][:1]
    )
    return (
        [ManifestDifference(name, *({key: arm.get(key) for key in other} for arm in facts))]
        if other
        else []
    )


def _test(one: Mapping[str, Any], two: Mapping[str, Any]) -> list[ManifestDifference]:
    """Compare the test set's counts and protocol; its fingerprint, which older records lack, if
    those are equal."""
    found = changed_keys({**one, "fingerprint": None}, {**two, "fingerprint": None}, "test ")
    both_known = one.get("fingerprint") and two.get("fingerprint")
    return found or (changed_keys(one, two, "test ") if both_known else [])


def _members(first: Split, second: Split) -> Iterator[ManifestDifference]:
    for arm in [*first.arms, None]:
        if arm is not None and arm not in second.record.arms:
            continue
        one, two = (_uids(split, arm) for split in (first, second))
        alone = [len(np.setdiff1d(a, b, assume_unique=True)) for a, b in ((one, two), (two, one))]
        if any(alone):
            yield ManifestDifference(f"{arm or 'test'}: images only here", *alone)


def _uids(split: Split, arm: str | None) -> np.ndarray:
    table = split.test() if arm is None else split.train(arm)
    return sampling.to_numpy(combine_chunks(table.column("uid")))
