"""The folder a split is: its files, its fingerprints, its requests; targets; and the command."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from gprplus import schema
from gprplus.cli import cli
from gprplus.core import sampling as keys
from gprplus.core.declarations import identity_attributes
from gprplus.core.errors import FilterError, ManifestError, RequestChanged, SplitError
from gprplus.core.files import workdir
from gprplus.core.typed import as_json
from gprplus.splits import Split, make_split, target_rows


@pytest.fixture(scope="module")
def source(write_manifest, crossed, tmp_path_factory):
    return write_manifest(tmp_path_factory.mktemp("source") / "manifest", crossed(24))


def test_members_stand_by_arm_then_identity_then_path_and_test_rows_last(source, tmp_path):
    split = make_split(source, "weather", output=tmp_path / "split")
    table = split.members()
    assert table.schema.equals(schema.arrow_schema(schema.MEMBERS))
    rows = table.to_pylist()
    order = {arm: place for place, arm in enumerate([*split.arms, None])}
    keys = [
        (order[row["arm"]], row["deal"] or 0, row["dataset"], row["identity"], row["path"])
        for row in rows
    ]
    assert keys == sorted(keys)
    assert all((row["role"] == "train") == (row["arm"] is not None) for row in rows)
    dealt = [
        (arm, deal)
        for arm in split.arms
        for deal in range(5 if arm in ("mix", "random-images-1") else 1)
    ]
    pieces = [*(split.train(arm, deal) for arm, deal in dealt), split.test()]
    assert [row for piece in pieces for row in piece.to_pylist()] == rows


def test_members_are_the_images_they_name(source, tmp_path):
    split = make_split(source, "weather", output=tmp_path / "split")
    images = {row["uid"]: row for row in source.images().to_pylist()}
    for row in split.members().to_pylist():
        assert {
            name: images[row["uid"]][name]
            for name in ("path", "identity", "camera", "weather", "background")
        } == {name: row[name] for name in ("path", "identity", "camera", "weather", "background")}


def test_one_arm_is_read_from_its_own_row_groups(source, tmp_path):
    split = make_split(source, "weather", output=tmp_path / "split")
    whole = {arm: split.train(arm).to_pylist() for arm in split.arms}
    path = split.path / "members.parquet"
    pq.write_table(pq.read_table(path), path, row_group_size=37)
    again = Split.open(split.path)
    assert {arm: again.train(arm).to_pylist() for arm in again.arms} == whole
    assert again.test().num_rows == split.record.test.queries + split.record.test.gallery
    assert again.members(["uid", "role"]).column_names == ["uid", "role"]


def test_fingerprints_are_of_the_rows(source, tmp_path):
    split = make_split(source, "weather", output=tmp_path / "split")
    elsewhere = make_split(source, "weather", output=tmp_path / "deeper" / "other")
    other = make_split(source, "weather", output=tmp_path / "seeded", seed=1)
    assert split.record.fingerprint == elsewhere.record.fingerprint != other.record.fingerprint
    assert (split.path / "members.parquet").read_bytes() == (
        elsewhere.path / "members.parquet"
    ).read_bytes()
    uids = sorted(split.train("mix").column("uid").to_pylist())
    digest = keys.sha256_digest(b"".join(uid.to_bytes(8, "little") for uid in uids))
    assert split.record.arms["mix"].fingerprint == digest
    once = [split.train(arm) for arm in split.arms if arm.startswith("only-")] + [split.test()]
    dealt = [split.train(arm, deal) for arm in ("mix", "random-images-1") for deal in range(5)]
    apart = {"path", "weight", *identity_attributes()}  # weight: this split has none
    told = [name for name in once[0].column_names if name not in apart]
    without = [name for name in told if name != "deal"]
    prints = [keys.table_fingerprint(piece, without) for piece in once]
    prints[-1:-1] = [keys.table_fingerprint(piece, told) for piece in dealt]
    assert split.record.fingerprint == keys.sha256_digest(*prints)
    assert (
        split.record.arms["only-sunny"] == other.record.arms["only-sunny"]
    )  # one image a cell: nothing to draw


def test_the_same_request_again_does_nothing(source, tmp_path):
    first = make_split(source, "weather", output=tmp_path / "split")
    before = (first.path / "members.parquet").stat().st_mtime_ns
    again = make_split(source.path, "weather", output=tmp_path / "split")
    assert (first.made, again.made) == (True, False)
    assert (again.path / "members.parquet").stat().st_mtime_ns == before


def test_blanks_in_a_filter_make_no_other_request(source, tmp_path):
    make_split(source, "weather", output=tmp_path / "split", where="illumination  !=  night ")
    assert not make_split(
        source, "weather", output=tmp_path / "split", where="illumination != night"
    ).made


def test_a_misspelt_request_into_a_used_folder_is_told_as_misspelt(source, tmp_path):
    make_split(source, "weather", output=tmp_path / "split")
    with pytest.raises(FilterError, match="illumination"):
        make_split(source, "weather", output=tmp_path / "split", where="ilumination != night")
    with pytest.raises(SplitError, match="sunny"):
        make_split(source, "weather", output=tmp_path / "split", levels=["sunny", "suny"])


def test_another_request_stops_unless_forced(source, tmp_path, manifest, crossed):
    make_split(source, "weather", output=tmp_path / "split")
    with pytest.raises(RequestChanged, match="seed was 0, now 3"):
        make_split(source, "weather", output=tmp_path / "split", seed=3)
    with pytest.raises(RequestChanged, match="manifest was"):
        make_split(manifest(crossed(25)), "weather", output=tmp_path / "split")
    assert (
        make_split(source, "weather", output=tmp_path / "split", seed=3, force=True).record.seed
        == 3
    )


def test_force_makes_the_same_request_anew(source, tmp_path):
    first = make_split(source, "weather", output=tmp_path / "split")
    again = make_split(source, "weather", output=tmp_path / "split", force=True)
    assert again.made
    assert again.record.fingerprint == first.record.fingerprint


def test_rows_that_were_written_before_there_were_weights_weigh_alike(source, tmp_path):
    split = make_split(source, "weather", output=tmp_path / "split")
    path = split.path / "members.parquet"
    workdir.write_table(path, pq.read_table(path).drop_columns(["weight"]))
    old = Split.open(split.path)
    assert old.train("mix").column_names == [column.name for column in schema.MEMBERS]
    assert old.train("mix").column("weight").null_count == old.record.arms["mix"].images
    assert old.members(["uid"]).column_names == ["uid"]


def test_an_interrupted_split_is_none(source, tmp_path):
    split = make_split(source, "weather", output=tmp_path / "split")
    (split.path / "split.json").unlink()
    with pytest.raises(SplitError, match="is not a split"):
        Split.open(split.path)
    assert make_split(source, "weather", output=tmp_path / "split").made


def test_what_is_no_split_or_no_arm_says_so(source, tmp_path):
    with pytest.raises(SplitError, match=r"is not a split .* it has no split\.json"):
        Split.open(tmp_path)
    split = make_split(source, "weather", output=tmp_path / "split")
    with pytest.raises(SplitError, match=r"no arm 'only-suny'. Did you mean 'only-sunny'"):
        split.train("only-suny")
    with pytest.raises(SplitError, match=r"no dataset 'engin'. Did you mean 'engine'"):
        split.roots({"engin": tmp_path})
    changed = replace(split.record, schema_version=99)
    (split.path / "split.json").write_text(json.dumps(as_json(changed)))
    with pytest.raises(SplitError, match="schema version 99"):
        Split.open(split.path)


def test_what_is_no_manifest_says_so(tmp_path):
    with pytest.raises(ManifestError):
        make_split(tmp_path, "weather", output=tmp_path / "split")


def test_roots_are_relative_to_the_split_and_can_be_overridden(source, tmp_path):
    split = make_split(source, "weather", output=tmp_path / "splits" / "weather")
    assert split.roots()["engine"].resolve() == source.roots()["engine"]
    assert split.roots({"engine": Path("/elsewhere")}) == {"engine": Path("/elsewhere")}


def test_junk_distractors_and_strangers_are_left_out_and_counted(manifest, crossed, tmp_path):
    rows = crossed(24)
    rows[0] |= {"is_junk": True}
    rows[1] |= {"is_distractor": True}
    rows[2] |= {"identity": None}
    split = make_split(manifest(rows), "weather", output=tmp_path / "split")
    assert split.record.audit.left_out == {"without identity": 1, "junk": 1, "distractor": 1}
    paths = set(split.members().column("path").to_pylist())
    assert not paths & {row["path"] for row in rows[:3]}


def test_two_datasets_with_one_identity_name_have_two_persons(manifest, crossed, tmp_path):
    split = make_split(
        manifest(crossed(12) + crossed(12, dataset="street")),
        "weather",
        output=tmp_path / "split",
        test_share=0,
    )
    assert split.record.arms["mix"].identities == 24
    assert set(split.record.datasets) == {"engine", "street"}


def test_a_target_without_roles_gets_the_rule_of_the_test_side(source):
    rows = target_rows(source)
    assert rows.num_rows == 24 * 48
    assert Counter(rows.column("role").to_pylist()) == {"query": 24 * 4, "gallery": 24 * 44}
    assert rows.schema.metadata == {b"protocol": b"camera"}
    assert rows.column_names == [
        *(column.name for column in schema.MEMBERS),
        "is_junk",
        "is_distractor",
    ]


def test_a_target_with_roles_keeps_them_and_its_junk(manifest):
    def row(i, role, identity, camera, **more):
        return {
            "dataset": "market1501",
            "path": f"{role}/{i}.jpg",
            "identity": identity,
            "camera": camera,
            "role": role,
            **more,
        }

    rows = [
        row(1, "query", "0001", 1),
        row(2, "gallery", "0001", 2),
        row(3, "gallery", None, 3, is_junk=True),
        row(4, "gallery", "0000", 3, is_distractor=True),
        row(5, "train", "0002", 1),
    ]
    found = target_rows(manifest(rows, factors=(), functions={})).to_pylist()
    shown = {
        row["path"]: (row["role"], row["identity"], row["is_junk"], row["is_distractor"])
        for row in found
    }
    assert shown == {
        "query/1.jpg": ("query", "0001", False, False),
        "gallery/2.jpg": ("gallery", "0001", False, False),
        "gallery/3.jpg": ("gallery", None, True, False),
        "gallery/4.jpg": ("gallery", "0000", False, True),
    }


MARKET = {"train": 4, "gallery": 4, "query": 2}  # rows of each role, two cameras


def of_roles(counts, dataset="market1501"):
    """Rows of a layout with roles: two persons a role, seen by two cameras."""
    rows = []
    for role, count in counts.items():
        for i in range(count):
            row = {
                "dataset": dataset,
                "path": f"{dataset}/{role}/{i}.jpg",
                "identity": f"{i % 2:04}",
                "camera": i // 2,
            }
            rows.append({**row, "role": role})
    return rows


@pytest.mark.parametrize(
    ("layout", "missing", "sentence"),
    [
        (
            "market1501",
            ["query"],
            r"train and gallery images, but none with the role query \(folder query\)",
        ),
        ("market1501", ["gallery"], r"none with the role gallery \(folder bounding_box_test\)"),
        ("msmt17_v1", ["query"], r"none with the role query \(list_query.txt\)"),
        (
            "msmt17_v2",
            ["query", "gallery"],
            r"query \(list_query.txt\), gallery \(list_gallery.txt\)",
        ),
        ("cuhk03_extracted", ["query"], "none with the role query"),
        ("own", ["query"], "none with the role query, and training"),
    ],
)
def test_a_target_that_lacks_query_or_gallery_is_refused_and_names_what_is_missing(
    manifest, layout, missing, sentence
):
    counts = {role: count for role, count in MARKET.items() if role not in missing}
    found = manifest(of_roles(counts), factors=(), functions={})
    dataset = replace(found.datasets["market1501"], layout=layout)
    found = replace(found, record=replace(found.record, datasets={"market1501": dataset}))
    with pytest.raises(ManifestError, match=sentence):
        target_rows(found)


def test_a_complete_target_is_searched_beside_a_set_that_is_all_training(manifest):
    found = target_rows(
        manifest(of_roles(MARKET) + of_roles({"train": 4}, "renders"), factors=(), functions={})
    )
    assert Counter(found.column("role").to_pylist()) == {"query": 2, "gallery": 4}
    with pytest.raises(
        ManifestError, match="dataset 'half' has gallery images, but none with the role query"
    ):
        target_rows(
            manifest(of_roles(MARKET) + of_roles({"gallery": 4}, "half"), factors=(), functions={})
        )


def test_the_command_prints_arms_test_side_and_the_next_step(source, tmp_path):
    arguments = ["--attr=weather", "--manifest", str(source.path), "--work", str(tmp_path / "work")]
    result = CliRunner().invoke(cli, ["make-split", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    for shown in (
        "only-sunny",
        "random-images-1",
        "queries",
        "camera rule",
        "100.0%",
        "gprplus benchmark",
    ):
        assert shown in result.stdout
    again = CliRunner().invoke(cli, ["make-split", *arguments, "--json"], catch_exceptions=False)
    told = json.loads(again.stdout)
    assert (told["made"], told["attribute"], len(told["arms"])) == (False, "weather", 6)
    assert Split.open(tmp_path / "work" / "splits" / "weather").name == "weather"


def test_the_command_hands_its_options_on(source, tmp_path):
    arguments = [
        "--attr",
        "weather",
        "--manifest",
        str(source.path),
        "-o",
        str(tmp_path / "split"),
        "--levels",
        "sunny,foggy",
    ]
    more = [
        "--where",
        "illumination != night",
        "--budget",
        "40",
        "--test-share",
        "0.4",
        "--no-controls",
        "--seed",
        "2",
    ]
    result = CliRunner().invoke(cli, ["make-split", *arguments, *more], catch_exceptions=False)
    assert result.exit_code == 0
    info = Split.open(tmp_path / "split").record
    assert list(info.arms) == ["only-sunny", "only-foggy", "mix"]
    assert {arm.images for arm in info.arms.values()} == {40}
    assert info.seed == 2
