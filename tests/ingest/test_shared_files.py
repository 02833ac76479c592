"""One file is one image of a manifest: a folder read again under another name is refused, and a copy
of it is reported."""

import shutil
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


def copies(manifest: Manifest, name: str) -> list[str]:
    return [loss for loss in manifest.datasets[name].losses if "copies" in loss]


def test_a_copy_of_a_dataset_is_reported(renders: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(renders, copy)
    for path in sorted(copy.rglob("*.jpg"))[16:]:
        path.unlink()
    changed = min(copy.rglob("*.jpg"))
    data = changed.read_bytes()
    changed.write_bytes(data[:-2] + b"\0" + data[-2:])
    build_manifest([renders], tmp_path / "m", name="first")
    manifest = build_manifest([copy], tmp_path / "m", name="second")
    assert copies(manifest, "second") == [
        "15 of its 16 files have the path and the size of a file of 'first', such as"
        " 0001/0001_c01_w01_l02.jpg. If they are copies, one image can be in train set and test set"
        " under two identities: build a manifest of its own for one of the datasets with -o."
    ]
    again = build_manifest([copy], tmp_path / "m", name="second")
    assert copies(again, "second") == copies(manifest, "second")
    assert copies(again, "first") == []


def test_names_alone_or_one_size_alone_make_no_copy(tmp_path: Path) -> None:
    import cv2
    import numpy as np

    for seed, name in enumerate(("one", "two")):
        rng = np.random.default_rng(seed)
        for ending in ("bmp", "png"):
            for i in range(6):
                path = tmp_path / name / ending / f"{i}.{ending}"
                path.parent.mkdir(parents=True, exist_ok=True)
                pixels = rng.integers(0, 255, (8, 4 + seed, 3), dtype=np.uint8)
                pixels = pixels if ending == "png" else pixels[:, :4]  # BMP: equal sizes
                assert cv2.imwrite(str(path), pixels)
    for name in ("one", "two"):
        manifest = build_manifest(
            output=tmp_path / "m", table=_table(tmp_path / name), root=tmp_path / name, name=name
        )
    assert manifest.record.counts["images"] == 24
    assert copies(manifest, "two") == []


def _table(root: Path) -> Path:
    names = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.*g"))
    names += sorted(path.relative_to(root).as_posix() for path in root.rglob("*.bmp"))
    table = root.with_suffix(".csv")
    table.write_text("\n".join(["path,identity", *(f"{name},{name[4]}" for name in names)]))
    return table
