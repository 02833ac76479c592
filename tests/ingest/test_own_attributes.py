"""Attributes of a user's own: declared in a file or a layout, read from names and joined tables."""

import json
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from gprplus import make_split
from gprplus.cli import cli
from gprplus.core.errors import DeclarationError, GprplusError, LayoutError, ManifestError
from gprplus.ingest import Manifest, build_manifest, inspect
from gprplus.ingest.inspection.sample_grid import pick_grid
from gprplus.schema.own_attributes import parse_attributes
from gprplus.splits import Split

DECLARED = """
[pose]
level = "image"
type = "category"
ordered = true
levels = ["standing", "walking", "running"]
sentence = "What the person does."

[team]
level = "identity"
type = "category"

[occlusion]
level = "image"
type = "number"
unit = "share"
"""


@pytest.fixture
def declared(tmp_path: Path) -> Path:
    (tmp_path / "mine.toml").write_text(DECLARED)
    return tmp_path / "mine.toml"


def poses(renders: Path) -> dict[str, str]:
    """Running in view 1, standing in view 2."""
    paths = sorted(path.relative_to(renders).as_posix() for path in renders.rglob("*.jpg"))
    return {path: "Running" if "_c01_" in path else "standing" for path in paths}


def test_a_table_is_joined_by_path(renders: Path, tmp_path: Path, declared: Path) -> None:
    rows = [f"{path},{pose},{i / 100}" for i, (path, pose) in enumerate(poses(renders).items())]
    (tmp_path / "poses.csv").write_text(
        "\n".join(["path,pose,occlusion", *rows, "none.jpg,walking,1"])
    )
    manifest = build_manifest(
        [renders], tmp_path / "m", attributes=declared, joins=[tmp_path / "poses.csv"]
    )
    assert manifest.levels("pose") == ["standing", "running"]  # in declared order
    found = manifest.images(["path", "pose", "occlusion"]).to_pylist()
    assert {row["path"]: row["pose"] for row in found} == {
        path: pose.lower() for path, pose in poses(renders).items()
    }
    assert found[3]["occlusion"] == 0.03
    assert manifest.datasets["gprplus"].losses == [
        "1 of 37 rows of poses.csv belong to no image here.",
        "the attributes team are declared, and no identity has a value.",
    ]
    assert inspect(manifest).margins["pose"] == {"standing": 18, "running": 18}
    assert inspect(manifest).numbers["occlusion"].largest == 0.35
    kept = manifest.images.to_arrow(["pose"], where="pose >= running and occlusion < 0.1")
    assert kept.column("pose").to_pylist() == ["running"] * len(kept)
    assert 0 < len(kept) < 10


def test_later_commands_need_no_declaration(tmp_path: Path, plant, declared: Path) -> None:
    names = [f"p{i}/{cam}_{pose}.png" for i in range(8) for cam in "AB" for pose in ("sit", "run")]
    plant(tmp_path / "in", names)
    poses = {"sit": "standing", "run": "running"}
    rows = [f"{n},{n[:2]},{n[3]},{poses[n[5:8]]}" for n in names]
    (tmp_path / "files.csv").write_text("\n".join(["path,identity,camera,pose", *rows]))
    table = tmp_path / "files.csv"
    build_manifest(output=tmp_path / "m", table=table, root=tmp_path / "in", attributes=declared)
    declared.unlink()
    manifest = Manifest.open(tmp_path / "m")
    split = make_split(manifest, "pose", tmp_path / "split", test_share=0.5)
    assert [arm.levels for arm in split.record.arms.values() if arm.kind == "only"] == [
        ["standing"],
        ["running"],
    ]
    assert set(split.train("only-running").column("pose").to_pylist()) == {"running"}
    assert set(split.test().column("pose").to_pylist()) == {"standing", "running"}
    record = json.loads((tmp_path / "split" / "split.json").read_text())
    assert record["attributes"]["pose"]["levels"] == ["standing", "walking", "running"]
    assert not make_split(manifest, "pose", tmp_path / "split", test_share=0.5).made
    assert Split.open(tmp_path / "split").record.fingerprint == split.record.fingerprint


