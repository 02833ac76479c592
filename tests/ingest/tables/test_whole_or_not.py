"""What is not a whole manifest is not taken for one: foreign folders, old schemas, builds that
broke off."""

import json
import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from gprplus.core.errors import ManifestError
from gprplus.core.typed import as_json
from gprplus.ingest import Manifest, build_manifest


def test_a_folder_that_is_no_manifest(tmp_path: Path, renders: Path) -> None:
    with pytest.raises(ManifestError, match="There is no manifest at"):
        Manifest.open(tmp_path / "nowhere")
    with pytest.raises(
        ManifestError, match=r"is not a manifest \(make one with .*\): it has no manifest\.json"
    ):
        Manifest.open(renders)
    manifest = build_manifest([renders], tmp_path / "m")
    with pytest.raises(ManifestError, match="lacks the column"):
        manifest.images(["colour"])
    with pytest.raises(ManifestError, match="Did you mean 'weather'"):
        manifest.levels("wether")
    with pytest.raises(ManifestError, match="Did you mean 'gprplus'"):
        manifest.roots({"gprplu": tmp_path})
    (manifest.path / "images.parquet").write_bytes(b"not parquet")
    with pytest.raises(ManifestError, match=r"images\.parquet cannot be read"):
        manifest.images()
    (manifest.path / "scan.parquet").unlink()
    with pytest.raises(ManifestError, match=r"lacks scan\.parquet"):
        Manifest.open(manifest.path)
    assert build_manifest([renders], tmp_path / "m", force=True).images().num_rows == 36


def test_an_old_schema_is_not_read(renders: Path, tmp_path: Path) -> None:
    manifest = build_manifest([renders], tmp_path / "m")
    (manifest.path / "manifest.json").write_text(
        json.dumps({**as_json(manifest.record), "schema_version": 0})
    )
    with pytest.raises(ManifestError, match="schema version 0, this gprplus reads 1"):
        build_manifest([renders], tmp_path / "m")


def test_a_build_that_breaks_off_leaves_the_old_manifest(
    renders, tmp_path, plant, monkeypatch
) -> None:
    from gprplus.ingest.tables import replace as store

    first = build_manifest([renders], tmp_path / "m")
    plant(renders, ["0009/0009_c01_w01_l01.jpg"])

    def dies(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(store, "write_json", dies)
        with pytest.raises(KeyboardInterrupt):
            build_manifest([renders], tmp_path / "m")
    assert Manifest.open(tmp_path / "m").record == first.record
    assert build_manifest([renders], tmp_path / "m").images().num_rows == 37


def test_a_replacement_that_breaks_off_is_finished_by_the_next_build(
    renders, tmp_path, plant, monkeypatch
) -> None:
    from gprplus.ingest.tables import replace as store

    build_manifest([renders], tmp_path / "m")
    plant(renders, ["0009/0009_c01_w01_l01.jpg"])
    real = os.replace

    def dies_at_the_second(source, target):
        if Path(target).parent == tmp_path / "m" and Path(target).name == "identities.parquet":
            raise KeyboardInterrupt
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(store.os, "replace", dies_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            build_manifest([renders], tmp_path / "m")
    with pytest.raises(ManifestError, match="is being replaced, or that was interrupted"):
        Manifest.open(tmp_path / "m")
    finished = build_manifest([renders], tmp_path / "m")
    assert finished.images().equals(build_manifest([renders], tmp_path / "afresh").images())
    assert not (tmp_path / "m" / ".next").exists()


def test_one_build_at_a_time(renders: Path, tmp_path: Path) -> None:
    from gprplus.ingest.tables import replace as store

    with (
        store.hold_manifest(tmp_path / "m"),
        pytest.raises(ManifestError, match="Another gprplus is writing to"),
    ):
        build_manifest([renders], tmp_path / "m")


def test_a_manifest_that_was_opened_before_a_rebuild_gives_no_rows_of_the_rebuild(draw, tmp_path):
    folder = draw(tmp_path / "r", people=2, views=2, weathers=["01"], lights=["03"])
    opened = build_manifest([folder], tmp_path / "m")
    draw(folder, people=3, views=2, weathers=["01"], lights=["03"])
    rebuilt = build_manifest([folder], tmp_path / "m")
    with pytest.raises(ManifestError, match="was built again while it was being read"):
        opened.images()
    assert len(rebuilt.images()) == len(Manifest.open(tmp_path / "m").images()) == 6


def test_a_table_that_lacks_a_column_is_named(tmp_path: Path, renders: Path) -> None:
    manifest = build_manifest([renders], tmp_path / "m")
    people = pq.read_table(manifest.path / "identities.parquet")
    pq.write_table(people.drop_columns(["age"]), manifest.path / "identities.parquet")
    with pytest.raises(ManifestError, match=r"identities\.parquet lacks the column.* age"):
        Manifest.open(manifest.path).identities()
