"""Market-1501 folders, read back by gprplus and by the expression that every loader of that set
uses."""

import csv
import re
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

from gprplus.core.errors import ExportError
from gprplus.core.typed import as_json
from gprplus.exports import export
from gprplus.exports.export_layout import ExportInfo
from gprplus.exports.forms import market1501
from gprplus.exports.rows import ROWS
from gprplus.ingest import build_manifest
from gprplus.reporting.basis import describe_target_images
from gprplus.schema import conform
from gprplus.splits import Split
from tests.support.records import experiment_of

CLASSIC = re.compile(r"([-\d]+)_c(\d)")


def loaded(folder: Path) -> Counter:
    """(person, camera) of every image as the classic loaders read them: junk left out, both
    assertions kept."""
    found: Counter = Counter()
    for path in sorted(folder.glob("*.jpg")):
        person, camera = map(int, CLASSIC.search(str(path)).groups())
        if person == -1:
            continue
        assert 0 <= person <= 1501
        assert 1 <= camera <= 6
        found[person, camera] += 1
    return found


def rows(*records: dict) -> pa.Table:
    """Rows as exports see them, one record each, with what a record leaves out filled in."""
    base = {
        "dataset": "d",
        "identity": "0001",
        "camera": 1,
        "role": "train",
        "is_junk": False,
        "is_distractor": False,
    }
    filled = [{**base, "path": f"{i}.jpg", **record} for i, record in enumerate(records)]
    return conform(pa.Table.from_pylist(filled), ROWS)


def names(*records: dict) -> list[str]:
    return list(market1501.plan_market1501(rows(*records)).files)


@pytest.fixture(scope="module")
def written(house):
    return export(house / "splits" / "weather", "market1501", house / "out" / "mix", arm="mix")


def test_the_classic_expression_reads_the_right_persons_cameras_and_counts(house, written):
    split = Split.open(house / "splits" / "weather")
    test = split.test().to_pylist()
    for folder, members in (
        ("bounding_box_train", split.train("mix").to_pylist()),
        ("query", [row for row in test if row["role"] == "query"]),
        ("bounding_box_test", [row for row in test if row["role"] == "gallery"]),
    ):
        truth = Counter((int(row["identity"]), row["camera"]) for row in members)
        assert loaded(written.path / folder) == truth
        assert truth


def test_gprplus_reads_its_own_export_back(house, written):
    manifest = build_manifest([written.path], house / "back", layout="market1501")
    split = Split.open(house / "splits" / "weather")
    back = manifest.images(["path", "identity", "camera", "role"]).to_pylist()
    table = {row["file"]: row for row in csv.DictReader((written.path / "map.csv").open())}
    assert len(back) == len(table) == written.info["images"][""]
    assert not manifest.rejected().num_rows
    for row in back:
        told = table[row["path"]]
        assert (row["identity"], str(row["camera"]), row["role"]) == (
            told["identity"],
            told["camera"],
            told["role"],
        )
    uids = {
        str(uid)
        for uid in [*split.train("mix")["uid"].to_pylist(), *split.test()["uid"].to_pylist()]
    }
    assert {row["uid"] for row in table.values()} == uids


def test_renders_under_its_names_are_not_taken_for_market1501(house, written):
    manifest = build_manifest([written.path], house / "named", layout="auto")
    (facts,) = manifest.datasets.values()
    assert (facts.layout, facts.title, facts.licence) == ("market1501", "gprplus engine", "CC0-1.0")
    target = {"protocol": "camera", "fingerprint": "", "datasets": as_json(manifest.datasets)}
    assert describe_target_images(
        "it", experiment_of(benchmark={"targets": {"it": target}})
    ).endswith("not on photographs")


def test_bytes_are_those_of_the_renders(house, written):
    for row in csv.DictReader((written.path / "map.csv").open()):
        source = house / "renders" / "engine" / row["path"]
        assert (written.path / row["file"]).read_bytes() == source.read_bytes()


def test_images_of_one_person_and_camera_are_counted():
    assert names({}, {}, {"camera": 2}, {"identity": "0002"}) == [
        "bounding_box_train/0001_c1s1_000001_01.jpg",
        "bounding_box_train/0001_c1s1_000002_01.jpg",
        "bounding_box_train/0001_c2s1_000001_01.jpg",
        "bounding_box_train/0002_c1s1_000001_01.jpg",
    ]


