"""The same split elsewhere: from a stranger's record, in another process, of a manifest in another
order or grown."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from gprplus.cli import cli
from gprplus.core.errors import DeclarationError, FilterError, RequestChanged, SplitError
from gprplus.core.typed import as_json
from gprplus.splits import Split, make_split, rebuild_split

REQUEST = {
    "attr": "weather",
    "levels": ["sunny", "foggy"],
    "where": "illumination != night",
    "seed": 3,
}


@pytest.fixture(scope="module")
def source(write_manifest, crossed, tmp_path_factory):
    return write_manifest(tmp_path_factory.mktemp("source") / "manifest", crossed(24))


@pytest.fixture(scope="module")
def mailed(source, tmp_path_factory):
    """The text of a split.json as it comes by mail: it names folders of another machine."""
    output = tmp_path_factory.mktemp("theirs") / "dry"
    make_split(source, **REQUEST, output=output, identities=12)
    info = json.loads((output / "split.json").read_text())
    info["manifest"]["path"] = info["datasets"]["engine"]["root"] = "Z:/nowhere/at/all"
    return json.dumps(info)


@pytest.fixture
def record(mailed, tmp_path):
    """A mailed split.json, alone in a folder."""
    path = tmp_path / "mailed" / "split.json"
    path.parent.mkdir()
    path.write_text(mailed)
    return path


def gprplus(*arguments: object, exit_code: int) -> str:
    ran = CliRunner().invoke(cli, [str(word) for word in arguments])
    assert ran.exit_code == exit_code, ran.output
    return ran.output + (str(ran.exception) if exit_code == 1 else "")


def test_a_mailed_record_is_rebuilt_row_for_row_under_local_roots(source, record, tmp_path):
    rebuilt = rebuild_split(record, source, output=tmp_path / "here")
    assert rebuilt.split is not None
    assert rebuilt.differences == ()
    assert rebuilt.split.record.fingerprint == json.loads(record.read_text())["fingerprint"]
    assert rebuilt.split.roots()["engine"].resolve() == source.roots()["engine"]
    assert rebuild_split(record.parent, source, output=tmp_path / "here").split.made is False


def test_a_record_from_before_test_sides_had_fingerprints_is_rebuilt_too(source, record, tmp_path):
    info = json.loads(record.read_text())
    del info["test"]["fingerprint"]
    record.write_text(json.dumps(info))
    rebuilt = rebuild_split(record, source, output=tmp_path / "here")
    assert rebuilt.differences == ()
    assert rebuilt.split.record.test.fingerprint
    again = make_split(source, **REQUEST, output=tmp_path / "here", identities=12)
    assert not again.made


def test_a_record_that_lies_where_its_split_belongs_gets_its_rows_back(source, tmp_path):
    split = make_split(source, "weather", output=tmp_path / "split")
    (split.path / "members.parquet").unlink()
    assert rebuild_split(split.path, source, output=split.path).split.train("mix").num_rows
    assert not rebuild_split(split.path, source, output=split.path).split.made


def test_another_manifest_gives_another_split_which_is_told_and_not_kept(
    manifest, crossed, record, tmp_path
):
    grown = manifest(crossed(30))
    rebuilt = rebuild_split(record, grown, output=tmp_path / "here")
    told = {one.what: (one.before, one.after) for one in rebuilt.differences}
    assert rebuilt.split is None
    assert told["dataset engine: images"] == (24 * 48, 30 * 48)
    assert {"rows", "manifest", "only-sunny", "mix", "test identities"} <= told.keys()
    assert not (tmp_path / "here").exists()


def test_a_manifest_that_tells_more_of_the_same_rows_is_no_obstacle(
    manifest, crossed, record, tmp_path
):
    weighed = manifest([{**row, "size_bytes": 700} for row in crossed(24)])
    rebuilt = rebuild_split(record, weighed, output=tmp_path / "here")
    assert rebuilt.split is not None
    assert [one.what for one in rebuilt.differences] == ["manifest", "dataset engine: fingerprint"]


def test_a_folder_in_use_is_not_taken(source, record, tmp_path):
    make_split(source, "illumination", output=tmp_path / "here")
    with pytest.raises(RequestChanged, match="attr was illumination, now weather"):
        rebuild_split(record, source, output=tmp_path / "here")
    assert rebuild_split(record, source, output=tmp_path / "here", force=True).split.made


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        (lambda info: info.pop("arms"), SplitError, "lacks arms"),
        (lambda info: info.update(schema_version=7), SplitError, "has schema version 7"),
        (
            lambda info: info["request"].update(wheather="x"),
            DeclarationError,
            "unknown key 'wheather'",
        ),
        (
            lambda info: info["request"].update(where="weather == 'hail'"),
            FilterError,
            "no level 'hail'",
        ),
    ],
    ids=["no arms", "another schema", "an unknown option", "a level that is not here"],
)
def test_a_record_that_cannot_be_followed_says_why(source, record, tmp_path, change, error, says):
    info = json.loads(record.read_text())
    change(info)
    record.write_text(json.dumps(info))
    with pytest.raises(error, match=says):
        rebuild_split(record, source, output=tmp_path / "here")


def test_the_command_says_equal_or_what_differs(source, record, manifest, crossed, tmp_path):
    arguments = ["make-split", "--from", record, "--work", tmp_path / "work"]
    shown = gprplus(*arguments, "--manifest", source.path, "--seed", "3", exit_code=0)
    assert shown.startswith(f"equal: {tmp_path}/work/splits/dry has the rows of {record}")
    data = json.loads(gprplus(*arguments, "--manifest", source.path, "--json", exit_code=0))
    assert (data["equal"], data["differences"]) == (True, [])
    shown = gprplus(*arguments, "--manifest", manifest(crossed(23)).path, exit_code=1)
    assert "dataset engine: images" in shown
    assert "it was made of another manifest" in shown


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--attr", "gender"], "was made with --attr weather; leave --attr out"),
        (["--levels", "sunny"], "was made with --levels sunny, foggy"),
        (["--study", "first_look"], "give one of them"),
    ],
)
def test_options_that_contradict_the_record_are_wrong_usage(record, more, says):
    assert says in gprplus("make-split", "--from", record, *more, exit_code=2)


WORKER = """
import sys
from gprplus.splits import make_split
import pyarrow
pyarrow.set_cpu_count(int(sys.argv[3])); pyarrow.set_io_thread_count(int(sys.argv[3]))
split = make_split(sys.argv[1], "weather", output=sys.argv[2], levels=["sunny+foggy", "clouds"], budget=60)
print(split.record.fingerprint)
"""


def test_rows_bytes_and_records_do_not_depend_on_hash_seed_threads_or_order(
    manifest, crossed, tmp_path
):
    rows = crossed(24)
    shuffled = random.Random(5).sample(rows, len(rows))
    found = []
    for seed, threads, given_rows in (("0", "1", rows), ("4711", "2", rows), ("17", "4", shuffled)):
        folder = tmp_path / seed / "split"
        command = [
            sys.executable,
            "-c",
            WORKER,
            str(manifest(given_rows).path),
            str(folder),
            threads,
        ]
        environment = {**os.environ, "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": threads}
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        found.append((ran.stdout, (folder / "members.parquet").read_bytes(), told(folder)))
    assert found[0] == found[1] == found[2]


def told(folder: Path) -> dict[str, object]:
    """What split.json says, apart from where things lie and which manifest it was (here its rows
    were shuffled)."""
    info = as_json(Split.open(folder).record)
    apart = ("manifest", "datasets")
    return {
        **{key: info[key] for key in info if key not in apart},
        "request": {**info["request"], "manifest": None},
    }


NAMES = st.sets(st.integers(1, 500).map("{:04}".format), min_size=8, max_size=24)


@settings(max_examples=12, deadline=None)
@given(old=NAMES, new=NAMES, data=st.data())
def test_growing_moves_nobody_and_changes_a_sample_by_the_newcomers_at_most(
    old, new, data, write_manifest, crossed, tmp_path_factory
):
    folder = tmp_path_factory.mktemp("grown")
    size = data.draw(st.integers(1, max(1, len(old) // 3)))

    def answer(names: set[str], place: str) -> tuple[set[str], set[str]] | None:
        rows = crossed(sorted(names), views=2, weathers=("sunny", "foggy"), lights=("dusk",))
        try:
            split = make_split(
                write_manifest(folder / place, rows),
                "weather",
                output=folder / f"{place}-s",
                identities=size,
                deals=1,
                audit="none",
            )
        except SplitError:
            return None  # nobody fell on one of the sides
        return tuple(
            set(table.column("identity").to_pylist())
            for table in (split.test(), split.train("mix"))
        )

    before, after = answer(old, "a"), answer(old | new, "b")
    if before and after:
        assert after[0] & old == before[0]
        assert len(before[1] - after[1]) <= len(new - old)
