"""Every key that the package reads of a record is checked: a wrong kind is one sentence that names
file and key."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gprplus.core.errors import GprplusError, ManifestError, SplitError
from gprplus.core.typed import as_json
from gprplus.schema.manifest_record import manifest_record
from gprplus.schema.records import renders_record
from gprplus.schema.run_record import benchmark_record, run_record
from gprplus.schema.split_record import ArmRecord, DealRecord, split_record

EARLIER = Path(__file__).parents[1] / "data" / "version_0_1"
RECORDS: dict[str, Callable[[Any, Path], Any]] = {
    "splits/weather/split.json": split_record,
    "manifest/manifest.json": manifest_record,
    "runs/weather/smoke/benchmark.json": benchmark_record,
    "runs/weather/smoke/mix/seed0/run.json": run_record,
    "renders/engine/renders.json": renders_record,
}
WRONG = [None, True, -1, 2**70, 1e400, float("nan"), "", "../x", [], {}, [[[[]]]], {"a": {"b": 1}}]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value inside a JSON value."""
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


def put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """A copy of a JSON value with another one at a path."""
    copy = json.loads(json.dumps(value))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = new
    return copy


def answer(name: str, record: Any) -> str:
    """The sentence that refuses a record; "" where it is accepted."""
    try:
        RECORDS[name](record, Path("somewhere.json"))
    except GprplusError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_as_it_was_written_is_read(name):
    RECORDS[name](json.loads((EARLIER / name).read_text()), EARLIER / name)


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("wrong", WRONG, ids=repr)
def test_a_wrong_value_anywhere_is_accepted_or_named(name, wrong):
    record = json.loads((EARLIER / name).read_text())
    answers = [answer(name, put(record, path, wrong)) for path in list(places(record))[::7]]
    refused = [sentence for sentence in answers if sentence]
    assert all(sentence.startswith("somewhere.json: ") for sentence in refused)
    assert refused or wrong in ("", "../x", {}, None)


@pytest.mark.parametrize(
    "key", ["name", "arms", "datasets", "fingerprint", "test", "audit", "warnings", "manifest"]
)
def test_a_missing_key_of_a_split_is_named(key):
    record = json.loads((EARLIER / "splits/weather/split.json").read_text())
    del record[key]
    with pytest.raises(SplitError, match=f"the key '{key}' is missing"):
        split_record(record, Path("split.json"))


@pytest.mark.parametrize("path", [("name",), ("arms", "x/../../y"), ("datasets", "/etc")])
def test_names_that_leave_their_folder_are_refused(path):
    record = json.loads((EARLIER / "splits/weather/split.json").read_text())
    value = "../escaped" if path == ("name",) else next(iter(record[path[0]].values()))
    with pytest.raises(SplitError, match="is not a plain name"):
        split_record(put(record, path, value), Path("split.json"))


@pytest.mark.parametrize("key", ["root", "licence", "status", "ignored", "factors"])
def test_a_missing_key_of_a_dataset_is_named(key):
    record = json.loads((EARLIER / "manifest/manifest.json").read_text())
    del record["datasets"]["engine"][key]
    with pytest.raises(ManifestError, match=f"datasets.engine: the key '{key}' is missing"):
        manifest_record(record, Path("manifest.json"))


def test_factors_that_are_no_attributes_and_protocols_that_are_none_are_named():
    manifest = json.loads((EARLIER / "manifest/manifest.json").read_text())
    with pytest.raises(ManifestError, match=r"found 'wether'\. Did you mean 'weather'"):
        manifest_record(
            put(manifest, ("datasets", "engine", "factors", 0), "wether"), Path("manifest.json")
        )
    split = json.loads((EARLIER / "splits/weather/split.json").read_text())
    with pytest.raises(
        SplitError, match="test: protocol: expected 'camera' or 'viewpoint' or 'no-camera', found"
    ):
        split_record(put(split, ("test", "protocol"), "."), Path("split.json"))


def test_an_unknown_key_of_a_split_is_refused():
    record = json.loads((EARLIER / "splits/weather/split.json").read_text())
    with pytest.raises(SplitError, match=r"arms\.mix: unknown key 'colour'"):
        split_record(put(record, ("arms", "mix", "colour"), "red"), Path("split.json"))


def test_a_record_is_written_as_it_was_read():
    text = (EARLIER / "splits/weather/split.json").read_text()
    written = as_json(split_record(json.loads(text), Path("split.json")))
    added = {"gallery_levels": {}}  # a key that version 0.1 did not write
    assert written == json.loads(text) | added


def test_the_deal_of_a_seed_is_its_remainder():
    size = {"images": 4, "identities": 2}
    deals = [DealRecord(**size, fingerprint=name) for name in "ab"]
    arm = ArmRecord(kind="mix", levels=[], **size, fingerprint="a", deals=deals)
    assert [arm.deal_of(seed) for seed in (0, 1, 2)] == [0, 1, 0]
    assert [arm.dealt_to(seed).fingerprint for seed in (0, 1, 2)] == ["a", "b", "a"]
    assert arm.images_of_all_deals == 8
    once = ArmRecord(kind="mix", levels=[], **size, fingerprint="a")
    assert (once.deal_of(1), once.dealt_to(1).fingerprint, once.images_of_all_deals) == (
        None,
        "a",
        4,
    )


@pytest.mark.parametrize("name", RECORDS)
def test_a_key_that_no_version_wrote_is_refused_unless_other_programs_write_the_record(name):
    record = json.loads((EARLIER / name).read_text()) | {"colour": "red"}
    said = answer(name, record)
    assert ("unknown key 'colour'" in said) == (name != "renders/engine/renders.json")


def test_copies_that_were_not_counted_are_null_and_those_not_looked_for_absent():
    target = {
        "protocol": "camera",
        "fingerprint": "",
        "queries": 1,
        "gallery": 2,
        "datasets": {},
        "roots": {},
    }
    for told in (target, target | {"copies": None}, target | {"copies": {"camera": 3}}):
        record = benchmark_record(
            {"request": {}, "targets": {"market": told}}, Path("benchmark.json")
        )
        assert as_json(record)["targets"]["market"] == told
