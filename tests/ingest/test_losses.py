"""Nothing is lost in silence: hidden names, levels without a table, identities that match nobody,
times far away."""

import os
import tarfile
import unicodedata
import zipfile
from pathlib import Path
from typing import Any

import pytest

from gprplus.core.errors import DeclarationError, LayoutError
from gprplus.ingest import Manifest, build_manifest, inspect
from gprplus.ingest.files.archive_members import list_images
from gprplus.ingest.files.listing import HiddenFiles
from gprplus.ingest.inspection.layout_preview import preview_layout
from gprplus.ingest.layouts.load import load_layout
from gprplus.schema.manifest_record import HiddenRecord

OWN = r"(?P<identity>\d{4})/c(?P<camera>\d)_(?P<shot>\d+)"
MARKET = [
    f"{part}/{i:04d}_c1s1_00000{i}_01.jpg"
    for part in ("bounding_box_train", "query")
    for i in (1, 2, 3)
]


def own(folder: Path, path: str = OWN, more: str = "") -> Path:
    file = folder / "mine.toml"
    file.write_text(f"title = 'mine'\npath = '{path}'\n{more}\n")
    return file


def told(manifest: Manifest) -> str:
    """What a build prints, which `inspect` must print too."""
    (about,) = manifest.datasets.values()
    said = [*about.unknown, *about.losses]
    assert set(said) <= {problem.partition(": ")[2] for problem in inspect(manifest).problems}
    return " ".join(said)


