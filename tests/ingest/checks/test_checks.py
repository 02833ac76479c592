"""Checks: what each says of images that anybody can judge, and what a rerun costs."""

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pytest

from gprplus.errors import FilterError, ManifestError
from gprplus.images import encode_jpeg
from gprplus.ingest import Manifest, build_manifest
from gprplus.ingest.checks import columns, memory, stage
from gprplus.ingest.checks.base import Rows, check
from gprplus.ingest.checks.columns import CHECKED, CHECKS, LOOKS, named, score_column
from gprplus.ingest.checks.complaints import listening
from gprplus.ingest.checks.issues import findings, issues
from gprplus.ingest.checks.known import REGISTRY
from gprplus.ingest.checks.look import difference_hashes, look_at_files, tones
from gprplus.ingest.tables.manifest import LOOKING
from gprplus.schema import IMAGES, arrow_schema
from gprplus.splits import make_split

SIZE = (96, 48)


def scene(seed: int) -> np.ndarray:
    """A picture with light, shade, edges and grain."""
    rng = np.random.default_rng(seed)
    coarse = cv2.resize(rng.integers(20, 235, (6, 4), dtype=np.uint8), SIZE[::-1], interpolation=cv2.INTER_NEAREST)
    return np.clip(coarse[..., None] + rng.normal(0, 12, (*SIZE, 3)), 0, 255).astype(np.uint8)


def flat(level: int) -> np.ndarray:
    return np.full((*SIZE, 3), level, np.uint8)


def put(root: Path, images: dict[str, np.ndarray | bytes]) -> Path:
    """Images under GPR+ names: `0001_c01_w01_l01` and the like are keys."""
    for name, image in images.items():
        path = root / name[:4] / f"{name}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(image if isinstance(image, bytes) else encode_jpeg(image, 95))
    return root


def flagged(manifest: Manifest, name: str) -> set[str]:
    """The stems of the images that a check flags."""
    table = manifest.images(["path", CHECKS[name][0]])
    return {Path(row["path"]).stem for row in table.to_pylist() if row[CHECKS[name][0]]}


