"""The forms of MOT re-ID, Datumaro and FiftyOne, on hand-worked rows and as their readers read them.

fast-reid, Datumaro and FiftyOne do not install beside the test environment, so their rules of
reading are restated here; docs/exports.md names the versions of the libraries that opened the
folders. (BoT-SORT `fast_reid/fastreid/data/datasets/mot17.py`, mmdetection
`mmdet/datasets/reid_dataset.py`, datumaro `plugins/data_formats/datumaro/base.py`, FiftyOne
`utils/data/importers.py`.)
"""

import csv
import glob
import json
import os
import re
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from PIL import Image

from gprplus import build_manifest
from gprplus.core.errors import ExportError
from gprplus.exports import export
from gprplus.exports.export_layout import ExportInfo
from gprplus.exports.forms.datumaro import plan_datumaro
from gprplus.exports.forms.fiftyone import plan_fiftyone
from gprplus.exports.forms.imagefolder import plan_imagefolder
from gprplus.exports.forms.mot_reid import plan_mot_reid
from gprplus.exports.forms.oml import plan_oml
from gprplus.exports.forms.parquet import plan_parquet
from gprplus.exports.forms.webdataset import plan_webdataset
from gprplus.schema.records import DatasetRecord
from gprplus.splits import Split

FACTS = {"d": DatasetRecord("renders", licence="MIT")}


def info(sizes=None):
    return ExportInfo("weather", "f00", "mix", FACTS, 10, sizes=sizes or {})


def rows(*lines, **more):
    """Rows of role, dataset, path, identity and camera; the rest is unknown."""
    names = ("role", "dataset", "path", "identity", "camera")
    columns = dict(zip(names, map(list, zip(*lines, strict=True)), strict=True))
    count = len(lines)
    columns["uid"] = pa.array(range(1, count + 1), pa.uint64())
    columns["viewpoint_deg"] = pa.nulls(count, pa.int32())
    columns["is_junk"] = columns["is_distractor"] = pa.nulls(count, pa.bool_())
    return pa.table({**columns, **more})


@pytest.fixture(scope="module")
def split(house):
    return Split.open(house / "splits" / "weather")


def identities(split):
    """Identity and camera of each image, by role."""
    parts = {"train": split.train("mix").to_pylist()}
    for row in split.test().to_pylist():
        parts.setdefault(row["role"], []).append(row)
    return {
        role: Counter((r["identity"], r["camera"]) for r in part) for role, part in parts.items()
    }


# MOT re-ID


def test_names_of_mot_reid_carry_identity_camera_and_count():
    table = rows(
        ("train", "d", "b.jpg", "7", 4),
        ("train", "d", "ü.png", "2", 9),
        ("query", "d", "c.jpg", "9", 4),
        ("gallery", "d", "d.jpg", None, 4),
        ("gallery", "d", "e.jpg", None, 4),
        ("gallery", "d", "f.jpg", "9", 9),
        is_junk=[False, False, False, True, False, False],
        is_distractor=[False, False, False, False, True, False],
    )
    plan = plan_mot_reid(table, info())
    assert plan.files == [
        "MOT17-ReID/bounding_box_train/0000002_MOT17-01-FRCNN_0000000_acc_data.bmp",
        "MOT17-ReID/bounding_box_train/0000001_MOT17-02-FRCNN_0000001_acc_data.bmp",
        "MOT17-ReID/query/0000003_MOT17-01-FRCNN_0000002_acc_data.bmp",
        "MOT17-ReID/bounding_box_test/-1_MOT17-01-FRCNN_0000003_acc_data.bmp",
        "MOT17-ReID/bounding_box_test/0000000_MOT17-01-FRCNN_0000004_acc_data.bmp",
        "MOT17-ReID/bounding_box_test/0000003_MOT17-02-FRCNN_0000005_acc_data.bmp",
    ]
    assert plan.texts["meta/train.txt"] == f"{plan.files[0]} 1\n{plan.files[1]} 0\n"
    assert plan.texts["meta/val.txt"] == f"{plan.files[2]} 0\n{plan.files[5]} 0\n"
    with pytest.raises(ExportError, match=r"no identity and are no junk.*--where"):
        plan_mot_reid(rows(("train", "d", "b.jpg", None, 4)), info())
    with pytest.raises(ExportError, match="MOT17-ReID names a camera"):
        plan_mot_reid(rows(("train", "d", "b.jpg", "7", None)), info())