def test_queries_junk_and_distractors_are_named_as_in_the_original():
    assert names(
        {"role": "query"},
        {"role": "gallery"},
        {"role": "gallery", "identity": None, "is_junk": True},
        {"role": "gallery", "identity": "0000", "is_distractor": True},
        {"role": "val"},
    ) == [
        "query/0001_c1s1_000001_00.jpg",
        "bounding_box_test/0001_c1s1_000002_01.jpg",
        "bounding_box_test/-1_c1s1_000001_01.jpg",
        "bounding_box_test/0000_c1s1_000001_01.jpg",
        "bounding_box_train/0001_c1s1_000003_01.jpg",
    ]


@pytest.mark.parametrize(
    ("identities", "labels"),
    [
        (["0007", "1501"], ["0007", "1501"]),
        (["0000", "0007"], ["0001", "0002"]),
        (["0007", "1502"], ["0001", "0002"]),
        (["b", "a"], ["0002", "0001"]),
        (["000123", "000007"], ["0002", "0001"]),
    ],
    ids=["fitting numbers stay", "0000 means distractor", "past 1501", "words", "six digits"],
)
def test_persons_get_labels_that_loaders_take(identities, labels):
    found = [
        name.split("/")[1][:4]
        for name in names(*({"identity": identity} for identity in identities))
    ]
    assert found == labels


def test_equal_names_in_two_datasets_are_two_persons():
    assert [name.split("/")[1][:4] for name in names({}, {"dataset": "e"})] == ["0001", "0002"]


def test_up_to_six_cameras_are_told_apart_and_more_are_folded_with_a_table_and_a_note():
    six = market1501.plan_market1501(
        rows(*({"camera": camera} for camera in (0, 101, 102, 103, 201, 202)))
    )
    assert [CLASSIC.search(name)[2] for name in six.files] == list("123456")
    assert not six.notes
    twelve = market1501.plan_market1501(rows(*({"camera": camera} for camera in range(1, 13))))
    assert [CLASSIC.search(name)[2] for name in twelve.files] == list("112233445566")
    assert twelve.tables["cameras.csv"].to_pydict() == {
        "camera": [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6],
        "original_camera": list(range(1, 13)),
    }
    assert twelve.notes == ["12 cameras are folded into 6, neighbours together (cameras.csv)."]
    assert len(set(twelve.files)) == 12


def test_folding_cameras_of_a_test_side_warns_of_the_scores():
    plan = market1501.plan_market1501(
        rows(*({"camera": camera, "role": "gallery"} for camera in range(1, 8)))
    )
    assert "Scores then differ" in plan.notes[0]


def test_renders_without_cameras_use_the_viewpoint():
    plan = market1501.plan_market1501(
        rows(*({"camera": None, "viewpoint_deg": view} for view in (90, 0, 180)))
    )
    assert [CLASSIC.search(name)[2] for name in plan.files] == ["2", "1", "3"]


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        ({"camera": None, "viewpoint_deg": None}, "know no camera"),
        ({"identity": None}, "have no identity and are no junk"),
    ],
    ids=["no camera", "no identity"],
)
def test_what_the_form_cannot_say_is_refused(record, sentence):
    with pytest.raises(ExportError, match=sentence):
        market1501.plan_market1501(rows({}, record))


def test_too_many_persons_are_refused_and_many_are_noted():
    with pytest.raises(ExportError, match="10,000 identities"):
        market1501.plan_market1501(rows(*({"identity": f"{i:05d}"} for i in range(10_000))))
    many = market1501.plan_market1501(rows(*({"identity": f"{i:05d}"} for i in range(1502))))
    assert "require 1,501 identities" in many.notes[0]


def test_a_folder_that_loaders_would_read_as_a_person_is_refused(house, tmp_path):
    with pytest.raises(ExportError, match=r"would read '-2_c3' in .* as an identity and a camera"):
        export(house / "splits" / "weather", "market1501", tmp_path / "exp-2_c3", arm="mix")


def test_other_formats_keep_their_bytes_and_a_note_says_so():
    plan = market1501.plan_market1501(rows({"path": "0001/a.png"}, {"path": "0001/b.JPG"}))
    assert [name.endswith(".jpg") for name in plan.files] == [True, True]
    assert [note for note in plan.notes if "1 images (.png)" in note]


def test_more_cameras_keep_their_numbers_if_the_reader_takes_them():
    about = ExportInfo("x", "", None, {}, 10, cameras=12)
    twelve = rows(*({"camera": camera} for camera in range(1, 13)))
    plan = market1501.plan_market1501(twelve, about)
    assert sorted({int(file.split("_c")[1].split("s")[0]) for file in plan.files}) == list(
        range(1, 13)
    )
    assert "The cameras are c1 to c12" in plan.notes[0]
    assert "read c10 as camera 1" in plan.notes[0]