def assert_alike(one: pa.Table, other: pa.Table) -> None:
    assert one.column_names == other.column_names
    assert [name for name in one.column_names if one[name].to_pylist() != other[name].to_pylist()] == []


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of every file that is looked at from here on."""
    seen: list[str] = []

    def watched(root, paths):
        seen.extend(paths)
        return look_at_files(root, paths)

    monkeypatch.setattr(stage, "look_at_files", watched)
    return seen


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """Six scenes beside a black, a white, a noisy, a truncated and a foreign file, all checked."""
    images: dict[str, np.ndarray | bytes] = {f"0001_c{i:02d}_w01_l01": scene(i) for i in range(1, 7)}
    images["0002_c01_w01_l01"] = flat(0)
    images["0002_c02_w01_l01"] = flat(255)
    images["0002_c03_w01_l01"] = np.random.default_rng(0).integers(0, 255, (*SIZE, 3), dtype=np.uint8)
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
    measured = [column.name for column in columns.MEASURED] if REGISTRY[name].looks else []
    assert added == [*measured, score, flag]
    assert alone.images([score]).equals(odd.images([score]))  # no check depends on which others are asked for


def test_the_registry_and_the_columns_name_the_same_checks() -> None:
    assert set(REGISTRY) == set(CHECKS)
    with pytest.raises(KeyError, match="registered twice"):
        check("dark", threshold=1)(REGISTRY["dark"].judge)
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
        ("near-duplicate", set()),  # black and white share the hash of nothing, and are no copies of each other
    ],
)
def test_what_anybody_sees_is_flagged(odd: Manifest, name: str, stems: set[str]) -> None:
    assert flagged(odd, name) == stems


def test_a_blurred_scene_is_blurry_and_its_original_is_not(tmp_path: Path) -> None:
    images = {"0001_c01_w01_l01": scene(1), "0001_c02_w01_l01": cv2.GaussianBlur(scene(1), (0, 0), 9)}
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
    images: dict[str, np.ndarray | bytes] = {f"0001_c{i:02d}_w01_l01": scene(i) for i in range(1, 4)}
    images["0001_c04_w01_l01"] = encode_jpeg(scene(1), 95)  # a copy under the same person
    images["0002_c01_w01_l01"] = encode_jpeg(scene(2), 60)  # one saved again, under another
    images["0002_c02_w01_l01"] = scene(12)
    manifest = build_manifest([put(tmp_path / "r", images)], tmp_path / "m", checks=["duplicates", "identity"])
    copies, alike = {"0001_c01_w01_l01", "0001_c04_w01_l01"}, {"0001_c02_w01_l01", "0002_c01_w01_l01"}
    assert flagged(manifest, "exact-duplicate") == copies
    assert flagged(manifest, "near-duplicate") == copies | alike
    assert flagged(manifest, "cross-identity") == alike
    first = issues(manifest, "cross-identity")["cross-identity"]
    assert [(Path(issue.path).stem, Path(issue.like_path or "").stem) for issue in first] == [tuple(sorted(alike))]


def test_a_copy_under_another_person_is_found_among_black_images_too(tmp_path: Path) -> None:
    images = {"0001_c01_w01_l01": flat(0), "0002_c01_w01_l01": flat(0), "0003_c01_w01_l01": flat(1)}
    manifest = build_manifest([put(tmp_path / "r", images)], tmp_path / "m", checks=["cross-identity"])
    assert flagged(manifest, "cross-identity") == {"0001_c01_w01_l01", "0002_c01_w01_l01"}


def test_an_image_under_the_wrong_person_stands_out(tmp_path: Path, draw) -> None:
    from gprplus.ingest.checks.look import Looks

    renders = draw(tmp_path / "r", people=6)
    wrong, right = renders / "0003/0003_c02_w01_l03.jpg", renders / "0005/0005_c02_w01_l03.jpg"
    wrong.write_bytes(right.read_bytes()[:-2] + b"\xff\xfe\x00\x04??\xff\xd9")
    manifest = build_manifest([renders], tmp_path / "m", checks=["identity-outlier"])
    table = manifest.images(["path", "identity_outlier_score"]).to_pylist()
    worst = min(table, key=lambda row: row["identity_outlier_score"])
    assert worst["path"] == "0003/0003_c02_w01_l03.jpg"
    assert flagged(manifest, "identity-outlier") == {"0003_c02_w01_l03"}
    assert REGISTRY["identity-outlier"].judge(Rows(*[np.zeros(0, np.int64)] * 5, Looks.empty(0))).size == 0


def test_likeness_to_the_rest_of_a_person_agrees_with_one_image_at_a_time() -> None:
    from gprplus.ingest.checks.look import Looks

    rng = np.random.default_rng(3)
    count = 60
    looks = Looks.empty(count)
    looks.decoded[:] = rng.random(count) < 0.9
    looks.thumbnail[:] = rng.integers(0, 255, (count, 32))
    person, place = rng.integers(-1, 9, count), rng.integers(0, 6, count)
    rows = Rows(np.zeros(count, np.int64), person, place, np.ones(count), np.ones(count), looks)
    found = REGISTRY["identity-outlier"].judge(rows)

    here = looks.decoded & (person >= 0)
    own = looks.thumbnail.astype(float)
    own = (own - own.mean(1, keepdims=True)) / (own.std(1, keepdims=True) + 2)
    few = [(here & (place == place[i])).sum() < 4 for i in range(count)]
    around = np.array([-1 if lonely else where for lonely, where in zip(few, place, strict=True)])
    own -= np.array([own[here & (around == around[i])].mean(0) if here[i] else own[i] for i in range(count)])
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


def test_checks_leave_rows_and_fingerprint_alone(renders: Path, tmp_path: Path) -> None:
    plain = build_manifest([renders], tmp_path / "plain")
    manifest = build_manifest([renders], tmp_path / "m", checks=["all"])
    assert manifest.fingerprint == plain.fingerprint
    assert manifest.images([column.name for column in IMAGES]).equals(plain.images())
    assert manifest.images().schema.equals(arrow_schema([*IMAGES, *CHECKED]))
    looks = manifest.looks()
    assert looks is not None
    assert looks.schema.equals(arrow_schema(LOOKS))
    record = manifest.info["checks"]
    assert record["settings"]["dark"] == {"threshold": 0.32}
    assert record["settings"]["near-duplicate"] == {"threshold": 1.0, "radius": 4}
    assert json.loads((manifest.path / "manifest.json").read_text())["checks"] == record


def test_another_check_adds_its_columns_and_looks_at_no_file_again(renders: Path, tmp_path: Path, looked) -> None:
    first = build_manifest([renders], tmp_path / "m", checks=["brightness"])
    before = first.images()
    assert len(looked) == 36
    assert first.info["checks"]["names"] == ["dark", "light"]
    more = build_manifest([renders], tmp_path / "m", checks=["near-duplicate"])
    assert (len(looked), more.rebuilt) == (36, ("gprplus",))
    assert more.info["checks"]["names"] == ["dark", "light", "near-duplicate"]
    assert more.images(before.column_names).equals(before)
    again = build_manifest([renders], tmp_path / "m", checks=["dark"])
    assert (again.rebuilt, again.info, len(looked)) == ((), more.info, 36)


def test_only_what_changed_is_looked_at_and_sets_are_judged_anew(
    renders: Path, tmp_path: Path, looked, picture, plant
) -> None:
    build_manifest([renders], tmp_path / "m", checks=["all"])
    looked.clear()
    plant(renders, ["0004/0004_c01_w01_l01.jpg"], (renders / "0002/0002_c02_w01_l01.jpg").read_bytes())
    (renders / "0001/0001_c01_w01_l01.jpg").write_bytes(picture(99))
    (renders / "0002/0002_c01_w01_l01.jpg").unlink()
    manifest = build_manifest([renders], tmp_path / "m")  # checks asked for once stay
    assert looked == ["0001/0001_c01_w01_l01.jpg", "0004/0004_c01_w01_l01.jpg"]
    assert flagged(manifest, "exact-duplicate") == {"0002_c02_w01_l01", "0004_c01_w01_l01"}
    afresh = build_manifest([renders], tmp_path / "fresh", checks=["all"])
    assert_alike(manifest.images(), afresh.images())


def test_another_dataset_is_checked_beside_the_first(renders: Path, tmp_path: Path, plant, looked) -> None:
    build_manifest([renders], tmp_path / "m", checks=["duplicates"])
    looked.clear()
    copy = (renders / "0001/0001_c01_w01_l01.jpg").read_bytes()
    both = build_manifest([plant(tmp_path / "market", ["query/0001_c1s1_001051_00.jpg"], copy)], tmp_path / "m")
    assert looked == ["query/0001_c1s1_001051_00.jpg"]
    assert flagged(both, "exact-duplicate") == {"0001_c01_w01_l01", "0001_c1s1_001051_00"}
    share = {about.check: (about.worst_dataset, about.worst_share) for about in findings(both)}
    assert share["exact-duplicate"] == ("market1501", 1.0)


def test_none_drops_the_checks(renders: Path, tmp_path: Path) -> None:
    build_manifest([renders], tmp_path / "m", checks=["all"])
    bare = build_manifest([renders], tmp_path / "m", checks=["none"])
    assert "checks" not in bare.info
    assert bare.looks() is None
    assert bare.images().schema.equals(arrow_schema(IMAGES))
    assert findings(bare) == []


def test_workers_and_batches_do_not_show(renders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = build_manifest([renders], tmp_path / "m", checks=["all"])
    monkeypatch.setattr(stage, "_PAYS", 0)
    monkeypatch.setattr(stage, "BATCH", 5)
    assert_alike(build_manifest([renders], tmp_path / "m2", checks=["all"], workers=2).images(), alone.images())


def test_what_most_images_share_is_said_and_not_listed(tmp_path: Path) -> None:
    images = {f"0001_c{i:02d}_w01_l01": scene(i) // 8 for i in range(1, 6)}
    images["0001_c06_w01_l01"] = scene(6)
    manifest = build_manifest([put(tmp_path / "r", images)], tmp_path / "m", checks=["dark", "contrast"])
    found = {about.check: about for about in findings(manifest)}
    assert (found["dark"].flagged, found["dark"].common) == (5, True)
    assert "dark: 5 of 6 images are flagged" in found["dark"].sentence
    assert "trait of the dataset" in found["dark"].sentence
    assert "dark" not in issues(manifest)


@pytest.mark.parametrize(("words", "nearest"), [(["brightnes"], "brightness"), (["none", "dark"], "Known")])
def test_a_check_that_is_not_there_names_its_neighbour(words: list[str], nearest: str) -> None:
    with pytest.raises(ManifestError, match=f"There is no check '{words[0]}'.*{nearest}"):
        named(words)


def test_issues_of_a_manifest_without_checks_say_how_to_get_them(renders: Path, tmp_path: Path) -> None:
    manifest = build_manifest([renders], tmp_path / "m")
    with pytest.raises(ManifestError, match="gprplus build-manifest --checks"):
        issues(manifest)
    manifest = build_manifest([renders], tmp_path / "m", checks=["dark"])
    with pytest.raises(ManifestError, match="build-manifest --checks light` adds it"):
        issues(manifest, "light")


def test_splits_filter_by_flags_and_scores(draw, tmp_path: Path) -> None:
    renders = draw(tmp_path / "r", people=8)
    build_manifest([renders], tmp_path / "bare")
    with pytest.raises(FilterError, match="built without this check; build it with `gprplus build-manifest --checks`"):
        make_split(tmp_path / "bare", "weather", output=tmp_path / "s", where="not is_dark")
    manifest = build_manifest([renders], tmp_path / "m", checks=["all"])
    dark = flagged(manifest, "dark")
    assert 0 < len(dark) < manifest.info["counts"]["images"]
    split = make_split(manifest, "weather", output=tmp_path / "s", where="not is_dark and dhash > 0")
    kept = set(split.members()["path"].to_pylist())
    assert kept
    assert not kept & {f"{stem[:4]}/{stem}.jpg" for stem in dark}


def test_damage_inside_a_whole_file_is_flagged_without_a_word_on_stderr(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data = encode_jpeg(scene(1), 95)
    middle = len(data) // 2
    images = {"0001_c01_w01_l01": data, "0001_c02_w01_l01": data[:middle] + bytes(300) + data[middle + 300 :]}
    manifest = build_manifest([put(tmp_path / "r", images)], tmp_path / "m", checks=["decode"])
    assert manifest.images(["decode_score", "is_undecodable"]).to_pylist() == [
        {"decode_score": 1.0, "is_undecodable": False},
        {"decode_score": 0.5, "is_undecodable": True},
    ]
    assert "JPEG" not in capfd.readouterr().err


def test_what_others_say_on_stderr_while_files_are_looked_at_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    with listening() as heard:
        os.write(2, b"half way\n")
        assert not heard.complaint()
        os.write(2, b"Corrupt JPEG data: bad Huffman code\n")
        assert heard.complaint()
        assert not heard.complaint()
    assert capfd.readouterr().err == "half way\n"


def test_what_was_looked_at_before_a_kill_is_not_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, looked: list[str]
) -> None:
    root = put(tmp_path / "r", {f"0001_c{i:02d}_w01_l01": scene(i) for i in range(1, 7)})
    monkeypatch.setattr(stage, "BATCH", 2)
    monkeypatch.setattr(memory, "SECONDS", 0)

    def killed(done: int, total: int) -> None:
        if looked and done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_manifest([root], tmp_path / "m", checks=["all"], progress=killed)
    assert len(looked) == 4
    manifest = build_manifest([root], tmp_path / "m", checks=["all"])
    assert sorted(looked) == manifest.images(["path"])["path"].to_pylist()
    assert_alike(manifest.images(), build_manifest([root], tmp_path / "whole", checks=["all"]).images())
    assert not (tmp_path / "m" / LOOKING).exists()