def hide(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.rename(path.with_name(f"_{path.name}"))


def test_hidden_images_are_counted_and_named(tmp_path: Path, plant) -> None:
    root = plant(tmp_path / "r", MARKET)
    hide(root, MARKET[0], MARKET[4])
    made = build_manifest([root], tmp_path / "m")
    assert (len(made.images()), made.datasets["market1501"].rejected) == (4, 0)
    sentence = (
        "2 images are left out, such as bounding_box_train/_0001_c1s1_000001_01.jpg: names that"
        " begin with _ or ."
    )
    assert sentence in told(made)
    assert made.datasets["market1501"].hidden == HiddenRecord(
        2, 0, "bounding_box_train/_0001_c1s1_000001_01.jpg"
    )
    hide(root, MARKET[5])
    assert "3 images are left out" in told(build_manifest([root], tmp_path / "m"))
    assert build_manifest([root], tmp_path / "m").rebuilt == ()


def test_what_systems_and_gprplus_hide_is_not_missed(tmp_path: Path, plant) -> None:
    names = [
        "_masks/0001/a.png",
        "__MACOSX/x.jpg",
        "query/._0001_c1s1_000001_01.jpg",
        "_crops.json",
        ".DS_Store",
    ]
    root = plant(tmp_path / "r", [*MARKET, *names])
    made = build_manifest([root], tmp_path / "m")
    assert "left out" not in told(made)
    assert made.datasets["market1501"].hidden is None


def test_a_hidden_folder_counts_where_it_holds_images(tmp_path: Path, plant) -> None:
    root = plant(tmp_path / "r", [*MARKET, ".old/0001/a.jpg", "_more/b.PNG", "_notes/c.txt"])
    assert list_images(root).hidden == HiddenFiles(0, 2, ".old")
    assert "2 folders of images are left out, such as .old" in told(
        build_manifest([root], tmp_path / "m")
    )


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_hidden_members_of_archives_are_counted(tmp_path: Path, plant, kind: str) -> None:
    root = plant(tmp_path / "r", [*MARKET, "query/_9.jpg", "_old/x/9.jpg", "_masks/1.png"])
    file = tmp_path / f"a.{kind}"
    if kind == "tar":
        with tarfile.open(file, "w") as archive:
            archive.add(root, ".")
    else:
        with zipfile.ZipFile(file, "w") as archive:
            for path in sorted(root.rglob("*.*")):
                archive.write(path, path.relative_to(root))
    made = build_manifest([file], tmp_path / "m")
    assert "2 images are left out, such as _old/x/9.jpg" in told(made)
    assert build_manifest([file], tmp_path / "m").rebuilt == ()
    (tmp_path / "both").mkdir()
    os.link(file, tmp_path / "both" / file.name)
    first = told(build_manifest([tmp_path / "both"], tmp_path / "m2"))
    plant(tmp_path / "both", ["query/0009_c1s1_000009_00.jpg"])
    again = build_manifest([tmp_path / "both"], tmp_path / "m2")
    assert (
        len(again.images()) == 7
    )  # the archive was not opened again, and what it hides is remembered
    assert told(again) == first
    assert "such as a." in first


def test_a_folder_of_hidden_images_is_not_called_empty(tmp_path: Path, plant) -> None:
    root = plant(tmp_path / "r", ["0001/_DSC1_c1.jpg", "0002/_DSC2_c1.jpg"])
    sentence = (
        r"2 images are left out, such as 0001/_DSC1_c1\.jpg: names that begin with _ or \. are not"
        r" read"
    )
    for layout in ("auto", own(tmp_path)):
        with pytest.raises(LayoutError, match=sentence):
            build_manifest([root], tmp_path / "m", layout=layout)
    assert "2 images are left out" in preview_layout(root, str(own(tmp_path))).left_out


def test_a_group_without_a_table_is_named(tmp_path: Path, plant) -> None:
    root = plant(tmp_path / "r", ["a_wsunny.jpg", "a_wfoggy.jpg"])
    file = own(tmp_path, "(?P<identity>.)_w(?P<weather>[a-z]+)")
    made = build_manifest([root], tmp_path / "m", layout=file)
    assert (
        "weather: the layout has no [weather.levels] for foggy, sunny, which stay unknown."
        in told(made)
    )
    plant(root, ["b_wsunny.jpg"])
    assert "foggy, sunny" in told(build_manifest([root], tmp_path / "m", layout=file))


def test_degrees_without_a_rule_are_an_error_or_named(tmp_path: Path, plant) -> None:
    root = plant(tmp_path / "r", ["0001/c1_1.jpg", "0001/c2_2.jpg"])
    with pytest.raises(DeclarationError, match="viewpoint_deg: offset is missing"):
        load_layout(own(tmp_path, more="[viewpoint_deg]\nstep = 10"))
    with pytest.raises(DeclarationError, match="viewpoint_deg: step is missing"):
        load_layout(own(tmp_path, more="[viewpoint_deg]\noffset = 10"))
    with pytest.raises(
        DeclarationError, match=r"viewpoint_deg\.degrees\.1: expected -360 to 360, found 9999999999"
    ):
        load_layout(own(tmp_path, more="[viewpoint_deg.degrees]\n1 = 9999999999"))
    file = own(tmp_path, more="factors = ['viewpoint_deg']\n[viewpoint_deg.degrees]\n1 = 90")
    made = build_manifest([root], tmp_path / "a", layout=file)
    assert "viewpoint_deg: [viewpoint_deg.degrees] has no 2, which stay unknown." in told(made)
    file = own(tmp_path, more="factors = ['viewpoint_deg', 'weather']")
    with pytest.raises(LayoutError, match="lists viewpoint_deg, weather among its factors"):
        build_manifest([root], tmp_path / "b", layout=file)


def test_an_ending_in_capitals_is_read_and_makes_the_same_key(tmp_path: Path, plant) -> None:
    lower = build_manifest([plant(tmp_path / "a", MARKET)], tmp_path / "m")
    upper = build_manifest(
        [plant(tmp_path / "b", [f"{name[:-3]}JPG" for name in MARKET])], tmp_path / "n"
    )
    assert upper.images()["uid"].to_pylist() == lower.images()["uid"].to_pylist()


@pytest.mark.parametrize("ending", ["jpeg", "png"])
def test_a_folder_that_fits_but_for_its_ending_is_told_so(
    tmp_path: Path, plant, ending: str
) -> None:
    root = plant(tmp_path / "r", [f"{name[:-3]}{ending}" for name in MARKET])
    sentence = (
        rf"fit 'market1501' but for their ending: \.{ending} in place of \.jpg or .*extensions ="
        rf" \[\"\.{ending}\"\]"
    )
    with pytest.raises(LayoutError, match=sentence):
        build_manifest([root], tmp_path / "m")
    assert (
        f"fits market1501 but for its ending .{ending}: .jpg or .jpg.jpg is expected"
        in preview_layout(root, "market1501").misses[0][1]
    )


def test_folders_that_do_not_fit_are_named_beside_those_that_do(tmp_path: Path, plant) -> None:
    copies = [f"pytorch/{part}/{i}.jpg" for part in ("train", "val", "gallery") for i in range(3)]
    root = plant(tmp_path / "r", [*MARKET, *copies])
    with pytest.raises(
        LayoutError,
        match=r"6 of 15 names .* match 'market1501'; the others are under pytorch\. Give --lay",
    ):
        build_manifest([root], tmp_path / "m")
    assert len(build_manifest([root], tmp_path / "m", layout="market1501").images()) == 6


@pytest.mark.parametrize(
    "name", ["m.tar.xz", "m.7z", "m.rar", "m.tar.bz2", "m.tar.zst", "m.7z.001", "M.TXZ"]
)
def test_archives_of_other_kinds_are_to_be_unpacked(tmp_path: Path, name: str) -> None:
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / name).write_bytes(b"7z\xbc\xaf\x27\x1c")
    with pytest.raises(
        LayoutError, match=r"Unpack it first: \.tar, \.tar\.gz, \.tgz and \.zip are read in place"
    ):
        build_manifest([tmp_path / "r" / name], tmp_path / "m")
    with pytest.raises(LayoutError, match="Unpack it first"):
        build_manifest([tmp_path / "r"], tmp_path / "m")


