"""One file is one image of a manifest: a folder read again under another name is refused."""

from pathlib import Path

import pytest

from gprplus.core.errors import ManifestError
from gprplus.ingest import Manifest, build_manifest


def rows(paths: list[str]) -> str:
    return "\n".join(["path,identity", *(f"{path},{Path(path).name[:4]}" for path in paths)])


def test_a_folder_under_a_second_name_is_refused_and_can_replace_the_first(
    renders: Path, tmp_path: Path
) -> None:
    first = build_manifest([renders], tmp_path / "m", name="first")
    with pytest.raises(ManifestError) as refused:
        build_manifest([renders], tmp_path / "m", name="second")
    assert str(refused.value) == (
        "36 files of the dataset 'second' are in the dataset 'first' too, such as"
        " 0001/0001_c01_w01_l01.jpg, 0001/0001_c01_w01_l02.jpg, 0001/0001_c01_w02_l01.jpg: each"
        " image would be in the manifest under two identities. Give another folder with -o, or"
        " replace 'first' with --name first --force."
    )
    assert Manifest.open(tmp_path / "m").fingerprint == first.fingerprint
    again = build_manifest([renders], tmp_path / "m", name="first", force=True)
    assert list(again.datasets) == ["first"]
    assert list(build_manifest([renders], tmp_path / "n", name="second").datasets) == ["second"]


@pytest.mark.parametrize("outer_first", [True, False])
def test_a_folder_inside_another_is_refused_for_the_files_of_both(
    renders: Path, tmp_path: Path, outer_first: bool
) -> None:
    whole = renders.rename(tmp_path / "all")
    names = sorted(path.relative_to(whole).as_posix() for path in whole.rglob("*.jpg"))
    inner = [name.removeprefix("0001/") for name in names if name.startswith("0001/")]
    (tmp_path / "outer.csv").write_text(rows(names))
    (tmp_path / "inner.csv").write_text(rows(inner))
    order = [("outer", whole), ("inner", whole / "0001")]
    (one, root), (other, there) = order if outer_first else order[::-1]
    build_manifest(output=tmp_path / "m", table=tmp_path / f"{one}.csv", root=root)
    with pytest.raises(
        ManifestError, match=rf"^12 files of the dataset '{other}' are in .* '{one}'"
    ):
        build_manifest(output=tmp_path / "m", table=tmp_path / f"{other}.csv", root=there)


def test_tables_may_share_a_folder_but_no_file(renders: Path, tmp_path: Path) -> None:
    names = sorted(path.relative_to(renders).as_posix() for path in renders.rglob("*.jpg"))
    for name, part in (("one", names[:12]), ("two", names[12:]), ("three", names[35:])):
        (tmp_path / f"{name}.csv").write_text(rows(part))
    for name in ("one", "two"):
        manifest = build_manifest(
            output=tmp_path / "m", table=tmp_path / f"{name}.csv", root=renders
        )
    assert {name: about.images for name, about in manifest.datasets.items()} == {
        "one": 12,
        "two": 24,
    }
    with pytest.raises(
        ManifestError, match=r"^1 file of the dataset 'three' is in the dataset 'two'"
    ):
        build_manifest(output=tmp_path / "m", table=tmp_path / "three.csv", root=renders)


def test_names_that_only_begin_alike_are_other_folders(tmp_path: Path, plant, design) -> None:
    for name in ("set", "set2"):
        plant(tmp_path / name, design())
        manifest = build_manifest([tmp_path / name], tmp_path / "m", name=name)
    assert manifest.record.counts["images"] == 72
