"""Identities with one look: a split uses one of them, unless the request keeps all."""

import json

import numpy as np
import pytest

from gprplus import make_split
from gprplus.core import sampling
from gprplus.core.declarations import optional_attributes

LOOKS = {"look": optional_attributes()["look"]}


@pytest.fixture
def world(crossed, write_manifest, tmp_path):
    """24 identities of 48 images; 0001 to 0004 have the look `worker`, of which 0003 has one image
    less and 0004 two; 0005 and 0006 the look `nurse`; 0007 a look alone, the others none."""
    looks = dict.fromkeys(["0001", "0002", "0003", "0004"], "worker")
    looks |= {"0005": "nurse", "0006": "nurse", "0007": "clerk"}
    rows = crossed()
    for name, fewer in (("0003", 1), ("0004", 2)):
        for row in [row for row in rows if row["identity"] == name][:fewer]:
            rows.remove(row)
    people = [{"identity": name, "look": look} for name, look in looks.items()]
    return write_manifest(tmp_path / "m", rows, people, own=LOOKS)


def hashed_first(*names):
    keys = sampling.hash64_many(sampling.join_canonical("engine", name) for name in names)
    return names[int(np.argmin(sampling.priorities(keys, 0, "look")))]


def identities_of(split):
    return set(split.members(["identity"]).column("identity").to_pylist())


def test_one_identity_of_each_look_is_used(world, tmp_path):
    split = make_split(world, "weather", tmp_path / "one", on_missing="drop-identity", audit="none")
    found = identities_of(split)
    assert found & {"0001", "0002", "0003", "0004"} == {hashed_first("0001", "0002")}
    assert found & {"0005", "0006"} == {hashed_first("0005", "0006")}
    assert len(found) == 24 - 3 - 1
    record = json.loads((tmp_path / "one" / "split.json").read_text())
    assert record["look_alikes"] == {
        "rule": "one",
        "looks": 2,
        "identities": 4,
        "images": 48 + 47 + 46 + 48,
    }
    assert "look_alikes" not in record["request"]
    assert (
        "2 looks have several identities: one of each is used, and 4 identities with 189"
        in " ".join(record["warnings"])
    )


def test_the_one_with_the_most_images_is_used(crossed, write_manifest, tmp_path):
    rows = crossed()
    rows.remove(next(row for row in rows if row["identity"] == hashed_first("0001", "0002")))
    people = [{"identity": name, "look": "worker"} for name in ("0001", "0002")]
    world = write_manifest(tmp_path / "m", rows, people, own=LOOKS)
    split = make_split(world, "weather", tmp_path / "one", audit="none", test_share=0)
    other = {"0001", "0002"} - {hashed_first("0001", "0002")}
    assert identities_of(split) & {"0001", "0002"} == other


def test_all_are_kept_on_request(world, tmp_path):
    split = make_split(world, "weather", tmp_path / "all", look_alikes="keep", audit="none")
    assert len(identities_of(split)) == 24
    record = json.loads((tmp_path / "all" / "split.json").read_text())
    assert record["request"]["look_alikes"] == "keep"
    assert record["look_alikes"] == {"rule": "keep", "looks": 2, "identities": 0, "images": 0}


def test_the_rule_is_applied_after_where(world, tmp_path):
    split = make_split(
        world,
        "weather",
        tmp_path / "one",
        where="identity in (0002, 0004, 0010, 0011, 0012)",
        audit="none",
        test_share=0,
    )
    assert identities_of(split) == {"0002", "0010", "0011", "0012"}


def test_a_manifest_without_shared_looks_is_split_as_before(crossed, write_manifest, tmp_path):
    plain = write_manifest(tmp_path / "plain", crossed())
    people = [{"identity": f"{i:04}", "look": f"look-{i}"} for i in range(1, 25)]
    looks = write_manifest(tmp_path / "looks", crossed(), people, own=LOOKS)
    before, after = (make_split(m, "weather", m.path / "split") for m in (plain, looks))
    assert before.record.fingerprint == after.record.fingerprint
    assert "look_alikes" not in (plain.path / "split" / "split.json").read_text()
    assert after.record.look_alikes is None


def test_a_split_by_look_is_possible(world, tmp_path):
    split = make_split(
        world, "look", tmp_path / "by", look_alikes="keep", test_share=0, audit="none"
    )
    assert {arm.levels[0] for arm in split.record.arms.values() if arm.kind == "only"} >= {"worker"}
