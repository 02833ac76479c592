"""Packed forms, read back by the libraries they are for: `datasets` and `webdataset`."""

import io
import json
import re
import tarfile
from collections import Counter
from itertools import product
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from gprplus.exports import export
from gprplus.exports.dataset_card import dataset_card
from gprplus.exports.export_layout import ExportInfo
from gprplus.exports.forms.webdataset import _known_first
from gprplus.ingest import build_manifest
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
    assert {name: len(part) for name, part in parts.items()} == Counter(
        row["role"] for row in members.values()
    )
    seen = set()
    for name, part in parts.items():
        for row in part:
            truth = members[row["uid"]]
            assert {
                key: row[key] for key in ("identity", "weather", "camera", "viewpoint_deg", "path")
            } == {
                key: truth[key]
                for key in ("identity", "weather", "camera", "viewpoint_deg", "path")
            }
            assert row["role"] == name
            with Image.open(io.BytesIO(source_bytes(house, truth))) as image:
                assert np.array_equal(np.asarray(row["image"]), np.asarray(image))
            seen.add(row["uid"])
    assert seen == set(members)


def test_the_bytes_inside_are_those_of_the_renders_and_files_are_of_one_size(
    house, loaded, members
):
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


@pytest.mark.parametrize(
    ("titles", "tagged"),
    [
        (["gprplus engine"], True),
        (["gprplus engine", "gprplus engine, planned"], True),
        (["gprplus engine", "Market-1501"], False),
        (["Table of images"], False),
        ([None], False),
    ],
)
def test_the_card_calls_synthetic_only_what_the_engine_drew(titles, tagged):
    datasets = {
        str(i): SimpleNamespace(title=title, licence=None) for i, title in enumerate(titles)
    }
    info = ExportInfo("m", "f", None, datasets, 10)
    card = dataset_card(pa.table({"identity": ["0001"]}), [], info)
    assert ("\n- synthetic\n" in card) is tagged
    assert "\n- person-re-identification\n" in card


def test_datasets_loads_the_imagefolder(house, loaded, members):
    datasets = pytest.importorskip("datasets")
    made = export(
        house / "splits" / "weather", "imagefolder", house / "out" / "hf_folder", arm="mix"
    )
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
    decoded = next(
        iter(wds.WebDataset(str(shards / "train-000000.tar"), shardshuffle=False).decode("rgb8"))
    )
    assert decoded["jpg"].shape == (64, 32, 3)


def test_the_index_leads_to_the_bytes_without_reading_the_tar(house, shards, members):
    rows = pq.read_table(shards / "index.parquet").to_pylist()
    assert len(rows) == len(members)
    for row in rows[::17]:
        data = (shards / row["shard"]).read_bytes()[
            row["offset"] : row["offset"] + row["size_bytes"]
        ]
        assert data == source_bytes(house, members[row["uid"]])
    sizes = Counter(row["shard"] for row in rows if row["shard"].startswith("train"))
    assert max(sizes.values()) - min(sizes.values()) <= 1


def test_shards_are_the_same_byte_for_byte_each_time(house, shards, tmp_path):
    again = export(
        house / "splits" / "weather", "webdataset", tmp_path / "again", arm="mix", shard_size=SIZE
    ).path
    for path in sorted(shards.glob("*.tar")):
        assert path.read_bytes() == (again / path.name).read_bytes()


def mixed(folder):
    """A manifest of 2 x 2 JPEG whose first person has no camera, and 2 PNG of a third."""
    for person, view in product((1, 2, 3), (0, 1)):
        camera = "" if person == 1 else f"_c{view + 1:02d}"
        path = folder / "own" / f"{person:04d}" / f"{person:04d}{camera}_{view}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = Image.new("RGB", (32, 64), (person * 20, view * 90, 0))
        picture.save(path, "PNG" if person == 3 else "JPEG")
    (folder / "own.toml").write_text(LAYOUT)
    build_manifest([folder / "own"], folder / "manifest", layout=str(folder / "own.toml"))
    return folder / "manifest"


LAYOUT = r"""title = "own"
path = '(?P<identity>\d{4})/(?P=identity)(?:_c(?P<camera>\d\d))?_(?P<n>\d)'
"""


def test_one_shard_has_one_image_ending_and_one_set_of_keys(tmp_path):
    made = export(mixed(tmp_path), "webdataset", tmp_path / "out")
    with tarfile.open(made.path / "train-000000.tar") as tar:
        names = Counter(name.partition(".")[2] for name in tar.getnames())
        rows = [
            json.load(tar.extractfile(name)) for name in tar.getnames() if name.endswith(".json")
        ]
    assert names == {"jpg": 6, "json": 6}
    assert len({tuple(row) for row in rows}) == 1
    assert Counter(row["camera"] for row in rows) == {None: 2, 1: 2, 2: 2}
    assert pq.read_table(made.path / "index.parquet").column("kind").to_pylist().count("png") == 2
    assert any(
        note.startswith("2 images (png) have the extension .jpg") for note in made.info["notes"]
    )
    assert json.loads((made.path / "export.json").read_text())["notes"] == made.info["notes"]


def test_the_first_five_samples_know_what_any_sample_knows():
    table = pa.table(
        {
            "identity": list("aaaaaaabc"),
            "camera": [None] * 8 + [3],
            "weather": [None] * 7 + ["foggy", None],
        }
    )
    assert _known_first(table, np.arange(9)).tolist() == [7, 8, 0, 1, 2, 3, 4, 5, 6]
    assert _known_first(table, np.array([8, 0, 7, 1])).tolist() == [8, 0, 7, 1]
    assert _known_first(table, np.arange(7)).tolist() == list(range(7))


@pytest.mark.parametrize("named", [True, False])
def test_datasets_loads_shards_with_unknown_attributes_and_two_formats(tmp_path, named):
    datasets = pytest.importorskip("datasets")
    made = export(mixed(tmp_path), "webdataset", tmp_path / "out")
    how = ("webdataset", {"data_dir": str(made.path)}) if named else (str(made.path), {})
    rows = datasets.load_dataset(how[0], **how[1], cache_dir=str(tmp_path / "cache"))["train"]
    assert Counter(row["json"]["camera"] for row in rows) == {None: 2, 1: 2, 2: 2}
    assert all(row["jpg"].size == (32, 64) for row in rows)


def test_datasets_loads_all_parts_of_the_shards(shards, members, tmp_path):
    datasets = pytest.importorskip("datasets")
    parts = datasets.load_dataset(str(shards), cache_dir=str(tmp_path / "cache"))
    assert {name: len(part) for name, part in parts.items()} == Counter(
        row["role"] for row in members.values()
    )


def test_parquet_answers_to_the_hubs_name(house, tmp_path):
    made = export(house / "splits" / "weather", "hf", tmp_path / "out", arm="mix")
    assert made.info["form"] == "parquet"
    assert not export(house / "splits" / "weather", "parquet", tmp_path / "out", arm="mix").made
