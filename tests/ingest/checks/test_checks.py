"""Checks: what each says of images that anybody can judge, and how it is told."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from scenes import SIZE, flagged, put, scene

from gprplus.core.errors import ManifestError
from gprplus.core.imaging.images import encode_jpeg
from gprplus.ingest import Manifest, build_manifest
from gprplus.ingest.checks.findings import list_findings, list_issues
from gprplus.ingest.checks.known import REGISTRY
from gprplus.ingest.checks.measure import difference_hashes, tones
from gprplus.ingest.checks.registry import CheckInput, check
from gprplus.ingest.files.jpeg_warnings import capture_stderr
from gprplus.schema import IMAGES, check_columns
from gprplus.schema.check_columns import CHECKED, CHECKS, parse_check_names, score_column


def flat(level: int) -> np.ndarray:
    return np.full((*SIZE, 3), level, np.uint8)


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """Six scenes beside a black, a white, a noisy, a truncated and a foreign file, all checked."""
    images: dict[str, np.ndarray | bytes] = {
        f"0001_c{i:02d}_w01_l01": scene(i) for i in range(1, 7)
    }
    images["0002_c01_w01_l01"] = flat(0)
    images["0002_c02_w01_l01"] = flat(255)
    images["0002_c03_w01_l01"] = np.random.default_rng(0).integers(
        0, 255, (*SIZE, 3), dtype=np.uint8
    )
    images["0002_c04_w01_l01"] = encode_jpeg(scene(9), 95)[:700]
    images["0002_c05_w01_l01"] = b"no picture at all"
    folder = tmp_path_factory.mktemp("odd")
    return build_manifest([put(folder / "r", images)], folder / "m", verify="names", checks=["all"])


@pytest.mark.parametrize("name", CHECKS)
def test_every_check_keeps_the_contract(odd: Manifest, tmp_path: Path, name: str) -> None:
    score, flag = REGISTRY[name].columns
    rows = odd.images([score, flag, "is_undecodable"]).to_pylist()
    known = [row for row in rows if row[score] is not None]
    assert all(0 <= row[score] <= 1 for row in known)
    assert all(row[flag] == (row[score] < np.float32(REGISTRY[name].threshold)) for row in known)
    assert all(row[flag] is None for row in rows if row[score] is None)
    assert (score, flag) == (score_column(name), CHECKS[name][0])
    if name not in ("decode", "odd-size", "odd-aspect", "exact-duplicate"):
        assert all((row[score] is None) == row["is_undecodable"] for row in rows)
    alone = build_manifest([odd.roots()["gprplus"]], tmp_path / "m", verify="names", checks=[name])
    added = alone.columns("images")[len(IMAGES) :]
    measured = (
        [column.name for column in check_columns.MEASURED] if REGISTRY[name].measurements else []
    )
    assert added == [*measured, score, flag]
    assert alone.images([score]).equals(
        odd.images([score])
    )  # no check depends on which others are asked for


def test_the_registry_and_the_columns_name_the_same_checks() -> None:
    assert set(REGISTRY) == set(CHECKS)
    with pytest.raises(KeyError, match="registered twice"):
        check("dark", threshold=1)(REGISTRY["dark"].score)
    assert len({column.name for column in (*IMAGES, *CHECKED)}) == len(IMAGES) + len(CHECKED)


@pytest.mark.parametrize(
    ("name", "stems"),
    [
        ("decode", {"0002_c04_w01_l01", "0002_c05_w01_l01"}),
        ("dark", {"0002_c01_w01_l01"}),
        ("light", {"0002_c02_w01_l01"}),
        ("contrast", {"0002_c01_w01_l01", "0002_c02_w01_l01"}),
        ("information", {"0002_c01_w01_l01", "0002_c02_w01_l01"}),
        ("sharpness", set()),
        (
            "near-duplicate",
            set(),
        ),  # black and white share the hash of nothing, and are no copies of each other
    ],
)
def test_what_anybody_sees_is_flagged(odd: Manifest, name: str, stems: set[str]) -> None:
    assert flagged(odd, name) == stems


def test_a_blurred_scene_is_blurry_and_its_original_is_not(tmp_path: Path) -> None:
    images = {
        "0001_c01_w01_l01": scene(1),
        "0001_c02_w01_l01": cv2.GaussianBlur(scene(1), (0, 0), 9),
    }
    manifest = build_manifest([put(tmp_path / "r", images)], tmp_path / "m", checks=["sharpness"])
    assert flagged(manifest, "sharpness") == {"0001_c02_w01_l01"}


def test_tones_of_a_picture_half_black_and_half_white() -> None:
    counts = np.zeros((1, 256))
    counts[0, [0, 255]] = 50
    found = {name: round(float(value[0]), 6) for name, value in tones(counts).items()}
    assert found == {"dark": 1.0, "light": 0.0, "brightness": 0.5, "contrast": 0.5, "entropy": 1.0}


def test_the_hash_of_a_ramp_is_all_zeros_or_all_ones() -> None:
    ramp = np.tile(np.arange(0, 90, 10, dtype=np.uint8), (8, 1))
    assert difference_hashes(ramp[None])[0] == 0
    assert difference_hashes(ramp[:, ::-1].copy()[None])[0] == 2**64 - 1
    half = ramp.copy()
    half[0] = half[0, ::-1]
    assert difference_hashes(half[None])[0] == 0xFF << 56  # the first row is the highest byte


def test_sizes_are_judged_within_their_dataset(tmp_path: Path) -> None:
    images = {f"0001_c{i:02d}_w01_l01": scene(i) for i in range(1, 8)}
    images["0001_c08_w01_l01"] = cv2.resize(scene(8), (40, 80))
    images["0001_c09_w01_l01"] = cv2.resize(scene(9), (16, 96))
    manifest = build_manifest([put(tmp_path / "r", images)], tmp_path / "m", checks=["size"])
    assert flagged(manifest, "odd-size") == {"0001_c08_w01_l01", "0001_c09_w01_l01"}
    assert flagged(manifest, "odd-aspect") == {"0001_c09_w01_l01"}
    assert manifest.looks() is None  # the header had told


def test_copies_look_alikes_and_their_owners(tmp_path: Path) -> None:
    images: dict[str, np.ndarray | bytes] = {
        f"0001_c{i:02d}_w01_l01": scene(i) for i in range(1, 4)
    }
    images["0001_c04_w01_l01"] = encode_jpeg(scene(1), 95)  # a copy under the same person
    images["0002_c01_w01_l01"] = encode_jpeg(scene(2), 60)  # one saved again, under another
    images["0002_c02_w01_l01"] = scene(12)
    manifest = build_manifest(
        [put(tmp_path / "r", images)], tmp_path / "m", checks=["duplicates", "identity"]
    )
    copies, alike = (
        {"0001_c01_w01_l01", "0001_c04_w01_l01"},
        {"0001_c02_w01_l01", "0002_c01_w01_l01"},
    )
    assert flagged(manifest, "exact-duplicate") == copies
    assert flagged(manifest, "near-duplicate") == copies | alike
    assert flagged(manifest, "cross-identity") == alike
    first = list_issues(manifest, "cross-identity")["cross-identity"]
    assert [(Path(issue.path).stem, Path(issue.like_path or "").stem) for issue in first] == [
        tuple(sorted(alike))
    ]


def test_a_copy_under_another_person_is_found_among_black_images_too(tmp_path: Path) -> None:
    images = {"0001_c01_w01_l01": flat(0), "0002_c01_w01_l01": flat(0), "0003_c01_w01_l01": flat(1)}
    manifest = build_manifest(
        [put(tmp_path / "r", images)], tmp_path / "m", checks=["cross-identity"]
    )
    assert flagged(manifest, "cross-identity") == {"0001_c01_w01_l01", "0002_c01_w01_l01"}


def test_an_image_under_the_wrong_person_stands_out(tmp_path: Path, draw) -> None:
    from gprplus.ingest.checks.measure import ImageMeasurements

    renders = draw(tmp_path / "r", people=6)
    wrong, right = renders / "0003/0003_c02_w01_l03.jpg", renders / "0005/0005_c02_w01_l03.jpg"
    wrong.write_bytes(right.read_bytes()[:-2] + b"\xff\xfe\x00\x04??\xff\xd9")
    manifest = build_manifest([renders], tmp_path / "m", checks=["identity-outlier"])
    table = manifest.images(["path", "identity_outlier_score"]).to_pylist()
    worst = min(table, key=lambda row: row["identity_outlier_score"])
    assert worst["path"] == "0003/0003_c02_w01_l03.jpg"
    assert flagged(manifest, "identity-outlier") == {"0003_c02_w01_l03"}
    assert (
        REGISTRY["identity-outlier"]
        .score(CheckInput(*[np.zeros(0, np.int64)] * 5, ImageMeasurements.empty(0)))
        .size
        == 0
    )


def test_likeness_to_the_rest_of_a_person_agrees_with_one_image_at_a_time() -> None:
    from gprplus.ingest.checks.measure import ImageMeasurements

    rng = np.random.default_rng(3)
    count = 60
    looks = ImageMeasurements.empty(count)
    looks.decoded[:] = rng.random(count) < 0.9
    looks.thumbnail[:] = rng.integers(0, 255, (count, 32))
    person, place = rng.integers(-1, 9, count), rng.integers(0, 6, count)
    rows = CheckInput(
        np.zeros(count, np.int64), person, place, np.ones(count), np.ones(count), looks
    )
    found = REGISTRY["identity-outlier"].score(rows)

    here = looks.decoded & (person >= 0)
    own = looks.thumbnail.astype(float)
    own = (own - own.mean(1, keepdims=True)) / (own.std(1, keepdims=True) + 2)
    few = [(here & (place == place[i])).sum() < 4 for i in range(count)]
    around = np.array([-1 if lonely else where for lonely, where in zip(few, place, strict=True)])
    own -= np.array(
        [own[here & (around == around[i])].mean(0) if here[i] else own[i] for i in range(count)]
    )
    for i in range(count):
        others = here & (person == person[i]) & (np.arange(count) != i)
        if not looks.decoded[i]:
            assert np.isnan(found[i])
        elif not here[i] or others.sum() < 3:
            assert found[i] == 1
        else:
            rest = own[others].sum(0)
            cosine = own[i] @ rest / np.sqrt((own[i] @ own[i]) * (rest @ rest))
            assert found[i] == pytest.approx((1 + cosine) / 2, abs=1e-4)


def test_what_most_images_share_is_said_and_not_listed(tmp_path: Path) -> None:
    images = {f"0001_c{i:02d}_w01_l01": scene(i) // 8 for i in range(1, 6)}
    images["0001_c06_w01_l01"] = scene(6)
    manifest = build_manifest(
        [put(tmp_path / "r", images)], tmp_path / "m", checks=["dark", "contrast"]
    )
    found = {about.check: about for about in list_findings(manifest)}
    assert (found["dark"].flagged, found["dark"].common) == (5, True)
    assert "dark: 5 of 6 images are flagged" in found["dark"].sentence
    assert "trait of the dataset" in found["dark"].sentence
    assert "dark" not in list_issues(manifest)


@pytest.mark.parametrize(
    ("words", "nearest"), [(["brightnes"], "brightness"), (["none", "dark"], "Known")]
)
def test_a_check_that_is_not_there_names_its_neighbour(words: list[str], nearest: str) -> None:
    with pytest.raises(ManifestError, match=f"There is no check '{words[0]}'.*{nearest}"):
        parse_check_names(words)


def test_issues_of_a_manifest_without_checks_say_how_to_get_them(
    renders: Path, tmp_path: Path
) -> None:
    manifest = build_manifest([renders], tmp_path / "m")
    with pytest.raises(ManifestError, match="gprplus build-manifest --checks"):
        list_issues(manifest)
    manifest = build_manifest([renders], tmp_path / "m", checks=["dark"])
    with pytest.raises(ManifestError, match="build-manifest --checks light` adds it"):
        list_issues(manifest, "light")


def test_damage_inside_a_whole_file_is_flagged_without_a_word_on_stderr(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data = encode_jpeg(scene(1), 95)
    middle = len(data) // 2
    images = {
        "0001_c01_w01_l01": data,
        "0001_c02_w01_l01": data[:middle] + bytes(300) + data[middle + 300 :],
    }
    manifest = build_manifest([put(tmp_path / "r", images)], tmp_path / "m", checks=["decode"])
    assert manifest.images(["decode_score", "is_undecodable"]).to_pylist() == [
        {"decode_score": 1.0, "is_undecodable": False},
        {"decode_score": 0.5, "is_undecodable": True},
    ]
    assert "JPEG" not in capfd.readouterr().err


def test_what_others_say_on_stderr_while_files_are_looked_at_is_said(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with capture_stderr() as heard:
        os.write(2, b"half way\n")
        assert not heard.complaint()
        os.write(2, b"Corrupt JPEG data: bad Huffman code\n")
        assert heard.complaint()
        assert not heard.complaint()
    assert capfd.readouterr().err == "half way\n"
