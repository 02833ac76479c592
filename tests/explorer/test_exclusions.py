"""Excluded images leave a split; of equal files one copy is kept."""

import shlex
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from gprplus import Manifest, Split, make_split
from gprplus.cli import cli
from gprplus.core.errors import FilterError, RequestChanged, SplitError
from gprplus.ingest.tables.review import read_review, restore_review, set_review
from gprplus.reporting.printed_commands import split_command
from gprplus.splits.rebuild import rebuild_split

COPIES = ["0001/0001_c01_w01_l03.jpg", "0001/0001_c02_w01_l03.jpg", "0002/0002_c01_w01_l03.jpg"]
REQUEST = {"attr": "weather", "audit": "none", "cross_level_tests": False, "deals": 1}


def paths(manifest: Manifest, where: str) -> list[str]:
    return manifest.images.to_arrow(["path"], where=where).column("path").to_pylist()


def some_uids(folder, where: str, count: int) -> list[int]:
    rows = Manifest.open(folder).images.to_arrow(["uid"], where=where)
    return rows.column("uid").to_pylist()[:count]


def members(split) -> set[int]:
    return set(split.members(["uid"]).column("uid").to_pylist())


def test_one_copy_of_equal_files_is_kept(manifest_folder):
    """Of 192 images three are equal: three are duplicates, two are extra copies."""
    manifest = Manifest.open(manifest_folder)
    assert paths(manifest, "is_exact_duplicate") == COPIES
    assert paths(manifest, "is_extra_copy") == COPIES[1:]
    assert len(paths(manifest, "not is_exact_duplicate")) == 189
    assert len(paths(manifest, "not is_extra_copy")) == 190


def test_without_checks_the_filter_names_the_option(own_manifest):
    (own_manifest / "looks.parquet").unlink()
    with pytest.raises(FilterError, match="--checks"):
        paths(Manifest.open(own_manifest), "is_extra_copy")


def test_nothing_is_excluded_without_a_table(manifest_folder):
    manifest = Manifest.open(manifest_folder)
    assert paths(manifest, "excluded") == []
    assert len(paths(manifest, "not excluded")) == 192


def test_decisions_are_kept_with_reason_author_and_time(own_manifest):
    first, second = some_uids(own_manifest, "weather = sunny", 2)
    set_review(own_manifest, [first, second], "excluded", "check dark")
    set_review(own_manifest, [second], "accepted")
    found = read_review(own_manifest)
    assert found.excluded_uids.tolist() == [first]
    assert found.accepted_uids.tolist() == [second]
    row = found.excluded.to_pylist()[0]
    assert row["reason"] == "check dark"
    assert row["author"]
    assert row["time"].endswith("+00:00")


def test_undo_restores_the_earlier_rows(own_manifest):
    uids = sorted(some_uids(own_manifest, "weather = sunny", 3))
    set_review(own_manifest, uids[:2], "excluded", "first")
    before = read_review(own_manifest)
    earlier = set_review(own_manifest, uids, "accepted")
    restore_review(own_manifest, uids, earlier)
    after = read_review(own_manifest)
    assert (after.excluded, after.accepted) == (before.excluded, before.accepted)


def test_a_split_leaves_out_what_a_table_names(own_manifest, tmp_path):
    gone = sorted(some_uids(own_manifest, "weather = sunny and illumination = night", 5))
    whole = make_split(own_manifest, output=tmp_path / "whole", **REQUEST)
    assert members(whole) & set(gone)
    assert whole.record.exclusions is None
    set_review(own_manifest, gone, "excluded")
    table = own_manifest / "excluded.parquet"
    split = make_split(own_manifest, output=tmp_path / "a", exclude=table, **REQUEST)
    assert not members(split) & set(gone)
    assert split.record.exclusions.path == "../work/manifest/excluded.parquet"
    assert split.record.exclusions.images == 5
    assert split.record.request["where"] == "not excluded"

    worded = make_split(own_manifest, output=tmp_path / "b", where="not excluded", **REQUEST)
    assert worded.record.fingerprint == split.record.fingerprint
    assert worded.record.request == split.record.request


