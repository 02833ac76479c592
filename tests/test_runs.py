"""Folders that remember what made them, and files that are whole or absent."""

import errno
import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gprplus.core.errors import GprplusError, ManifestError, RequestChanged
from gprplus.core.files import workdir


def test_a_file_appears_only_when_it_is_whole(tmp_path):
    path = tmp_path / "deep" / "a.txt"
    with workdir.atomic_write(path) as temporary:
        temporary.write_text("half")
        assert not path.exists()
    assert path.read_text() == "half"
    assert os.listdir(path.parent) == ["a.txt"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def interrupted():
        with workdir.atomic_write(path) as temporary:
            temporary.write_text("half of the n")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_lock_is_for_one_and_free_again(tmp_path):
    one, another = (
        workdir.exclusive_lock(tmp_path / "lock", GprplusError, "busy") for _ in range(2)
    )
    with one, pytest.raises(GprplusError, match="busy"), another:
        pass
    with workdir.exclusive_lock(tmp_path / "lock", GprplusError, "busy"):
        pass


def test_where_a_file_system_knows_no_locks_nobody_is_taken_for_another(tmp_path, monkeypatch):
    def refused(file, how):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", refused)
    with workdir.exclusive_lock(tmp_path / "lock", GprplusError, "busy"):
        assert (tmp_path / "lock").exists()


def test_what_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(GprplusError, match="cannot be written"):
        workdir.write_text(tmp_path / "a", "a folder is in the way")
    assert os.listdir(tmp_path) == ["a"]


def test_tables_and_json_come_back(tmp_path):
    table = pa.table({"x": [1, 2, 3]})
    workdir.write_table(tmp_path / "t.parquet", table)
    workdir.write_json(tmp_path / "r.json", {"path": Path("a/b"), "name": "Zoë"})
    assert pq.read_table(tmp_path / "t.parquet").equals(table)
    assert workdir.read_json(tmp_path / "r.json", ManifestError, "a manifest") == {
        "path": "a/b",
        "name": "Zoë",
    }
    assert sorted(os.listdir(tmp_path)) == ["r.json", "t.parquet"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "is not a split: it has no split.json"),
        ("{", "cannot be read as a split"),
        ("[]", "JSON object was expected"),
    ],
    ids=["absent", "torn", "another kind of JSON"],
)
def test_a_wrong_record_is_the_callers_error(tmp_path, content, sentence):
    if content is not None:
        (tmp_path / "split.json").write_text(content)
    with pytest.raises(ManifestError, match=sentence):
        workdir.read_json(tmp_path / "split.json", ManifestError, "a split")


def test_a_file_in_the_place_of_a_folder_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ManifestError, match="it is a file, not a folder"):
        workdir.read_json(tmp_path / "file" / "split.json", ManifestError, "a split")


REQUEST = {"seed": 0, "levels": ["sunny", "foggy"], "where": None}


def test_the_same_request_is_known_again(tmp_path):
    record = tmp_path / "record.json"
    assert workdir.check_request(record, REQUEST) == "new"
    workdir.write_json(record, {"request": REQUEST})
    assert workdir.check_request(record, REQUEST) == "same"
    assert workdir.check_request(record, dict(reversed(REQUEST.items()))) == "same"
    assert workdir.check_request(record, REQUEST | {"levels": ("sunny", "foggy")}) == "same"
    assert workdir.check_request(record, REQUEST, force=True) == "same"


def test_another_request_stops_with_the_difference_unless_forced(tmp_path):
    record = tmp_path / "record.json"
    workdir.write_json(record, {"request": REQUEST})
    with pytest.raises(RequestChanged, match=r"seed was 0, now 1.*--force"):
        workdir.check_request(record, REQUEST | {"seed": 1})
    assert workdir.check_request(record, REQUEST | {"seed": 1}, force=True) == "new"


@pytest.mark.parametrize("text", ["", "{", "[1]"])
def test_a_torn_record_counts_as_none(tmp_path, text):
    record = tmp_path / "record.json"
    record.write_text(text)
    assert workdir.check_request(record, REQUEST) == "new"


def test_differences_name_what_came_and_went():
    assert workdir.describe_changes({"a": 1, "b": 2}, {"b": 3, "c": "x"}) == [
        "a was 1, now not given",
        "b was 2, now 3",
        "c was not given, now x",
    ]
    assert workdir.describe_changes(REQUEST, json.loads(workdir.canonical_json(REQUEST))) == []


def test_a_long_value_is_cut():
    (phrase,) = workdir.describe_changes({"x": "a" * 500}, {"x": 1})
    assert len(phrase) < 120


def test_a_fingerprint_is_shown_by_its_beginning():
    (phrase,) = workdir.describe_changes({"manifest": "0f" * 32}, {"manifest": "a7" * 32})
    assert phrase == "manifest was 0f0f0f0f0f0f..., now a7a7a7a7a7a7..."


def test_a_record_that_is_cut_off_says_what_to_do(tmp_path):
    (tmp_path / "manifest.json").write_text('{"request": ')
    with pytest.raises(
        ManifestError,
        match=r"cannot be read as a manifest: .* make the folder again with --force\.$",
    ):
        workdir.read_json(tmp_path / "manifest.json", ManifestError, "a manifest")


def test_fingerprints_see_values_and_not_the_order_of_keys():
    assert workdir.fingerprint({"a": 1, "b": [2]}) == workdir.fingerprint({"b": [2], "a": 1})
    assert workdir.fingerprint({"a": 1}) != workdir.fingerprint({"a": "1"})


def test_the_work_folder_is_the_argument_then_the_environment_then_work(monkeypatch):
    monkeypatch.delenv("GPRPLUS_WORK", raising=False)
    assert workdir.work_folder() == Path("work")
    monkeypatch.setenv("GPRPLUS_WORK", "elsewhere")
    assert workdir.work_folder() == Path("elsewhere")
    assert workdir.work_folder("here") == Path("here")


def test_versions_name_what_can_change_a_result():
    assert {"python", "gprplus", "numpy", "torch", "pyarrow"} <= workdir.package_versions().keys()


def test_paths_are_told_from_where_they_are_read(tmp_path):
    assert (
        workdir.relative_path(tmp_path / "renders" / "engine", tmp_path / "manifest")
        == "../renders/engine"
    )
