"""`gprplus layouts new`: a layout proposed from names, which then reads them."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from gprplus.cli import cli
from gprplus.core.errors import LayoutError
from gprplus.ingest import build_manifest
from gprplus.ingest.layouts.propose import propose_layout


def pattern_of(names: list[str]) -> str:
    return "".join(piece.pattern() for piece in propose_layout(names, "mine").pieces)


@pytest.mark.parametrize(
    ("names", "pattern"),
    [
        (
            ["cam1/0001_5_a.png", "cam1/0001_6_a.png", "cam2/0001_7_b.png", "cam2/0002_1_a.png"],
            r"cam(?P<camera>\d+)/(?P<identity>\d{4})_(?P<number1>\d+)_(?P<word1>a|b)",
        ),
        (
            ["anna/sunny_01.jpg", "anna/foggy_02.jpg", "ben/sunny_01.JPG", "ben/foggy_03.jpg"],
            r"(?P<identity>[^/]+)/(?P<weather>foggy|sunny)_(?P<frame>\d{2})",
        ),
        (
            ["train/7/7_c1_f5.jpg", "train/7/7_c2_f6.jpg", "query/8/8_c1_f7.jpg"],
            r"(?P<part>query|train)/(?P<identity>\d+)/(?P=identity)_c(?P<camera>\d+)_f(?P<frame>\d+)",
        ),
        (
            ["p01_a.jpg", "p02_a.jpg", "p01_b.jpg", "p02_b.jpg"],
            r"p(?P<identity>\d{2})_(?P<word1>a|b)",
        ),
    ],
)
def test_what_varies_becomes_a_group(names: list[str], pattern: str) -> None:
    assert pattern_of(names) == pattern


def test_market1501_is_proposed_with_junk_distractors_and_roles(tmp_path: Path, plant) -> None:
    names = ["bounding_box_train/0002_c1s1_000451_03.jpg", "query/0001_c1s1_001051_00.jpg"]
    names += [
        "bounding_box_train/0002_c2s1_000461_03.jpg",
        "bounding_box_test/0001_c2s1_001051_00.jpg",
    ]
    names += [
        "bounding_box_test/-1_c1s1_000401_03.jpg",
        "bounding_box_test/0000_c1s1_000151_01.jpg",
    ]
    root, file = plant(tmp_path / "market", names), tmp_path / "mine.toml"
    done = CliRunner().invoke(cli, ["layouts", "new", str(root), "-o", str(file)])
    assert done.exit_code == 0, done.output
    assert "6 of 6 names fit." in done.output
    done = CliRunner().invoke(cli, ["layouts", "try", str(file), str(root)])
    assert done.exit_code == 0
    assert "6 of 6 files fit" in done.output
    mine = build_manifest([root], tmp_path / "mine", layout=file)
    shipped = build_manifest([root], tmp_path / "shipped")
    columns = ["path", "identity", "camera", "role", "is_junk", "is_distractor"]
    assert mine.images(columns).to_pylist() == shipped.images(columns).to_pylist()


def test_the_file_is_printed_with_its_reasons(tmp_path: Path, plant) -> None:
    root = plant(tmp_path / "r", ["a/1.jpg", "a/2.jpg", "b/3.jpg"])
    done = CliRunner().invoke(cli, ["layouts", "new", str(root)])
    assert re.search(
        r"^# identity: the folder; 2 values such as a, b, 1\.5 images each$", done.output, re.M
    )
    assert "title = 'r'" in done.output


def test_names_without_identities_are_refused(tmp_path: Path, plant) -> None:
    with pytest.raises(LayoutError, match="they contain no identity"):
        propose_layout(["a.jpg", "b.jpg"], "mine")
    root = plant(tmp_path / "r", ["a/1.jpg", "a/2.jpg", "b/3_x.jpg", "c_1.png", "4-a-b.png"])
    done = CliRunner().invoke(cli, ["layouts", "new", str(root)])
    assert done.exit_code == 1
    assert isinstance(done.exception, LayoutError)


def test_a_quote_or_a_backslash_in_a_name_is_written(tmp_path: Path, plant) -> None:
    root = plant(
        tmp_path / "it's", ["o'hara \\x/a_1.jpg", "o'hara \\x/b_1.jpg", "o'hara \\x/a_2.jpg"]
    )
    done = CliRunner().invoke(cli, ["layouts", "new", str(root), "-o", str(tmp_path / "m.toml")])
    assert done.exit_code == 0, done.output
    assert (
        CliRunner().invoke(cli, ["layouts", "try", str(tmp_path / "m.toml"), str(root)]).exit_code
        == 0
    )


def test_a_layout_that_fits_nothing_exits_with_1(tmp_path: Path, plant) -> None:
    root = plant(tmp_path / "r", ["a/1.jpg"])
    for form in ([], ["--json"]):
        done = CliRunner().invoke(cli, ["layouts", "try", "gprplus", str(root), *form])
        assert done.exit_code == 1
        assert "Traceback" not in done.output


FITS_NOTHING = [
    (r"(?P<identity>zz)?[a-z]+/(?P<frame>\d)", "", "identity is read from the group 'identity'"),
    (r"[a-z]+/(?P<frame>\d)(?P<identity>)", "", "identity is read from the group 'identity'"),
    (
        r"(?P<identity>[a-z]+)/(?P<cam>z)?(?P<frame>\d)",
        "[camera]\ngroups = ['cam']",
        "camera is read from the group 'cam'",
    ),
    (
        r"(?P<identity>[a-z]+)/(?P<pose>z)?(?P<frame>\d)",
        "[attributes.pose]\nlevel = 'image'\ntype = 'category'",
        "pose is read from the group 'pose'",
    ),
]


@pytest.mark.parametrize(("path", "more", "sentence"), FITS_NOTHING)
def test_a_group_that_matches_nothing_is_an_error(tmp_path, plant, path, more, sentence) -> None:
    root = plant(tmp_path / "r", ["a/1.jpg", "a/2.jpg"])
    (tmp_path / "mine.toml").write_text(f"title = 'Mine'\npath = '{path}'\n{more}\n")
    with pytest.raises(LayoutError, match=re.escape(sentence)):
        build_manifest([root], tmp_path / "m", layout=tmp_path / "mine.toml")


@pytest.mark.parametrize(
    "kind", ["png", "jpeg", "jpg", "webp", "bmp", "tif", "tiff", "avif", "PNG"]
)
def test_every_image_format_is_read_without_extensions(tmp_path: Path, kind: str) -> None:
    import io

    import numpy as np
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 255, (20, 10, 3), dtype=np.uint8)
    names = {"jpg": "JPEG", "tif": "TIFF"}
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, names.get(kind, kind.upper()))
    (tmp_path / "r" / "a").mkdir(parents=True)
    (tmp_path / "r" / "a" / f"1.{kind}").write_bytes(data.getvalue())
    (tmp_path / "mine.toml").write_text(
        r"title = 'Mine'" "\n" r"path = '(?P<identity>[a-z])/(?P<n>\d)'"
    )
    manifest = build_manifest(
        [tmp_path / "r"], tmp_path / "m", layout=tmp_path / "mine.toml", verify="decode"
    )
    row = manifest.images(["format", "width_px", "height_px"]).to_pylist()
    format_ = {"jpg": "jpeg", "tif": "tiff", "PNG": "png"}.get(kind, kind)
    assert row == [{"format": format_, "width_px": 10, "height_px": 20}]


def test_declared_extensions_are_the_only_ones(tmp_path: Path, plant) -> None:
    root = plant(tmp_path / "r", ["a/1.jpg", "a/2.png"])
    text = "title = 'Mine'\npath = '(?P<identity>[a-z])/(?P<n>\\d)'\nextensions = ['.png']\n"
    (tmp_path / "mine.toml").write_text(text)
    manifest = build_manifest([root], tmp_path / "m", layout=tmp_path / "mine.toml")
    assert manifest.images(["path"])["path"].to_pylist() == ["a/2.png"]
