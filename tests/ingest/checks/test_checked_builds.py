"""Builds with checks: what is added to a manifest, what of it stays, and which files are looked at
again."""

import json
from pathlib import Path

import pyarrow as pa
import pytest
from scenes import flagged, put, scene

from gprplus.core.errors import FilterError
from gprplus.core.typed import as_json
from gprplus.ingest import build_manifest
from gprplus.ingest.checks import cache, run_checks
from gprplus.ingest.checks.findings import list_findings
from gprplus.ingest.checks.measure import measure_files
from gprplus.ingest.tables.manifest import MEASURING
from gprplus.schema import IMAGES, arrow_schema
from gprplus.schema.check_columns import CHECKED, LOOKS
from gprplus.splits import make_split


def assert_alike(one: pa.Table, other: pa.Table) -> None:
    assert one.column_names == other.column_names
    assert [
        name for name in one.column_names if one[name].to_pylist() != other[name].to_pylist()
    ] == []


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of every file that is looked at from here on."""
    seen: list[str] = []

    def watched(root, paths):
        seen.extend(paths)
        return measure_files(root, paths)

    monkeypatch.setattr(run_checks, "measure_files", watched)
    return seen


def test_checks_leave_rows_and_fingerprint_alone(renders: Path, tmp_path: Path) -> None:
    plain = build_manifest([renders], tmp_path / "plain")
    manifest = build_manifest([renders], tmp_path / "m", checks=["all"])
    assert manifest.fingerprint == plain.fingerprint
    assert manifest.images([column.name for column in IMAGES]).equals(plain.images())
    assert manifest.images().schema.equals(arrow_schema([*IMAGES, *CHECKED]))
    looks = manifest.looks()
    assert looks is not None
    assert looks.schema.equals(arrow_schema(LOOKS))
    record = manifest.record.checks
    assert record.settings["dark"] == {"threshold": 0.32}
    assert record.settings["near-duplicate"] == {"threshold": 1.0, "radius": 4}
    assert json.loads((manifest.path / "manifest.json").read_text())["checks"] == as_json(record)


def test_another_check_adds_its_columns_and_looks_at_no_file_again(
    renders: Path, tmp_path: Path, looked
) -> None:
    first = build_manifest([renders], tmp_path / "m", checks=["brightness"])
    before = first.images()
    assert len(looked) == 36
    assert first.record.checks.names == ["dark", "light"]
    more = build_manifest([renders], tmp_path / "m", checks=["near-duplicate"])
    assert (len(looked), more.rebuilt) == (36, ("gprplus",))
    assert more.record.checks.names == ["dark", "light", "near-duplicate"]
    assert more.images(before.column_names).equals(before)
    again = build_manifest([renders], tmp_path / "m", checks=["dark"])
    assert (again.rebuilt, again.record, len(looked)) == ((), more.record, 36)


def test_only_what_changed_is_looked_at_and_sets_are_judged_anew(
    renders: Path, tmp_path: Path, looked, picture, plant
) -> None:
    build_manifest([renders], tmp_path / "m", checks=["all"])
    looked.clear()
    plant(
        renders, ["0004/0004_c01_w01_l01.jpg"], (renders / "0002/0002_c02_w01_l01.jpg").read_bytes()
    )
    (renders / "0001/0001_c01_w01_l01.jpg").write_bytes(picture(99))
    (renders / "0002/0002_c01_w01_l01.jpg").unlink()
    manifest = build_manifest([renders], tmp_path / "m")  # checks asked for once stay
    assert looked == ["0001/0001_c01_w01_l01.jpg", "0004/0004_c01_w01_l01.jpg"]
    assert flagged(manifest, "exact-duplicate") == {"0002_c02_w01_l01", "0004_c01_w01_l01"}
    afresh = build_manifest([renders], tmp_path / "fresh", checks=["all"])
    assert_alike(manifest.images(), afresh.images())


def test_another_dataset_is_checked_beside_the_first(
    renders: Path, tmp_path: Path, plant, looked
) -> None:
    build_manifest([renders], tmp_path / "m", checks=["duplicates"])
    looked.clear()
    copy = (renders / "0001/0001_c01_w01_l01.jpg").read_bytes()
    both = build_manifest(
        [plant(tmp_path / "market", ["query/0001_c1s1_001051_00.jpg"], copy)], tmp_path / "m"
    )
    assert looked == ["query/0001_c1s1_001051_00.jpg"]
    assert flagged(both, "exact-duplicate") == {"0001_c01_w01_l01", "0001_c1s1_001051_00"}
    share = {about.check: (about.worst_dataset, about.worst_share) for about in list_findings(both)}
    assert share["exact-duplicate"] == ("market1501", 1.0)


def test_none_drops_the_checks(renders: Path, tmp_path: Path) -> None:
    build_manifest([renders], tmp_path / "m", checks=["all"])
    bare = build_manifest([renders], tmp_path / "m", checks=["none"])
    assert bare.record.checks is None
    assert bare.looks() is None
    assert bare.images().schema.equals(arrow_schema(IMAGES))
    assert list_findings(bare) == []


def test_workers_and_batches_do_not_show(
    renders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = build_manifest([renders], tmp_path / "m", checks=["all"])
    monkeypatch.setattr(run_checks, "_PAYS", 0)
    monkeypatch.setattr(run_checks, "BATCH", 5)
    assert_alike(
        build_manifest([renders], tmp_path / "m2", checks=["all"], workers=2).images(),
        alone.images(),
    )


def test_splits_filter_by_flags_and_scores(draw, tmp_path: Path) -> None:
    renders = draw(tmp_path / "r", people=8)
    build_manifest([renders], tmp_path / "bare")
    with pytest.raises(
        FilterError,
        match="built without this check; build it with `gprplus build-manifest --checks`",
    ):
        make_split(tmp_path / "bare", "weather", output=tmp_path / "s", where="not is_dark")
    manifest = build_manifest([renders], tmp_path / "m", checks=["all"])
    dark = flagged(manifest, "dark")
    assert 0 < len(dark) < manifest.record.counts["images"]
    split = make_split(
        manifest, "weather", output=tmp_path / "s", where="not is_dark and dhash > 0"
    )
    kept = set(split.members()["path"].to_pylist())
    assert kept
    assert not kept & {f"{stem[:4]}/{stem}.jpg" for stem in dark}


def test_what_was_looked_at_before_a_kill_is_not_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, looked: list[str]
) -> None:
    root = put(tmp_path / "r", {f"0001_c{i:02d}_w01_l01": scene(i) for i in range(1, 7)})
    monkeypatch.setattr(run_checks, "BATCH", 2)
    monkeypatch.setattr(cache, "SECONDS", 0)

    def killed(done: int, total: int) -> None:
        if looked and done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_manifest([root], tmp_path / "m", checks=["all"], progress=killed)
    assert len(looked) == 4
    manifest = build_manifest([root], tmp_path / "m", checks=["all"])
    assert sorted(looked) == manifest.images(["path"])["path"].to_pylist()
    assert_alike(
        manifest.images(), build_manifest([root], tmp_path / "whole", checks=["all"]).images()
    )
    assert not (tmp_path / "m" / MEASURING).exists()