def test_back_slashes_in_a_zip_are_the_reason(tmp_path: Path, picture) -> None:
    with zipfile.ZipFile(tmp_path / "win.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo("0001\\a.jpg"), picture())
        archive.writestr(zipfile.ZipInfo("..\\a.jpg"), picture())
    refused = {item.path: item.detail for item in list_images(tmp_path / "win.zip").refused}
    assert "back-slashes between folders" in refused["0001\\a.jpg"]
    assert "leads out of its folder" in refused["..\\a.jpg"]


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        (
            "1.0",
            (
                "0 of 2 identities are in the identities file: it has '1.0', the images have '0001'"
                " (the same number,"
            ),
        ),
        ("1", "it has '1', the images have '0001' (the same number, with or without zeros)"),
        (
            "anna",
            (
                "0 of 2 identities are in the identities file: it has 'anna', the images have"
                " '0001'. Write"
            ),
        ),
    ],
)
def test_an_identities_file_that_matches_nobody_is_named(
    tmp_path: Path, plant, written: str, sentence: str
) -> None:
    root = plant(tmp_path / "r", ["0001/c1_1.jpg", "0002/c1_1.jpg"])
    (tmp_path / "p.csv").write_text(f"identity,hat\n{written},yes\n")
    made = build_manifest(
        [root], tmp_path / "m", layout=own(tmp_path), identities=tmp_path / "p.csv"
    )
    assert sentence in told(made)
    problems = " ".join(inspect(made).problems)
    assert f"has 1 identities without an image here, such as {written}." in problems


def test_composed_and_decomposed_letters_are_named(tmp_path: Path, plant) -> None:
    root = plant(tmp_path / "r", [f"{unicodedata.normalize('NFD', 'Zoë')}/c1_1.jpg"])
    (tmp_path / "p.csv").write_text(
        f"identity,hat\n{unicodedata.normalize('NFC', 'Zoë')},yes\n", encoding="utf-8"
    )
    file = own(tmp_path, r"(?P<identity>[^/]+)/c(?P<camera>\d)_(?P<shot>\d+)")
    made = build_manifest([root], tmp_path / "m", layout=file, identities=tmp_path / "p.csv")
    assert "(the same letters, composed in one and decomposed in the other)" in told(made)


def test_an_identities_file_with_more_people_than_images_is_right(tmp_path: Path, plant) -> None:
    root = plant(tmp_path / "r", ["0001/c1_1.jpg"])
    (tmp_path / "p.csv").write_text("identity,hat\n0001,yes\n0002,no\n0003,no\n")
    assert not told(
        build_manifest([root], tmp_path / "m", layout=own(tmp_path), identities=tmp_path / "p.csv")
    )


