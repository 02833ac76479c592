"""Roles from lists beside the images, where neither a name nor a folder tells them."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from gprplus.core.errors import LayoutError, ManifestError
from gprplus.ingest import Manifest, build_manifest, inspect
from gprplus.ingest.inspection.layout_preview import preview_layout
from gprplus.ingest.sidecars.roles import gallery_only_warning
from gprplus.schema import IMAGES, conform

MSMT17 = {
    "train/0000/0000_045_12_0303morning_0006_2.jpg": "train",
    "train/0000/0000_046_12_0303morning_0006_2_ex.jpg": "train",
    "train/0000/0000_013_04_0303morning_0020_2.jpg": "val",
    "test/0000/0000_000_01_0303morning_0015_0.jpg": "query",
    "test/0000/0000_008_01_0303morning_0019_2.jpg": "gallery",
}
MSMT17_V2 = {
    "mask_train_v2/0000/0000_000_01_0303morning_0008_0.jpg": "train",
    "mask_train_v2/0000/0000_013_04_0303morning_0020_2.jpg": "val",
    "mask_test_v2/0000/0000_002_01_0303morning_0016_2.jpg": "gallery",
    "mask_test_v2/0253/0253_002_01_0303morning_1475_1.jpg": "gallery",
}
CUHK03 = {
    "images_detected/1_001_1_01.png": "train",
    "images_detected/1_003_1_02.png": "query",
    "images_detected/1_003_2_08.png": "query",
    "images_detected/1_003_1_01.png": "gallery",
}
PROTOCOL = "cuhk03_new_protocol_config_detected.mat"


def write_lists(root: Path, roles: dict[str, str]) -> None:
    for role in sorted(set(roles.values())):
        names = [path.partition("/")[2] for path, given in roles.items() if given == role]
        lines = [f"{name} {label}" for label, name in enumerate(names)]
        (root / f"list_{role}.txt").write_text("\n".join(lines) + "\n")


def write_protocol(path: Path, roles: dict[str, str], **changed: object) -> None:
    """CUHK03's new protocol as its authors keep it: a cell array of names, and one-based positions
    in it."""
    savemat = pytest.importorskip("scipy.io").savemat
    names = [name.partition("/")[2] for name in roles]
    cells = np.empty((len(names), 1), object)
    cells[:, 0] = names
    given = np.array(list(roles.values()))
    positions = {
        f"{role}_idx": np.flatnonzero(given == role) + 1 for role in ("train", "query", "gallery")
    }
    savemat(path, {"filelist": cells, "labels": np.ones((len(names), 1)), **positions, **changed})


def roles_of(manifest: Manifest) -> dict[str, str | None]:
    return {row["path"]: row["role"] for row in manifest.images(["path", "role"]).to_pylist()}


@pytest.mark.parametrize(("name", "roles"), [("msmt17_v1", MSMT17), ("msmt17_v2", MSMT17_V2)])
def test_the_four_lists_give_the_roles(
    tmp_path: Path, plant, name: str, roles: dict[str, str]
) -> None:
    root = plant(tmp_path / "data", roles)
    write_lists(root, roles)
    manifest = build_manifest([root], tmp_path / "m")
    assert manifest.datasets[name].rejected == 0  # a list is no image that fails to fit
    assert roles_of(manifest) == roles
    assert {row["path"]: row["role"] for row in preview_layout(root).rows} == roles


def test_person_0000_of_train_and_of_test_are_two_people(tmp_path: Path, plant) -> None:
    manifest = build_manifest([plant(tmp_path / "data", MSMT17)], tmp_path / "m")
    assert manifest.identities()["identity"].to_pylist() == ["test:0000", "train:0000"]


def test_without_lists_roles_are_as_far_as_the_folders_tell(tmp_path: Path, plant) -> None:
    manifest = build_manifest([plant(tmp_path / "data", MSMT17)], tmp_path / "m")
    assert roles_of(manifest) == {
        path: "train" if path.startswith("train") else None for path in MSMT17
    }
    assert "none of the role lists (list_train.txt, list_val.txt" in " ".join(
        inspect(manifest).problems
    )


def test_the_ghosts_of_the_second_releases_archive_are_nobody(tmp_path: Path, plant) -> None:
    ghosts = [
        f"__MACOSX/{path.rpartition('/')[0]}/._{path.rpartition('/')[2]}" for path in MSMT17_V2
    ]
    ghosts += ["mask_train_v2/0000/._0000_000_01_0303morning_0008_0.jpg", ".DS_Store"]
    manifest = build_manifest([plant(tmp_path / "data", [*MSMT17_V2, *ghosts])], tmp_path / "m")
    assert (manifest.record.counts["images"], manifest.record.counts["rejected"]) == (
        len(MSMT17_V2),
        0,
    )


def test_the_second_releases_doubled_top_folder_is_pointed_out(tmp_path: Path, plant) -> None:
    plant(tmp_path / "MSMT17_V2" / "MSMT17_V2", MSMT17_V2)
    with pytest.raises(LayoutError, match=r"they fit 'msmt17_v2'\. Give that folder\."):
        build_manifest([tmp_path / "MSMT17_V2"], tmp_path / "m")


def test_a_list_that_changes_changes_the_roles_and_opens_no_image(tmp_path: Path, plant) -> None:
    root = plant(tmp_path / "data", MSMT17)
    build_manifest([root], tmp_path / "m")
    write_lists(root, MSMT17)
    again = build_manifest([root], tmp_path / "m")
    assert again.rebuilt == ("msmt17_v1",)
    assert roles_of(again) == MSMT17
    assert build_manifest([root], tmp_path / "m").rebuilt == ()


def test_what_lists_and_images_do_not_share_is_told(tmp_path: Path, plant) -> None:
    root = plant(tmp_path / "data", list(MSMT17)[2:])
    write_lists(root, dict(list(MSMT17.items())[:-2]))
    manifest = build_manifest([root], tmp_path / "m")
    problems = " ".join(inspect(manifest).problems)
    gone, unlisted = (", ".join(names) for names in (list(MSMT17)[:2], list(MSMT17)[-2:]))
    assert f"2 images of the role lists are not here, such as {gone}." in problems
    assert (
        "2 images are on none of the lists list_train.txt, list_val.txt and have no role"
        in problems
    )
    assert f"have no role, such as {unlisted}." in problems


def test_an_image_on_two_lists_is_one_sentence(tmp_path: Path, plant) -> None:
    root = plant(tmp_path / "data", MSMT17)
    write_lists(root, MSMT17)
    (root / "list_gallery.txt").write_bytes((root / "list_query.txt").read_bytes())
    with pytest.raises(
        ManifestError, match=r"gives the role gallery to test/0000/.* another list calls query"
    ):
        build_manifest([root], tmp_path / "m")


def test_cuhk03s_protocol_file_gives_the_roles(tmp_path: Path, plant, picture) -> None:
    root = plant(tmp_path / "data", CUHK03, picture(kind=".png"))
    write_protocol(root / PROTOCOL, CUHK03)
    manifest = build_manifest([root], tmp_path / "m")
    assert roles_of(manifest) == CUHK03
    assert manifest.identities()["identity"].to_pylist() == ["1:001", "1:003"]


def test_cuhk03s_names_alone_tell_no_role(tmp_path: Path, plant, picture) -> None:
    manifest = build_manifest(
        [plant(tmp_path / "data", CUHK03, picture(kind=".png"))], tmp_path / "m"
    )
    assert set(roles_of(manifest).values()) == {None}


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"query_idx": [0]}, "query_idx has position(s) 0, and filelist has 1 to 4"),
        ({"query_idx": [5]}, "query_idx has position(s) 5, and filelist has 1 to 4"),
        (
            {"gallery_idx": [2]},
            (
                "gives the role gallery to images_detected/1_003_1_02.png, which another list calls"
                " query"
            ),
        ),
    ],
)
def test_a_protocol_that_contradicts_itself_is_one_sentence(
    tmp_path, plant, picture, changed, sentence
) -> None:
    root = plant(tmp_path / "data", CUHK03, picture(kind=".png"))
    write_protocol(root / PROTOCOL, CUHK03, **changed)
    with pytest.raises(ManifestError) as problem:
        build_manifest([root], tmp_path / "m")
    assert sentence in str(problem.value)


def test_a_protocol_that_is_no_matlab_file_is_one_sentence(tmp_path: Path, plant, picture) -> None:
    pytest.importorskip("scipy")
    root = plant(tmp_path / "data", CUHK03, picture(kind=".png"))
    (root / PROTOCOL).write_bytes(b"hello")
    with pytest.raises(ManifestError, match="cannot be read as a MATLAB file"):
        build_manifest([root], tmp_path / "m")


@pytest.mark.parametrize(
    "names",
    [
        ["images_detected/1_001_1_01.png", "images_labeled/1_001_1_01.png"],
        ["detected/query/0001_c1_1.png", "labeled/query/0001_c1_1.png"],
    ],
)
def test_detected_and_labeled_boxes_are_never_mixed(
    tmp_path: Path, plant, picture, names: list[str]
) -> None:
    root = plant(tmp_path / "data", names, picture(kind=".png"))
    with pytest.raises(
        LayoutError, match=r"holds detected and labeled of CUHK03.*, which must not be mixed"
    ):
        build_manifest([root], tmp_path / "m")


def test_dukes_gallery_only_people_are_told_though_no_name_marks_them(
    tmp_path: Path, plant
) -> None:
    names = ["query/0005_c2_f0046985.jpg", "bounding_box_test/0005_c5_f0051781.jpg"]
    names += ["bounding_box_test/0002_c1_f0044158.jpg", "bounding_box_test/0002_c1_f0044278.jpg"]
    names += ["bounding_box_train/0001_c2_f0046182.jpg"]
    manifest = build_manifest([plant(tmp_path / "data", names)], tmp_path / "m")
    assert not any(manifest.images(["is_distractor"])["is_distractor"].to_pylist())
    assert manifest.datasets["dukemtmcreid"].status == "withdrawn"
    problems = " ".join(inspect(manifest).problems)
    assert (
        "1 identities are only in the gallery (2 images): they are distractors without a mark"
        in problems
    )
    assert (
        "by role the whole dataset has 16,522 train, 2,228 query, 17,661 gallery; here are 1, 1, 3."
        in problems
    )


def test_junk_and_marked_distractors_make_nobody_a_person_of_the_gallery_alone() -> None:
    rows = [
        {"identity": "0001", "role": "query"},
        {"identity": "0001", "role": "gallery"},
        {"identity": "0002", "role": "gallery", "is_junk": True},
        {"identity": "0003", "role": "gallery", "is_distractor": True},
        {"identity": "0004", "role": "gallery"},
        {"identity": "0004", "role": "gallery", "is_junk": True},
    ]
    images = pa.Table.from_pylist(
        [{"is_junk": False, "is_distractor": False, **row} for row in rows]
    )
    (told,) = gallery_only_warning(conform(images, IMAGES))
    assert told.startswith("1 identities are only in the gallery (1 images)")