def read_as_fastreid(root):
    """Identity and camera of each image of a part, as the loader of BoT-SORT reads them."""
    pattern = re.compile(r"([-\d]+)_MOT17-([-\d]+)-FRCNN")
    parts = {}
    for part in ("bounding_box_train", "query", "bounding_box_test"):
        paths = glob.glob(os.path.join(root, "MOT17-ReID", part, "*.bmp"))
        found = [tuple(map(int, pattern.search(path).groups())) for path in paths]
        parts[part] = Counter((pid, camera - 1) for pid, camera in found if pid != -1)
    return parts


def test_the_loader_of_trackers_reads_the_identities_and_cameras_of_the_split(house, split):
    folder = export(split, "mot-reid", house / "out" / "mot", arm="mix").path
    expected = identities(split)
    found = read_as_fastreid(folder)
    for part, role in zip(found, ("train", "query", "gallery"), strict=True):
        assert sorted(found[part].values()) == sorted(expected[role].values())
        assert {camera for _, camera in found[part]} == {c - 1 for _, c in expected[role]}
    with (folder / "map.csv").open() as file:
        numbers = {(row["identity"], row["file"].split("/")[2][:7]) for row in csv.DictReader(file)}
    assert len(numbers) == len({identity for part in expected.values() for identity, _ in part})
    for name, roles in (("train", ["train"]), ("val", ["query", "gallery"])):
        lines = [
            line.split(" ") for line in (folder / "meta" / f"{name}.txt").read_text().splitlines()
        ]
        assert len(lines) == sum(expected[role].total() for role in roles)
        assert all((folder / path).is_file() for path, _ in lines)
        known = {identity for role in roles for identity, _ in expected[role]}
        assert {int(label) for _, label in lines} == set(range(len(known)))
        with Image.open(folder / lines[0][0]) as image:
            assert image.size == (32, 64)


def test_a_folder_whose_name_the_loader_of_trackers_would_read_is_refused(house, split, tmp_path):
    with pytest.raises(ExportError, match="as an identity and a camera"):
        export(split, "mot-reid", tmp_path / "9_MOT17-02-FRCNN", arm="mix")


# Datumaro


def test_a_subset_of_datumaro_has_its_items_labels_and_attributes():
    table = rows(
        ("train", "d", "0001/ü b.jpg", "7", 4),
        ("train", "d", "0001/c.jpg", None, 4),
        ("query", "d", "0001/e.jpg", "2", 4),
    )
    plan = plan_datumaro(table, info({1: (32, 64)}))
    assert plan.files == [
        "images/train/d/0001/ü b.jpg",
        "images/train/d/0001/c.jpg",
        "images/query/d/0001/e.jpg",
    ]
    train = plan.records["annotations/train.json"]
    assert train["items"] == [
        {
            "id": "d/0001/ü b",
            "annotations": [
                {"id": 0, "type": "label", "attributes": {}, "group": 0, "label_id": 1}
            ],
            "attr": {
                "role": "train",
                "dataset": "d",
                "path": "0001/ü b.jpg",
                "identity": "7",
                "camera": 4,
                "uid": "1",
            },
            "image": {"path": "d/0001/ü b.jpg", "size": [64, 32]},
        },
        {
            "id": "d/0001/c",
            "annotations": [],
            "attr": {
                "role": "train",
                "dataset": "d",
                "path": "0001/c.jpg",
                "camera": 4,
                "uid": "2",
            },
            "image": {"path": "d/0001/c.jpg"},
        },
    ]
    names = [one["name"] for one in train["categories"]["label"]["labels"]]
    assert names == ["2", "7"]
    assert train["categories"] == plan.records["annotations/query.json"]["categories"]
    assert train["infos"]["licences"] == "MIT"


def test_labels_of_two_datasets_and_items_of_two_extensions_stay_apart():
    table = rows(
        ("train", "a", "1.jpg", "7", 4),
        ("train", "a", "1.png", "7", 4),
        ("train", "b", "1.jpg", "7", 4),
    )
    train = plan_datumaro(table, info()).records["annotations/train.json"]
    assert [one["name"] for one in train["categories"]["label"]["labels"]] == ["a/7", "b/7"]
    assert [item["id"] for item in train["items"]] == ["a/1.jpg", "a/1.png", "b/1.jpg"]
    assert [item["annotations"][0]["label_id"] for item in train["items"]] == [0, 0, 1]