def test_a_table_is_joined_by_identity_and_by_uid(
    renders: Path, tmp_path: Path, declared: Path
) -> None:
    first = build_manifest([renders], tmp_path / "m")
    uid = first.images(["uid"])["uid"][0].as_py()
    (tmp_path / "uids.csv").write_text(f"uid,pose\n{uid},running\n")
    (tmp_path / "teams.csv").write_text("identity,team,hat\n0001,Red,yes\n0003,blue,no\n")
    manifest = build_manifest(
        [renders],
        tmp_path / "m",
        attributes=declared,
        joins=[tmp_path / "uids.csv", tmp_path / "teams.csv"],
        force=True,
    )
    assert manifest.identities()["team"].to_pylist() == ["red", None, "blue"]
    assert manifest.identities()["hat"].to_pylist() == ["yes", None, "no"]
    assert manifest.images(["pose"])["pose"].to_pylist() == ["running"] + [None] * 35


def test_new_files_and_new_tables_are_taken_up(
    renders: Path, tmp_path: Path, declared: Path
) -> None:
    table = tmp_path / "poses.csv"
    options = {"attributes": declared, "joins": [table]}
    all_poses = poses(renders)
    gone = renders / next(iter(all_poses))
    data = gone.read_bytes()
    gone.unlink()
    table.write_text("\n".join(["path,pose", *(f"{p},{q}" for p, q in all_poses.items())]))
    assert len(build_manifest([renders], tmp_path / "m", **options).images) == 35
    gone.write_bytes(data)
    manifest = build_manifest([renders], tmp_path / "m", **options)
    assert manifest.images(["pose"])["pose"].to_pylist().count("running") == 18
    assert build_manifest([renders], tmp_path / "m", **options).rebuilt == ()
    table.write_text("\n".join(["path,pose", *(f"{p},walking" for p in all_poses)]))
    assert build_manifest([renders], tmp_path / "m", **options).levels("pose") == ["walking"]


LAYOUT = """
title = "Mine"
path = '(?P<identity>[a-z]+)_(?P<pose>[sr])_v(?P<version>\\d)_(?P<shot>\\d+)'
factors = ["identity", "pose"]
extensions = [".jpg"]

[attributes.pose]
level = "image"
type = "category"
levels = ["standing", "running"]
[attributes.pose.tokens]
levels = {s = "standing", r = "running"}

[attributes.renderer]
level = "image"
type = "integer"
[attributes.renderer.tokens]
group = "version"

[attributes.look]
[attributes.look.tokens]
group = "identity"
prefix = "look-"
"""


def test_a_layout_declares_attributes_of_its_own(tmp_path: Path, plant) -> None:
    names = [
        f"{n}_{p}_v{v}_{s}.jpg"
        for n in ("ann", "bob")
        for p in "sr"
        for v in (1, 2)
        for s in (1, 2)
    ]
    root = plant(tmp_path / "mine", names)
    (tmp_path / "mine.toml").write_text(LAYOUT.replace("\\\\", "\\"))
    manifest = build_manifest([root], tmp_path / "m", layout=tmp_path / "mine.toml")
    assert manifest.levels("pose") == ["standing", "running"]
    assert manifest.levels("renderer") == [1, 2]
    assert manifest.identities()["look"].to_pylist() == ["look-ann", "look-bob"]
    assert inspect(manifest).cells[0].factors == ("identity", "pose")
    plant(root, ["cat_r_v3_1.jpg"])
    more = build_manifest([root], tmp_path / "m", layout=tmp_path / "mine.toml")
    assert more.levels("renderer") == [1, 2, 3]
    assert more.identities()["look"].to_pylist() == ["look-ann", "look-bob", "look-cat"]