def test_a_csv_of_uids_excludes_as_well(own_manifest, tmp_path):
    gone = some_uids(own_manifest, "weather = sunny", 3)
    (tmp_path / "mine.csv").write_text("uid,why\n" + "".join(f"{uid},old\n" for uid in gone))
    options = {**REQUEST, "exclude": str(tmp_path / "mine.csv")}
    split = make_split(own_manifest, output=tmp_path / "a", where="camera <= 4", **options)
    assert not members(split) & set(gone)
    assert split.record.request["where"] == "(camera <= 4) and not excluded"


def test_a_table_of_chosen_images_is_reduced_too(own_manifest, tmp_path):
    chosen = some_uids(own_manifest, "camera <= 4", 192)
    pq.write_table(pa.table({"uid": pa.array(chosen[:4], pa.uint64())}), tmp_path / "gone.parquet")
    options = {**REQUEST, "exclude": str(tmp_path / "gone.parquet")}
    split = make_split(own_manifest, output=tmp_path / "a", where=chosen, **options)
    assert not members(split) & set(chosen[:4])
    assert split.record.request["where_uids"]["images"] == 188


def test_the_split_is_made_again_from_its_record_after_more_was_excluded(own_manifest, tmp_path):
    gone = some_uids(own_manifest, "weather = sunny", 6)
    set_review(own_manifest, gone[:3], "excluded")
    split = make_split(own_manifest, output=tmp_path / "a", where="not excluded", **REQUEST)
    set_review(own_manifest, gone[3:], "excluded")
    with pytest.raises(RequestChanged, match="exclusions"):
        make_split(own_manifest, output=tmp_path / "a", where="not excluded", **REQUEST)
    again = rebuild_split(tmp_path / "a" / "split.json", own_manifest, output=tmp_path / "b")
    assert again.split.record.fingerprint == split.record.fingerprint
    (tmp_path / "a" / "exclude.parquet").unlink()
    with pytest.raises(SplitError, match=r"Copy exclude\.parquet"):
        rebuild_split(tmp_path / "a" / "split.json", own_manifest, output=tmp_path / "c")


@pytest.mark.parametrize("text", ["identity\n1\n", "uid\nfront\n", "uid\n-1\n"])
def test_a_table_without_uids_is_refused(own_manifest, tmp_path, text):
    (tmp_path / "mine.csv").write_text(text)
    with pytest.raises(SplitError, match="--exclude"):
        make_split(
            own_manifest, output=tmp_path / "a", exclude=str(tmp_path / "mine.csv"), **REQUEST
        )


@pytest.mark.parametrize("where", [None, "camera <= 4", "not excluded"])
def test_the_command_that_a_report_prints_excludes_the_same_images(own_manifest, tmp_path, where):
    gone = some_uids(own_manifest, "weather = sunny", 4)
    (tmp_path / "mine.csv").write_text("uid\n" + "".join(f"{uid}\n" for uid in gone[:3]))
    given = {} if where == "not excluded" else {"exclude": str(tmp_path / "mine.csv")}
    set_review(own_manifest, gone[:2], "excluded")
    split = make_split(own_manifest, output=tmp_path / "a", where=where, **given, **REQUEST)
    set_review(own_manifest, gone, "excluded")
    (tmp_path / "mine.csv").unlink()
    line = split_command(SimpleNamespace(split=split.record, split_folder=tmp_path / "a"))
    words = shlex.split(line)[1:]
    assert "there already" in CliRunner().invoke(cli, words).output
    fresh = [word.replace(str(tmp_path / "a"), str(tmp_path / "b")) for word in words[-1:]]
    done = CliRunner().invoke(cli, [*words[:-1], *fresh])
    assert done.exit_code == 0, done.output
    assert Split.open(tmp_path / "b").record.fingerprint == split.record.fingerprint