def test_datumaro_finds_each_image_with_its_size_and_identity(house, split):
    folder = export(split, "datumaro", house / "out" / "datumaro", arm="mix").path
    expected = identities(split)
    for role, counts in expected.items():
        found = json.loads((folder / "annotations" / f"{role}.json").read_text())
        names = [one["name"] for one in found["categories"]["label"]["labels"]]
        read = Counter()
        for item in found["items"]:
            # The reader joins images, the subset and the path, and stays within images.
            with Image.open(folder / "images" / role / item["image"]["path"]) as image:
                assert image.size == tuple(item["image"]["size"][::-1])
            read[names[item["annotations"][0]["label_id"]], item["attr"]["camera"]] += 1
        assert read == counts


# FiftyOne


def test_samples_of_fiftyone_have_a_typed_field_for_each_column():
    table = rows(("query", "d", "ü b.jpg", "7", 4), pose=["stands"], score=[0.5], ok=[True])
    plan = plan_fiftyone(table, info({1: (32, 64)}))
    assert plan.files == ["data/d/ü b.jpg"]
    (sample,) = plan.records["samples.json"]["samples"]
    assert 0.999 <= sample.pop("_rand") < 1
    assert sample == {
        "filepath": "data/d/ü b.jpg",
        "tags": ["query"],
        "metadata": {"_cls": "ImageMetadata", "width": 32, "height": 64},
        "_media_type": "image",
        "role": "query",
        "dataset": "d",
        "path": "ü b.jpg",
        "identity": "7",
        "camera": 4,
        "uid": "1",
        "pose": "stands",
        "score": 0.5,
        "ok": True,
    }
    metadata = plan.records["metadata.json"]
    kinds = {one["name"]: one["ftype"].rpartition(".")[2] for one in metadata["sample_fields"]}
    assert set(sample) <= set(kinds)
    assert [kinds[name] for name in ("pose", "score", "ok", "camera", "tags", "id")] == [
        "StringField",
        "FloatField",
        "BooleanField",
        "IntField",
        "ListField",
        "ObjectIdField",
    ]
    assert metadata["info"] == {"fingerprint": "f00", "licences": {"d": "MIT"}}


def test_fiftyone_finds_each_image_with_its_role(house, split):
    folder = export(split, "fiftyone", house / "out" / "fiftyone", arm="mix").path
    samples = json.loads((folder / "samples.json").read_text())["samples"]
    read = {}
    for sample in samples:
        with Image.open(folder / sample["filepath"]) as image:
            assert image.size == (sample["metadata"]["width"], sample["metadata"]["height"])
        (role,) = sample["tags"]
        read.setdefault(role, Counter())[sample["identity"], sample["camera"]] += 1
    assert read == identities(split)


@pytest.mark.parametrize("form", ["datumaro", "fiftyone"])
def test_images_of_unknown_size_are_exported_without_it(tmp_path, draw, form):
    draw(tmp_path / "engine", people=2, views=2)
    manifest = build_manifest(
        [tmp_path / "engine"], tmp_path / "manifest", workers=1, verify="names"
    )
    folder = Path(export(manifest, form, tmp_path / "out").path)
    text = "".join(path.read_text() for path in folder.rglob("*.json"))
    assert "size" not in text.replace("size_bytes", "").replace("sizes", "")


@pytest.mark.parametrize(
    ("plan", "name"),
    [
        (plan_oml, "label"),
        (plan_parquet, "image"),
        (plan_imagefolder, "file_name"),
        (plan_webdataset, "kind"),
        (plan_fiftyone, "tags"),
    ],
)
def test_an_attribute_with_the_name_of_a_column_of_the_form_is_refused(plan, name):
    """open-metric-learning would train on it as its label."""
    table = rows(("train", "d", "a.jpg", "7", 1), **{name: ["x"]})
    with pytest.raises(ExportError, match=f"'{name}' has the name of another column of this form"):
        plan(table, info())
    plan(
        table.rename_columns([f"my_{one}" if one == name else one for one in table.column_names]),
        info(),
    )
