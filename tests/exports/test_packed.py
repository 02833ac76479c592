"""Packed forms, read back by the libraries they are for: `datasets` and `webdataset`."""

import io
import json
import re
from collections import Counter

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from gprplus.exports import export
from gprplus.splits import Split

SIZE = 30


@pytest.fixture(scope="module")
def members(house):
    split = Split.open(house / "splits" / "weather")
    rows = [*split.train("mix").to_pylist(), *split.test().to_pylist()]
    return {str(row["uid"]): row for row in rows}


@pytest.fixture(scope="module")
def shards(house):
    source = house / "splits" / "weather"
    return export(source, "webdataset", house / "out" / "shards", arm="mix", shard_size=SIZE).path


@pytest.fixture(scope="module")
def loaded(house, tmp_path_factory):
    datasets = pytest.importorskip("datasets")
    source = house / "splits" / "weather"
    made = export(source, "parquet", house / "out" / "parquet", arm="mix", shard_size=SIZE)
    cache = str(tmp_path_factory.mktemp("cache"))
    return made.path, datasets.load_dataset(str(made.path), cache_dir=cache), cache


def source_bytes(house, row):
    return (house / "renders" / "engine" / row["path"]).read_bytes()


def test_datasets_loads_every_image_with_its_attributes_under_its_role(house, loaded, members):
    _, parts, _ = loaded
    assert {name: len(part) for name, part in parts.items()} == Counter(row["role"] for row in members.values())
    seen = set()
    for name, part in parts.items():
        for row in part:
            truth = members[row["uid"]]
            assert {key: row[key] for key in ("identity", "weather", "camera", "viewpoint_deg", "path")} == {
                key: truth[key] for key in ("identity", "weather", "camera", "viewpoint_deg", "path")
            }
            assert row["role"] == name
            with Image.open(io.BytesIO(source_bytes(house, truth))) as image:
                assert np.array_equal(np.asarray(row["image"]), np.asarray(image))
            seen.add(row["uid"])
    assert seen == set(members)


def test_the_bytes_inside_are_those_of_the_renders_and_files_are_of_one_size(house, loaded, members):
    path, _, _ = loaded
    sizes = Counter()
    for file in sorted((path / "data").iterdir()):
        table = pq.read_table(file)
        sizes[file.name.split("-")[0], table.num_rows] += 1
        for row in table.select(["image", "uid"]).to_pylist():
            assert row["image"]["bytes"] == source_bytes(house, members[row["uid"]])
    for part in ("train", "gallery"):
        rows = [size for name, size in sizes if name == part]
        assert max(rows) <= SIZE
        assert max(rows) - min(rows) <= 1


def test_the_card_says_what_is_here_and_under_which_licence(loaded):
    card = (loaded[0] / "README.md").read_text()
    assert card.startswith("---\n")
    assert re.search(r"^license: ", card, re.MULTILINE)
    assert "## Licence" in card
    assert "| `weather` | State of the sky" in card
    assert "size_categories:\n- n<1K" in card


def test_datasets_loads_the_imagefolder(house, loaded, members):
    datasets = pytest.importorskip("datasets")
    made = export(house / "splits" / "weather", "imagefolder", house / "out" / "hf_folder", arm="mix")
    parts = datasets.load_dataset("imagefolder", data_dir=str(made.path), cache_dir=loaded[2])
    assert len(parts["train"]) + len(parts["test"]) == len(members)
    row = parts["test"][0]
    assert row["identity"] == members[row["uid"]]["identity"]
    assert row["image"].size == (32, 64)


def test_webdataset_reads_every_sample_once_person_by_person(house, shards, members):
    wds = pytest.importorskip("webdataset")
    index = json.loads((shards / "index.json").read_text())
    seen = {}
    for entry in index["shardlist"]:
        samples = list(wds.WebDataset(str(shards / entry["url"]), shardshuffle=False))
        assert len(samples) == entry["nsamples"] <= SIZE
        assert (shards / entry["url"]).stat().st_size == entry["filesize"]
        people = [json.loads(sample["json"])["identity"] for sample in samples]
        assert people == sorted(people)
        for sample in samples:
            row = json.loads(sample["json"])
            assert sample["__key__"] == f"{int(row['uid']):016x}"
            assert sample["jpg"] == source_bytes(house, members[row["uid"]])
            assert row["weather"] == members[row["uid"]]["weather"]
            assert entry["url"].startswith(row["role"])
            seen[row["uid"]] = sample["__key__"]
    assert set(seen) == set(members)
    decoded = next(iter(wds.WebDataset(str(shards / "train-000000.tar"), shardshuffle=False).decode("rgb8")))
    assert decoded["jpg"].shape == (64, 32, 3)


def test_the_index_leads_to_the_bytes_without_reading_the_tar(house, shards, members):
    rows = pq.read_table(shards / "index.parquet").to_pylist()
    assert len(rows) == len(members)
    for row in rows[::17]:
        data = (shards / row["shard"]).read_bytes()[row["offset"] : row["offset"] + row["size_bytes"]]
        assert data == source_bytes(house, members[row["uid"]])
    sizes = Counter(row["shard"] for row in rows if row["shard"].startswith("train"))
    assert max(sizes.values()) - min(sizes.values()) <= 1


def test_shards_are_the_same_byte_for_byte_each_time(house, shards, tmp_path):
    again = export(house / "splits" / "weather", "webdataset", tmp_path / "again", arm="mix", shard_size=SIZE).path
    for path in sorted(shards.glob("*.tar")):
        assert path.read_bytes() == (again / path.name).read_bytes()


def test_a_png_is_called_png(tmp_path, draw):
    from gprplus.ingest import build_manifest

    renders = draw(tmp_path / "renders", people=2, views=2)
    one = renders / "0001" / "0001_c01_w01_l03.jpg"
    with Image.open(one) as image:
        image.save(one, format="png")
    build_manifest([renders], tmp_path / "manifest")
    made = export(tmp_path / "manifest", "webdataset", tmp_path / "out").path
    assert Counter(pq.read_table(made / "index.parquet").column("kind").to_pylist())["png"] == 1


def test_parquet_answers_to_the_hubs_name(house, tmp_path):
    made = export(house / "splits" / "weather", "hf", tmp_path / "out", arm="mix")
    assert made.info["form"] == "parquet"
    assert not export(house / "splits" / "weather", "parquet", tmp_path / "out", arm="mix").made