def test_files_of_any_year_are_updated(tmp_path: Path, plant) -> None:
    names = ["0001/c1_1.jpg", "0001/c1_2.jpg", "0002/c1_1.jpg"]
    root = plant(tmp_path / "r", names)
    for name, year in zip(
        names, (-2_000_000_000, -1, 13_569_465_600), strict=True
    ):  # 1906, 1969, 2400
        os.utime(root / name, (year, year))
    if (root / names[2]).stat().st_mtime < 13_000_000_000:
        pytest.skip("this file system keeps no such times")
    first = build_manifest([root], tmp_path / "m", layout=own(tmp_path))
    assert (len(first.images()), first.scan().num_rows) == (3, 3)
    assert first.scan()["mtime_ns"].to_pylist() == [
        -2_000_000_000 * 10**9,
        -(10**9),
        13_569_465_600 * 10**9 - 2**64,
    ]
    assert build_manifest([root], tmp_path / "m", layout=own(tmp_path)).rebuilt == ()
    for name in names:
        os.utime(root / name)
    assert len(build_manifest([root], tmp_path / "m", layout=own(tmp_path)).images()) == 3
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.add(root, ".")
    os.utime(tmp_path / "a.tar", (13_569_465_600,) * 2)
    build_manifest([tmp_path / "a.tar"], tmp_path / "n", layout=own(tmp_path))
    assert build_manifest([tmp_path / "a.tar"], tmp_path / "n", layout=own(tmp_path)).rebuilt == ()


COMMANDS = {
    "render": "render -o s3://b/x",
    "manifest": "build-manifest . -o s3://b/x",
    "split": "make-split --attr=weather -o gs://b/x",
    "runs": "benchmark splits -o hf://b/x",
    "arms": "make-split --attr=weather --manifest s3://b/x",
    "work": "demo --work s3://b/x",
}


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_addresses_are_refused_before_anything_is_written(
    tmp_path: Path, words: str, commands: Any
) -> None:
    ran = commands.gprplus(*words.split(), cwd=tmp_path)
    assert ran.returncode == 1
    assert "://b/x is an address, and only a local path works here." in ran.stderr
    assert ran.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_the_library_refuses_addresses_too(
    tmp_path: Path, plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    root = plant(tmp_path / "r", MARKET)
    with pytest.raises(ValueError, match="s3://b/x is an address"):
        build_manifest([root], "s3://b/x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r"]


def test_levels_that_are_not_declared_are_kept_and_named(tmp_path: Path, plant) -> None:
    plant(tmp_path / "r", ["a.jpg", "b.jpg", "c.jpg"])
    (tmp_path / "t.csv").write_text(
        "path,identity,camera,weather,gender\n"
        "a.jpg,1,1,Rainy,male\nb.jpg,1,2,fog,male\nc.jpg,2,1,sunny,malee\n"
    )
    manifest = build_manifest(
        output=tmp_path / "m", table=tmp_path / "t.csv", root=tmp_path / "r", workers=1
    )
    kept = "levels that are not declared are kept as they are"
    assert told(manifest) == (
        f"weather: {kept}: 'fog' (did you mean 'foggy'?), 'rainy' (did you mean 'rain'?)."
        f" gender: {kept}: 'malee' (did you mean 'male'?)."
    )
    assert manifest.images(["weather"]).column("weather").to_pylist() == ["rainy", "fog", "sunny"]


def test_a_layout_of_a_user_is_asked_about_its_levels_and_a_shipped_one_is_not(
    tmp_path: Path, plant
) -> None:
    plant(tmp_path / "r", ["0001/c1_wr_1.jpg", "0002/c1_ws_1.jpg"])
    tokens = '[weather.levels]\ns = "snowy"\nr = "rain"'
    path = r"(?P<identity>\d{4})/c(?P<camera>\d)_w(?P<weather>\w)_(?P<shot>\d+)"
    layout = own(tmp_path, path, tokens)
    assert "'snowy'" in told(build_manifest([tmp_path / "r"], tmp_path / "m", layout=layout))
