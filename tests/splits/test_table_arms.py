"""Arms whose images a table of uids names: exactly those, recorded, rebuilt, refused when wrong."""

import csv
import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gprplus.core.errors import ManifestError, RequestChanged, SplitError
from gprplus.splits import DeclaredArm, Split, make_split, rebuild_split


@pytest.fixture
def source(manifest, crossed):
    return manifest(crossed(6))


def write(path, uids, **more):
    pq.write_table(pa.table({**more, "uid": pa.array(uids, pa.uint64())}), path)
    return str(path)


def uids_of(source, **levels):
    rows = source.images.to_arrow(["uid", *levels]).to_pylist()
    return [row["uid"] for row in rows if all(row[k] == v for k, v in levels.items())]


def make(source, folder, tables, **options):
    arms = [DeclaredArm(name, table=table) for name, table in tables.items()]
    options = {"test_share": 0, "deals": 1, "design": "declared", **options}
    return make_split(source, "weather", output=folder, arms=arms, **options)


@pytest.fixture
def made(source, tmp_path):
    foggy, night = uids_of(source, weather="foggy"), uids_of(source, illumination="night")
    tables = {
        "fog": write(tmp_path / "a.parquet", foggy),
        "night": write(tmp_path / "b.parquet", night),
    }
    return make(source, tmp_path / "split", tables), foggy, night


def test_an_arm_has_exactly_the_images_of_its_table(made):
    split, foggy, night = made
    assert sorted(split.train("fog").column("uid").to_pylist()) == sorted(foggy)
    assert sorted(split.train("night").column("uid").to_pylist()) == sorted(night)
    assert split.record.reference == "fog"


def test_a_csv_and_the_text_of_the_command_line_name_the_same_arm(source, made, tmp_path):
    with (tmp_path / "a.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["uid"], *([uid] for uid in made[1])])
    arms = [DeclaredArm.parse(f"fog: table={tmp_path / 'a.csv'}"), DeclaredArm("all")]
    split = make_split(
        source, "weather", output=tmp_path / "csv", design="declared", arms=arms, test_share=0
    )
    assert split.record.arms["fog"].fingerprint == made[0].record.arms["fog"].fingerprint


def test_the_record_needs_no_file_and_is_rebuilt_from_its_folder(source, made, tmp_path):
    split = made[0]
    for name in ("a.parquet", "b.parquet"):
        (tmp_path / name).unlink()
    theirs = tmp_path / "theirs"
    shutil.copytree(split.path, theirs)
    again = rebuild_split(theirs, source, output=tmp_path / "again")
    assert again.split.record.fingerprint == split.record.fingerprint
    assert Split.open(again.split.path).train("fog").equals(split.train("fog"))
    (theirs / "arms.parquet").unlink()
    with pytest.raises(SplitError, match=r"Copy arms\.parquet next to its split\.json"):
        rebuild_split(theirs, source, output=tmp_path / "third")


def test_a_column_deal_gives_each_deal_its_own_images(source, tmp_path):
    foggy, night = uids_of(source, weather="foggy"), uids_of(source, illumination="night")
    deals = [1] * len(night) + [0] * len(foggy)
    tables = {
        "x": write(tmp_path / "x.parquet", [*night, *foggy], deal=deals),
        "y": write(tmp_path / "y.parquet", foggy),
    }
    split = make(source, tmp_path / "split", tables, deals=2)
    for deal, uids in enumerate((foggy, night)):
        assert sorted(split.train("x", deal=deal).column("uid").to_pylist()) == sorted(uids)
        assert sorted(split.train("y", deal=deal).column("uid").to_pylist()) == sorted(foggy)
    again = rebuild_split(split.path, source, output=tmp_path / "again").split
    assert again.record.fingerprint == split.record.fingerprint
    with pytest.raises(SplitError, match=r"has 2 deals, but the split 3\. Use --deals 2"):
        make(source, tmp_path / "s", tables, deals=3)
    gap = write(tmp_path / "gap.parquet", foggy[:2], deal=[0, 2])
    with pytest.raises(
        SplitError, match="has 2 in its column deal, which numbers the deals 0, 1, 2"
    ):
        make(source, tmp_path / "s", {"x": gap}, deals=2)


def test_another_table_under_the_same_name_is_another_request(source, made, tmp_path):
    other = {
        "fog": write(tmp_path / "a.parquet", made[2]),
        "night": write(tmp_path / "b.parquet", made[2]),
    }
    with pytest.raises(RequestChanged, match="arms was"):
        make(source, made[0].path, other)


def test_uids_that_were_rounded_are_refused_and_blanks_around_them_are_not_read(source, tmp_path):
    foggy = uids_of(source, weather="foggy")
    pq.write_table(pa.table({"uid": [float(uid) for uid in foggy]}), tmp_path / "float.parquet")
    lines = [json.dumps({"uid": 2**64 - 1 - k}) for k in range(2)]
    (tmp_path / "wide.jsonl").write_text("\n".join(lines))
    for path in (str(tmp_path / "float.parquet"), str(tmp_path / "wide.jsonl")):
        with pytest.raises(ManifestError, match="'uid' has numbers of more than 15 digits"):
            make(source, tmp_path / "s", {"x": path})
        with pytest.raises(ManifestError, match="'uid' has numbers of more than 15 digits"):
            make_split(source, "weather", output=tmp_path / "s", exclude=path)
    (tmp_path / "x.csv").write_text("uid, deal\n" + "".join(f" {uid} , 0\n" for uid in foggy))
    split = make(source, tmp_path / "s", {"x": str(tmp_path / "x.csv")})
    assert sorted(split.train("x").column("uid").to_pylist()) == sorted(foggy)


def test_a_table_of_another_manifest_excludes_nothing_and_is_refused(source, tmp_path):
    night = uids_of(source, illumination="night")
    some = write(tmp_path / "some.parquet", [7, *night])
    split = make_split(source, "weather", output=tmp_path / "s", exclude=some, test_share=0.0)
    assert not {*night} & {*split.members().column("uid").to_pylist()}
    with pytest.raises(SplitError, match="has 2 uids, none of them of an image of"):
        make_split(
            source,
            "weather",
            output=tmp_path / "t",
            exclude=write(tmp_path / "other.parquet", [7, 8]),
        )


def test_what_cannot_be_is_refused_with_the_arm_and_a_way_out(source, tmp_path):
    with pytest.raises(SplitError, match=r"The arm 'x': there is no file .*gone\.parquet"):
        make(source, tmp_path / "s", {"x": str(tmp_path / "gone.parquet")})
    strange = write(tmp_path / "strange.parquet", [7])
    with pytest.raises(SplitError, match="1 of the 1 uids of the arm 'x' are not in the train set"):
        make(source, tmp_path / "s", {"x": strange})
    pq.write_table(pa.table({"key": [1]}), tmp_path / "key.parquet")
    with pytest.raises(SplitError, match=r"needs a column uid.*found key"):
        make(source, tmp_path / "s", {"x": str(tmp_path / "key.parquet")})
    with pytest.raises(SplitError, match="leave out restrict"):
        DeclaredArm("x", identities=3, table=strange)


@pytest.mark.parametrize("name", ["none.csv", "none.parquet"])
def test_a_table_without_rows_is_one_sentence(source, tmp_path, name):
    if name.endswith(".csv"):
        (tmp_path / name).write_text("uid\n")
    else:
        write(tmp_path / name, [])
    with pytest.raises(SplitError, match=r"^The arm 'a': .*none\.\w+ names no image\.$"):
        make(source, tmp_path / "split", {"a": str(tmp_path / name)})
    assert not (tmp_path / "split").exists()
