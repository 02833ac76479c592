"""build-manifest --table: a table of images is the source of a dataset."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gprplus.core.errors import GprplusError, ManifestError
from gprplus.ingest import Manifest, build_manifest, inspect
from gprplus.ingest.inspection.to_table import write_image_table

COMPARED = ("uid", "path", "identity", "camera", "camera_code", "identity_token", "role", "weather")
COMPARED += ("illumination", "viewpoint_deg", "is_junk", "is_distractor", "frame", "weather_code")


@pytest.fixture
def images(tmp_path: Path, plant) -> Path:
    """Six images of anna and ben, by the cameras A, B and C."""
    names = [f"{name}/{camera}.png" for name in ("anna", "ben") for camera in "ABC"]
    return plant(tmp_path / "images", names)


ROWS = [
    "anna/A.png,anna,North gate,query,Blue,false",
    "anna/B.png,anna,Hall,gallery,Blue,false",
    "anna/C.png,anna,Yard,train,blue,false",
    "ben/A.png,Ben Ng,North gate,gallery,,no",
    "ben/B.png,Ben Ng,Hall,,red,0",
    "ben/C.png,,Yard,gallery,,yes",
]


def build(
    images: Path,
    rows: list[str],
    header="path,identity,camera,role,upper_colour,is_junk",
    **options,
):
    table = images.parent / "files.csv"
    table.write_text("\n".join([header, *rows]) + "\n")
    return build_manifest(output=images.parent / "m", table=table, root=images, **options)


def rows_of(manifest: Manifest, columns=COMPARED) -> list[dict]:
    return manifest.images(list(columns)).to_pylist()


def test_names_are_identities_and_cameras_are_numbered_in_sorted_order(images: Path) -> None:
    manifest = build(images, ROWS)
    found = rows_of(manifest, ("path", "identity", "camera", "camera_code", "role", "is_junk"))
    assert [tuple(row.values()) for row in found] == [
        ("ben/A.png", "Ben Ng", 2, "North gate", "gallery", False),
        ("ben/B.png", "Ben Ng", 1, "Hall", None, False),
        ("anna/A.png", "anna", 2, "North gate", "query", False),
        ("anna/B.png", "anna", 1, "Hall", "gallery", False),
        ("anna/C.png", "anna", 3, "Yard", "train", False),
        ("ben/C.png", None, 3, "Yard", "gallery", True),
    ]
    people = manifest.identities(["identity", "images", "upper_colour"]).to_pylist()
    assert [tuple(row.values()) for row in people] == [("Ben Ng", 2, "red"), ("anna", 3, "blue")]
    assert list(manifest.datasets) == ["files"]


def test_numbers_stay_the_numbers_of_cameras(images: Path) -> None:
    manifest = build(images, ["anna/A.png,0007,12", "anna/B.png,7,003"], "file,pid,camid")
    found = rows_of(manifest, ("identity", "camera", "camera_code"))
    assert [tuple(row.values()) for row in found] == [("0007", 12, "12"), ("7", 3, "003")]


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
def test_what_inspect_writes_gives_the_same_rows(
    renders: Path, tmp_path: Path, suffix: str
) -> None:
    (renders / "identities.csv").write_text("identity,gender,look\n0001,male,a\n0002,female,b\n")
    before = build_manifest([renders], tmp_path / "before")
    table = tmp_path / "tables" / f"gprplus{suffix}"
    assert write_image_table(before, table) == 36
    (renders / "identities.csv").unlink()
    after = build_manifest(output=tmp_path / "after", table=table, root=renders)
    assert rows_of(after) == rows_of(before)
    assert after.identities().to_pylist() == before.identities().to_pylist()
    assert after.fingerprint == before.fingerprint


def test_a_dataset_with_junk_and_roles_is_written_and_read(tmp_path: Path, plant) -> None:
    names = [
        "bounding_box_train/0002_c1s1_000451_03.jpg",
        "bounding_box_test/-1_c1s1_000401_03.jpg",
        "bounding_box_test/0000_c2s1_000401_01.jpg",
        "query/1488_c6s3_094992_00.jpg.jpg",
    ]
    before = build_manifest([plant(tmp_path / "market", names)], tmp_path / "before")
    write_image_table(before, tmp_path / "market1501.csv")
    after = build_manifest(
        output=tmp_path / "after", table=tmp_path / "market1501.csv", root=tmp_path / "market"
    )
    assert rows_of(after) == rows_of(before)


def test_nothing_outside_the_root_is_read(images: Path, tmp_path: Path, plant) -> None:
    plant(tmp_path / "secret", ["x.png"])
    (images / "link").symlink_to(tmp_path / "secret")
    (images / "ben" / "link.png").symlink_to(tmp_path / "secret" / "x.png")
    rows = [
        f"{images}/anna/A.png,a",  # below the root
        "./anna//B.png,a",
        "../secret/x.png,b",
        f"{tmp_path}/secret/x.png,b",
        f"{images}/../secret/x.png,b",
        "link/x.png,b",
        "ben/link.png,b",
        "ben/none.png,b",
        ",b",
    ]
    manifest = build(images, rows, "path,identity")
    assert [row["path"] for row in rows_of(manifest)] == ["anna/A.png", "anna/B.png"]
    reasons = manifest.rejected(["path", "reason"]).to_pylist()
    assert sorted(tuple(row.values()) for row in reasons) == sorted(
        [
            ("(no path)", "outside"),
            ("../secret/x.png", "outside"),
            (f"{tmp_path}/secret/x.png", "outside"),
            (f"{images}/../secret/x.png", "outside"),
            ("link/x.png", "outside"),
            ("ben/link.png", "outside"),
            ("ben/none.png", "missing"),
        ]
    )


def test_a_row_without_identity_is_rejected(images: Path) -> None:
    manifest = build(images, ["anna/A.png,a", "anna/B.png,"], "path,identity")
    assert manifest.rejected(["path", "reason"]).to_pylist() == [
        {"path": "anna/B.png", "reason": "identity"}
    ]


@pytest.mark.parametrize(
    ("header", "rows", "sentence"),
    [
        ("path,camera", ["anna/A.png,1"], "has no column 'identity' (or id, pid, person"),
        ("identity,camera", ["a,1"], "has no column 'path' (or file, filename"),
        ("path,identity", ["anna/A.png,a", "anna/A.png,b"], "names 1 file more than once"),
        ("path,identity,role", ["anna/A.png,a,test"], "unknown role 'test'"),
        ("path,identity,is_junk", ["anna/A.png,a,maybe"], "expected true or false, found 'maybe'"),
        ("path,identity,frame", ["anna/A.png,a,x"], "column 'frame': expected whole numbers"),
        ("path,identity,uid", ["anna/A.png,a,-1"], "column 'uid': expected a whole number"),
        ("path,identity", ["anna/A.png"], "cannot be read as a table"),
        ("path,identity,identity", ["anna/A.png,a,b"], "has the column 'identity' twice"),
        ("file,image,identity", ["anna/A.png,b,a"], "has the columns file and image"),
        (
            "path,identity,hat",
            ["anna/A.png,a,yes", "anna/B.png,a,no"],
            "gives hat of 1 identity twice ('a' is",
        ),
        ("path,identity", ["x.png,a"], "None of the 1 files that"),
        ("path,identity", [], "names no image that can be read; it has no rows"),
        ("path,identity", ["../x.png,a"], "names no image that can be read: row 1"),
    ],
)
def test_a_table_that_cannot_be_read_is_one_sentence(images, header, rows, sentence) -> None:
    with pytest.raises(GprplusError) as problem:
        build(images, rows, header)
    assert sentence in str(problem.value)
    assert str(problem.value).count("\n") == 0


def test_another_form_of_file_is_one_sentence(images: Path, tmp_path: Path) -> None:
    (tmp_path / "files.xlsx").write_bytes(b"PK")
    with pytest.raises(ManifestError, match=r"expected CSV \(.csv, .tsv, .txt\), Parquet"):
        build_manifest(output=tmp_path / "m", table=tmp_path / "files.xlsx", root=images)
    with pytest.raises(ManifestError, match="There is no table"):
        build_manifest(output=tmp_path / "m", table=tmp_path / "none.csv", root=images)
    with pytest.raises(ManifestError, match="root is for --table"):
        build_manifest([images], tmp_path / "m", root=images)
    with pytest.raises(ManifestError, match="give their folder as --root"):
        build_manifest([images], tmp_path / "m", table=tmp_path / "files.csv")


def test_columns_of_other_types_are_read(images: Path, tmp_path: Path) -> None:
    columns = {
        "path": ["anna/A.png", "anna/B.png"],
        "identity": [7, 8],
        "camera": [1.0, None],
        "weather": pa.array(["Light rain", "3"]).dictionary_encode(),
    }
    pq.write_table(pa.table(columns), tmp_path / "files.parquet")
    manifest = build_manifest(output=tmp_path / "m", table=tmp_path / "files.parquet", root=images)
    found = rows_of(manifest, ("identity", "camera", "weather"))
    assert [tuple(row.values()) for row in found] == [("7", 1, "light-rain"), ("8", None, None)]
    undeclared, loss = manifest.datasets["files"].losses
    assert undeclared.startswith("weather: levels that are not declared are kept")
    assert loss.startswith("weather: 1 row of the table has the impossible value '3' (1)")
    (tmp_path / "files.jsonl").write_text(
        "\n".join(
            json.dumps({"path": f"anna/{c}.png", "identity": "a", "x": {"y": 1}}) for c in "AB"
        )
    )
    with pytest.raises(ManifestError, match="column 'x': expected texts or numbers"):
        build_manifest(output=tmp_path / "m", table=tmp_path / "files.jsonl", root=images, name="n")


def test_identities_that_a_reader_has_rounded_are_refused(images: Path, tmp_path: Path) -> None:
    """2**64 - 1 and 2**64 - 2, which are one decimal number."""
    rows = [{"file": f"anna/{c}.png", "pid": 2**64 - 1 - i} for i, c in enumerate("AB")]
    (tmp_path / "files.jsonl").write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(ManifestError, match="column 'identity' has numbers of more than 15 digits"):
        build_manifest(output=tmp_path / "m", table=tmp_path / "files.jsonl", root=images, name="n")
    rows = [{**row, "pid": str(row["pid"])} for row in rows]
    (tmp_path / "files.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = build_manifest(
        output=tmp_path / "m", table=tmp_path / "files.jsonl", root=images, name="n"
    )
    assert found.record.counts["identities"] == 2


def test_directions_are_one_turn_and_degrees_beyond_it_are_unknown(images: Path) -> None:
    degrees = ["-90", "400", "270", "360", "", "-360"]
    paths = [row.split(",")[0] for row in ROWS]
    rows = [f"{path},a,{degree}" for path, degree in zip(paths, degrees, strict=True)]
    manifest = build(images, rows, "path,identity,viewpoint_deg")
    found = manifest.images(["path", "viewpoint_deg"]).to_pylist()
    read = {row["path"]: row["viewpoint_deg"] for row in found}
    assert [read[path] for path in paths] == [270, None, 270, 0, None, 0]
    (loss,) = manifest.datasets["files"].losses
    assert loss.startswith("viewpoint_deg: 1 row of the table has the impossible value '400' (1)")


def test_spreadsheets_write_other_separators_and_marks(images: Path, tmp_path: Path) -> None:
    text = '\ufeffpath;identity;camera\r\nanna/A.png;0007;1\r\n"anna/B.png";"an;na";2\r\n'
    (tmp_path / "files.csv").write_bytes(text.encode())
    manifest = build_manifest(output=tmp_path / "m", table=tmp_path / "files.csv", root=images)
    found = rows_of(manifest, ("identity", "camera"))
    assert [tuple(row.values()) for row in found] == [("0007", 1), ("an;na", 2)]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "is empty: its first line must name the columns"),
        (b"path,identity\n\xe9.png,x\n", "cannot be read as a table: In CSV column #0"),
        (b'path,identity\n"a.png,x\n', "cannot be read as a table: CSV parse error"),
        (b",".join(b"c%d" % i for i in range(2000)), "has 2,000 columns; at most 1,000"),
    ],
)
def test_a_damaged_csv_is_one_sentence(images: Path, tmp_path: Path, data, sentence) -> None:
    (tmp_path / "files.csv").write_bytes(data)
    with pytest.raises(ManifestError) as problem:
        build_manifest(output=tmp_path / "m", table=tmp_path / "files.csv", root=images)
    assert sentence in str(problem.value)


def test_an_unchanged_table_rebuilds_nothing_and_a_changed_one_changes_its_rows(
    images: Path,
) -> None:
    first = build(images, ROWS)
    assert first.rebuilt == ("files",)
    assert build(images, ROWS).rebuilt == ()
    changed = build(images, [*ROWS[:4], "ben/B.png,Ben Ng,Cellar,,red,0", ROWS[5]])
    assert {row["camera_code"] for row in rows_of(changed)} == {
        "North gate",
        "Hall",
        "Yard",
        "Cellar",
    }
    assert build(images, ROWS).fingerprint == first.fingerprint
    fewer = build(images, ROWS[:2])
    assert len(fewer.images) == 2
    assert build(images, ROWS).fingerprint == first.fingerprint


def test_members_of_archives_are_named_by_their_paths(tmp_path: Path, plant) -> None:
    import shutil

    plant(tmp_path / "in", ["a/1.png", "a/2.png", "b/3.png"])
    (tmp_path / "root").mkdir()
    shutil.make_archive(str(tmp_path / "root" / "x"), "zip", tmp_path / "in")
    (tmp_path / "t.csv").write_text(
        "path,identity\nx.zip/a/1.png,a\nx.zip/b/3.png,b\nx.zip/b/4.png,b\n"
    )
    manifest = build_manifest(
        output=tmp_path / "m", table=tmp_path / "t.csv", root=tmp_path / "root"
    )
    assert [row["path"] for row in rows_of(manifest)] == ["x.zip/a/1.png", "x.zip/b/3.png"]
    assert manifest.rejected(["reason"]).to_pylist() == [{"reason": "missing"}]


def test_inspect_counts_the_levels_of_a_table(images: Path) -> None:
    assert inspect(build(images, ROWS)).margins["camera"] == {1: 2, 2: 2, 3: 1}


def test_truths_in_a_table_are_yes_and_no(images: Path) -> None:
    rows = [
        f"{row.split(',')[0]},{'ab'[i > 2]},{'True' if i > 2 else 'FALSE'}"
        for i, row in enumerate(ROWS)
    ]
    manifest = build(images, rows, "path,identity,hat")
    assert manifest.identities().select(["identity", "hat"]).to_pylist() == [
        {"identity": "a", "hat": "no"},
        {"identity": "b", "hat": "yes"},
    ]
