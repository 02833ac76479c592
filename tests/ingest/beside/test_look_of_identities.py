"""The column look of an identities file: a column of the manifest where it has values."""

import shutil
from pathlib import Path

from gprplus.ingest import Manifest, build_manifest, inspect


def test_shared_looks_are_reported(renders: Path, tmp_path: Path) -> None:
    (renders / "identities.csv").write_text(
        "identity,look\n0001,RP_Adult 01\n0002,rp-adult-01\n0003,7\n"
    )
    manifest = build_manifest([renders], tmp_path / "m")
    assert manifest.identities()["look"].to_pylist() == ["rp-adult-01", "rp-adult-01", "7"]
    assert manifest.levels("look") == ["7", "rp-adult-01"]
    (sentence,) = [one for one in manifest.datasets["gprplus"].losses if "look" in one]
    assert sentence.startswith(
        "1 look is shared by 2 identities, such as 'rp-adult-01' by 0001, 0002"
    )
    assert any(sentence in problem for problem in inspect(manifest).problems)
    assert inspect(manifest).people["look"] == {"7": 1, "rp-adult-01": 2}


def test_a_manifest_without_looks_has_no_such_column(renders: Path, tmp_path: Path) -> None:
    manifest = build_manifest([renders], tmp_path / "m")
    assert "look" not in manifest.identities().column_names
    assert "attributes" not in (tmp_path / "m" / "manifest.json").read_text()
    before = manifest.fingerprint
    (renders / "identities.csv").write_text("identity,look\n0001,a\n0002,b\n")
    again = build_manifest([renders], tmp_path / "m")
    assert again.fingerprint != before
    (renders / "identities.csv").unlink()
    assert build_manifest([renders], tmp_path / "m").fingerprint == before


def test_datasets_with_and_without_looks_share_a_manifest(renders: Path, tmp_path: Path) -> None:
    one = build_manifest([renders], tmp_path / "m", name="plain").datasets["plain"].fingerprint
    looks = shutil.copytree(renders, tmp_path / "looks")
    (looks / "identities.csv").write_text("identity,look\n0001,a\n")
    build_manifest([looks], tmp_path / "m", name="looks")
    both = Manifest.open(tmp_path / "m")
    assert both.datasets["plain"].fingerprint == one
    assert both.identities()["look"].to_pylist() == ["a", None, None, None, None, None]
    assert build_manifest([looks], tmp_path / "m", name="looks").rebuilt == ()
    (looks / "0001" / "0001_c01_w01_l01.jpg").unlink()
    again = build_manifest([looks], tmp_path / "m", name="looks")
    assert again.identities()["look"].to_pylist() == ["a", None, None, None, None, None]
