"""What describes an export, and forms of tables and lists, read by the tools they are for."""

import json

import mlcroissant
import pandas as pd
import pyarrow.parquet as pq
import pytest
from pycocotools.coco import COCO

from gprplus import build_manifest, make_split
from gprplus.exports import export
from gprplus.splits import Split


@pytest.fixture(scope="module")
def split(house):
    return Split.open(house / "splits" / "weather")


@pytest.mark.parametrize("form", ["parquet", "imagefolder", "webdataset"])
def test_croissant_metadata_loads_and_yields_every_record(house, split, form):
    made = export(split, form, house / "out" / f"described-{form}", arm="mix", link="sym")
    assert (made.path / "README.md").read_text().startswith("---\npretty_name")
    info = json.loads((made.path / "croissant.json").read_text())
    assert info["conformsTo"] == "http://mlcommons.org/croissant/1.1"
    dataset = mlcroissant.Dataset(made.path / "croissant.json")
    found = {}
    for part in info["recordSet"]:
        for row in dataset.records(part["name"]):
            clean = {key.partition("/")[2]: value for key, value in row.items()}
            found[clean["uid"].decode()] = clean
    rows = [*split.train("mix").to_pylist(), *split.test().to_pylist()]
    assert sorted(found) == sorted(str(row["uid"]) for row in rows)
    for row in rows:
        record = found[str(row["uid"])]
        assert record["identity"].decode() == row["identity"]
        assert record["viewpoint_deg"] == row["viewpoint_deg"]
        if form == "parquet":
            assert record["image"].size == (32, 64)


def test_attributes_that_a_user_declares_are_exported(draw, tmp_path):
    draw(tmp_path / "engine", people=8, views=2)
    names = sorted(
        path.relative_to(tmp_path / "engine").as_posix()
        for path in (tmp_path / "engine").rglob("*.jpg")
    )
    (tmp_path / "own.toml").write_text(
        '[pose]\nlevel = "image"\ntype = "category"\nsentence = "What the person does."\n'
    )
    poses = {name: ("standing", "walking")[place % 2] for place, name in enumerate(names)}
    pd.DataFrame({"path": names, "pose": poses.values()}).to_csv(tmp_path / "t.csv", index=False)
    manifest = build_manifest(
        [tmp_path / "engine"],
        tmp_path / "manifest",
        workers=1,
        attributes=tmp_path / "own.toml",
        joins=[tmp_path / "t.csv"],
    )
    made = make_split(manifest, "weather", output=tmp_path / "split", cross_level_tests=False)
    for source, arm in ((manifest, None), (made, "mix")):
        folder = export(source, "parquet", tmp_path / f"out-{arm}", arm=arm).path
        for file in (folder / "data").glob("*.parquet"):
            for row in pq.read_table(file, columns=["path", "pose"]).to_pylist():
                assert row["pose"] == poses[row["path"]]
        assert "| `pose` | What the person does. |" in (folder / "README.md").read_text()


def test_the_table_of_open_metric_learning(house, split):
    folder = export(split, "oml", house / "out" / "oml", arm="mix").path
    table = pd.read_csv(folder / "df.csv", dtype={"uid": str})
    assert all((folder / path).is_file() for path in table["path"])
    assert set(table["split"]) == {"train", "validation"}
    train, test = table[table.split == "train"], table[table.split == "validation"]
    assert train.is_query.isna().all()
    assert (test.is_query.astype(bool) ^ test.is_gallery.astype(bool)).all()
    assert not set(train.label) & set(test.label)
    assert len(test) == split.test().num_rows
    assert train.label.nunique() == split.record.arms["mix"].identities


def test_the_lists_of_msmt17_are_read_by_its_layout(house, split, tmp_path):
    folder = export(split, "msmt17", house / "out" / "msmt17", arm="mix").path
    rows = [line.split() for line in (folder / "list_query.txt").read_text().splitlines()]
    assert len(rows) == split.record.test.queries
    assert all((folder / "test" / path).is_file() for path, _ in rows)
    labels = {int(line.split()[1]) for line in (folder / "list_train.txt").read_text().splitlines()}
    assert labels == set(range(split.record.arms["mix"].identities))
    manifest = build_manifest([folder], tmp_path / "manifest", workers=1)
    assert (
        manifest.record.counts["images"] == split.record.arms["mix"].images + split.test().num_rows
    )
    roles = manifest.images(["role"]).column("role").to_pylist()
    assert roles.count("query") == split.record.test.queries
    assert roles.count("gallery") == split.record.test.gallery
    (dataset,) = manifest.datasets.values()
    assert dataset.title != "MSMT17 V1"


def test_annotations_of_whole_images_are_read_by_pycocotools(house, split):
    folder = export(split, "coco", house / "out" / "coco", arm="mix").path
    coco = COCO(folder / "annotations" / "instances_query.json")
    rows = {str(row["uid"]): row for row in split.test().to_pylist() if row["role"] == "query"}
    found = coco.loadAnns(coco.getAnnIds())
    assert {one["attributes"]["uid"] for one in found} == set(rows)
    tracks = {}
    for one in found:
        image = coco.imgs[one["image_id"]]
        assert (folder / "images" / "query" / image["file_name"]).is_file()
        assert one["bbox"] == [0, 0, image["width"], image["height"]] == [0, 0, 32, 64]
        row = rows[one["attributes"]["uid"]]
        assert one["attributes"]["weather"] == row["weather"]
        tracks.setdefault(row["identity"], set()).add(one["track_id"])
    assert all(len(numbers) == 1 for numbers in tracks.values())
    assert len(set.union(*tracks.values())) == len(tracks)