def test_a_factor_that_no_image_has_is_an_error(tmp_path: Path, plant) -> None:
    root = plant(tmp_path / "mine", ["ann_s_v1_1.jpg"])
    text = LAYOUT.replace("\\\\", "\\").replace(
        '{s = "standing", r = "running"}', '{q = "standing"}'
    )
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(LayoutError, match="lists pose among its factors, and no image"):
        build_manifest([root], tmp_path / "m", layout=tmp_path / "mine.toml")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "[Pose]\nlevel='image'\ntype='category'",
            "Pose: the name of an attribute is a lower-case",
        ),
        ("[path]\nlevel='image'\ntype='category'", "path: the name is that of another column"),
        (
            "[weather]\nlevel='image'\ntype='category'",
            "weather: the name is that of another column",
        ),
        ("[is_dark]\nlevel='image'\ntype='category'", "is_dark: the name is that of another"),
        ("[pose]\ntype='category'", "pose: the key 'level' is missing"),
        ("[pose]\nlevel='frame'\ntype='category'", "level: expected 'image' or 'identity'"),
        ("[pose]\nlevel='image'\ntype='text'", "type: expected 'category' or 'integer' or"),
        ("[pose]\nlevel='image'\ntype='category'\nordered=true", "lists its levels in order"),
        ("[pose]\nlevel='image'\ntype='integer'\nlevels=['1']", "levels are listed for a category"),
        ("[pose]\nlevel='image'\ntype='category'\nlevels=['A b']", "expected 'a-b', found 'A b'"),
        (
            "[pose]\nlevel='image'\ntype='category'\nlevels=['a','a']",
            "the level 'a' is listed twice",
        ),
        ("[look]\nlevel='image'", "look is an attribute that gprplus declares"),
    ],
)
def test_a_declaration_that_does_not_fit_is_one_sentence(tmp_path, text, sentence) -> None:
    import tomllib

    with pytest.raises(DeclarationError) as problem:
        parse_attributes(tomllib.loads(text), "mine.toml")
    assert str(problem.value).startswith("mine.toml: ")
    assert sentence in str(problem.value)


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("name,pose\na,running\n", "has no column path, uid or identity to join it by"),
        ("path,pose\nx.jpg,running\n", "has no row for any image: its paths are such as x.jpg"),
        ("identity,team\nx,red\n", "has no row for any identity"),
        ("identity,pose\n0001,running\n", "column pose, which belongs to single images"),
        ("identity,team\n0001,red\n0001,blue\n", "gives team of 1 identity twice"),
        ("uid,pose\nx,running\n", "column 'uid': expected a whole number"),
    ],
)
def test_a_table_that_cannot_be_joined_is_one_sentence(
    renders: Path, tmp_path: Path, declared: Path, table: str, sentence: str
) -> None:
    (tmp_path / "more.csv").write_text(table)
    with pytest.raises(GprplusError) as problem:
        build_manifest(
            [renders], tmp_path / "m", attributes=declared, joins=[tmp_path / "more.csv"]
        )
    assert sentence in str(problem.value)


def test_an_unknown_column_of_identities_names_the_way(renders: Path, tmp_path: Path) -> None:
    (renders / "identities.csv").write_text("identity,team\n0001,red\n")
    with pytest.raises(ManifestError, match=r"unknown column 'team'.*--attributes FILE.toml"):
        build_manifest([renders], tmp_path / "m")
    (tmp_path / "mine.toml").write_text(DECLARED)
    manifest = build_manifest([renders], tmp_path / "m", attributes=tmp_path / "mine.toml")
    assert manifest.identities()["team"].to_pylist() == ["red", None, None]


def test_a_number_makes_no_arms(renders: Path, tmp_path: Path, declared: Path) -> None:
    rows = [f"{path},0.5" for path in poses(renders)]
    (tmp_path / "more.csv").write_text("\n".join(["path,occlusion", *rows]))
    manifest = build_manifest(
        [renders], tmp_path / "m", attributes=declared, joins=[tmp_path / "more.csv"]
    )
    with pytest.raises(GprplusError, match="occlusion is a number: arms are made of levels"):
        make_split(manifest, "occlusion", tmp_path / "split")
    with pytest.raises(ManifestError, match="occlusion is a number, and the rows of a sheet"):
        pick_grid(manifest, "occlusion")


def test_two_datasets_must_agree_on_an_attribute(renders: Path, tmp_path: Path) -> None:
    for name, kind in (("one", "category"), ("two", "integer")):
        (tmp_path / "more.csv").write_text(
            "path,rank\n" + "".join(f"{p},1\n" for p in poses(renders))
        )
        (tmp_path / "mine.toml").write_text(f"[rank]\nlevel='image'\ntype='{kind}'\n")
        options = {"attributes": tmp_path / "mine.toml", "joins": [tmp_path / "more.csv"]}
        if name == "two":
            with pytest.raises(
                ManifestError, match="'rank' of dataset 'two' is declared differently"
            ):
                build_manifest([renders], tmp_path / "m", name=name, **options)
        else:
            build_manifest([renders], tmp_path / "m", name=name, **options)


def test_a_joined_cell_replaces_a_value_with_a_sentence_and_an_empty_one_nothing(
    renders: Path, tmp_path: Path, declared: Path
) -> None:
    paths = sorted(poses(renders))
    first = [f"{path},walking,clouds,0.5" for path in paths[:4]]
    (tmp_path / "a.csv").write_text("\n".join(["path,pose,weather,occlusion", *first]))
    second = [f"{paths[0]},running,,", f"{paths[1]},,foggy,0.25", f"{paths[2]},walking,,"]
    (tmp_path / "b.csv").write_text("\n".join(["path,pose,weather,occlusion", *second]))
    plain = build_manifest([renders], tmp_path / "plain").images(["path", "weather"]).to_pylist()
    named = {row["path"]: row["weather"] for row in plain}
    assert [named[path] for path in paths[:4]] == ["sunny", "sunny", "clouds", "clouds"]
    manifest = build_manifest(
        [renders],
        tmp_path / "m",
        attributes=declared,
        joins=[tmp_path / "a.csv", tmp_path / "b.csv"],
    )
    columns = ["path", "pose", "weather", "occlusion"]
    rows = {row.pop("path"): tuple(row.values()) for row in manifest.images(columns).to_pylist()}
    assert [rows[path] for path in paths[:4]] == [
        ("running", "clouds", 0.5),
        ("walking", "foggy", 0.25),
        ("walking", "clouds", 0.5),
        ("walking", "clouds", 0.5),
    ]
    assert rows[paths[5]] == (None, named[paths[5]], None)
    losses = manifest.datasets["gprplus"].losses
    assert "a.csv changes weather of 2 images, such as 'sunny' to 'clouds'." in losses
    assert "b.csv changes weather of 1 image, such as 'clouds' to 'foggy'." in losses
    assert "b.csv changes pose of 1 image, such as 'walking' to 'running'." in losses
    assert "b.csv changes occlusion of 1 image, such as '0.5' to '0.25'." in losses


def test_the_command_that_inspect_prints_for_a_table_keeps_own_attributes(
    renders: Path, tmp_path: Path, declared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [f"{path},{pose}" for path, pose in poses(renders).items()]
    (tmp_path / "poses.csv").write_text("\n".join(["path,pose", *rows]))
    home = tmp_path / "my files"
    home.mkdir()
    monkeypatch.chdir(home)
    first = build_manifest([renders], "m", attributes=declared, joins=[tmp_path / "poses.csv"])
    run = CliRunner()
    printed = run.invoke(cli, ["inspect", "m", "--to-table", "all images.csv"])
    assert printed.exit_code == 0, printed.output
    (command,) = [line for line in printed.stdout.splitlines() if line.startswith("gprplus ")]
    words = shlex.split(command)[1:]
    assert words[words.index("--attributes") + 1] == str(declared)
    made = run.invoke(cli, [*words, "-o", "again"])
    assert made.exit_code == 0, made.output
    columns = ["path", "identity", "pose", "weather"]
    assert Manifest.open("again").images(columns) == first.images(columns)
