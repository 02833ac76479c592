"""What holds for every form: whole or not at all, nothing outside, nothing lost."""

import json
import os
import re

import pyarrow as pa
import pytest
from click.testing import CliRunner

from gprplus.cli import cli
from gprplus.core.errors import ExportError, RequestChanged, SplitError
from gprplus.exports import FORMS, LOOSE, PACKED, export
from gprplus.exports.export_layout import ExportLayout, check_names, safe_relative_path
from gprplus.exports.rows import open_source
from gprplus.ingest import build_manifest
from gprplus.splits import Split, make_split


@pytest.mark.parametrize("form", LOOSE)
@pytest.mark.parametrize("link", ["hard", "sym", "copy"])
def test_every_form_writes_every_image_once(house, tmp_path, form, link):
    found = export(house / "splits" / "weather", form, tmp_path / "out", arm="mix", link=link)
    split = Split.open(house / "splits" / "weather")
    images = [
        path for path in found.path.rglob("*") if path.suffix in (".jpg", ".bmp") and path.is_file()
    ]
    assert len(images) == split.train("mix").num_rows + split.test().num_rows
    assert {path.is_symlink() for path in images} == {link == "sym"}
    assert (images[0].stat().st_nlink > 1) == (
        link != "copy" and not images[0].is_symlink()
    ) or link == "sym"
    assert json.loads((found.path / "export.json").read_text())["form"] == form
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize("form", FORMS)
def test_a_manifest_without_roles_is_all_training_images_and_says_so(house, tmp_path, form):
    found = export(house / "manifest", form, tmp_path / "out")
    assert found.info["images"] == {"": 16 * 4 * 3 * 2}
    assert "exported as training images" in found.info["notes"][0]
    assert set(open_source(house / "manifest", None).parts[""]["role"].to_pylist()) == {"train"}


def test_rows_stand_by_dataset_and_path_whoever_is_trained_on(house, tmp_path, draw):
    build_manifest([house / "renders" / "engine"], tmp_path / "both")
    both = build_manifest(
        [draw(tmp_path / "street", people=4, views=2, name="street")], tmp_path / "both"
    )
    make_split(both, "weather", output=tmp_path / "split")
    rows = open_source(tmp_path / "split", "mix").parts[""]
    assert set(rows["dataset"].to_pylist()) == {"engine", "street"}
    assert set(rows["role"].to_pylist()) == {"train", "query", "gallery"}
    places = list(zip(rows["dataset"].to_pylist(), rows["path"].to_pylist(), strict=True))
    assert places == sorted(places)


def test_without_an_arm_every_arm_has_a_folder(house, tmp_path):
    found = export(house / "splits" / "weather", "market1501", tmp_path / "out")
    split = Split.open(house / "splits" / "weather")
    for arm in split.arms:
        assert (
            len(list((found.path / arm / "bounding_box_train").iterdir()))
            == split.train(arm).num_rows
        )
    queries = [sorted(os.listdir(found.path / arm / "query")) for arm in split.arms]
    assert queries.count(queries[0]) == len(queries)


def test_a_market_manifest_goes_out_as_it_came_in(house, tmp_path):
    """Market-1501 folders, ingested and exported again: the same people, cameras, roles, junk and
    distractors."""
    market = export(
        house / "splits" / "weather", "market1501", tmp_path / "first", arm="mix", link="copy"
    )
    gallery = market.path / "bounding_box_test"
    spare = next(iter(gallery.iterdir())).read_bytes()
    (gallery / "-1_c1s1_000001_01.jpg").write_bytes(spare)
    (gallery / "0000_c2s1_000001_01.jpg").write_bytes(spare)
    build_manifest([market.path], tmp_path / "manifest", layout="market1501")
    again = export(tmp_path / "manifest", "market1501", tmp_path / "second")
    first, second = (
        sorted(
            re.sub(r"_\d{6}_", "_", path.relative_to(home).as_posix())
            for path in home.rglob("*.jpg")
        )
        for home in (market.path, again.path)
    )
    assert first == second


def test_the_same_request_is_done_once_and_another_stops(house, tmp_path):
    source, output = house / "splits" / "weather", tmp_path / "out"
    assert export(source, "market1501", output, arm="mix").made
    assert not export(source, "market1501", output, arm="mix").made
    (output / "map.csv").unlink()
    assert export(source, "market1501", output, arm="mix", force=True).made
    assert (output / "map.csv").is_file()
    with pytest.raises(RequestChanged, match="arm was mix"):
        export(source, "market1501", output)
    assert export(source, "imagefolder", output, arm="mix", force=True).made
    assert not (output / "query").exists()


def test_a_folder_of_something_else_is_left_alone(house, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ExportError, match="already holds other files"):
        export(house / "manifest", "market1501", tmp_path, force=True)
    assert os.listdir(tmp_path) == ["thesis.tex"]


def test_a_lost_image_leaves_nothing_behind_that_looks_whole(tmp_path, draw):
    renders = draw(tmp_path / "renders", people=2, views=2)
    build_manifest([renders], tmp_path / "manifest")
    (renders / "0002" / "0002_c02_w04_l07.jpg").unlink()
    with pytest.raises(ExportError, match=r"0002_c02_w04_l07\.jpg is missing"):
        export(tmp_path / "manifest", "market1501", tmp_path / "out")
    assert sorted(os.listdir(tmp_path)) == ["manifest", "renders"]


def test_moved_images_are_found_where_the_root_says(tmp_path, draw):
    renders = draw(tmp_path / "renders", people=2, views=2)
    build_manifest([renders], tmp_path / "manifest")
    renders.rename(tmp_path / "moved")
    with pytest.raises(ExportError, match="with --root"):
        export(tmp_path / "manifest", "imagefolder", tmp_path / "out")
    assert export(
        tmp_path / "manifest", "imagefolder", tmp_path / "out", roots={"engine": tmp_path / "moved"}
    ).made


@pytest.mark.parametrize(
    "path", ["../a.jpg", "/etc/passwd", "a/../../b.jpg", "", "C:/a.jpg", "a\\..\\b.jpg", "a\0.jpg"]
)
def test_paths_do_not_escape(path):
    with pytest.raises(ExportError, match="would leave its folder"):
        safe_relative_path(path)


@pytest.mark.parametrize("form", FORMS)
def test_a_hostile_manifest_reads_nothing_outside_its_root(tmp_path, draw, form):
    renders = draw(tmp_path / "renders", people=2, views=2)
    manifest = build_manifest([renders], tmp_path / "manifest")
    table = manifest.images()
    paths = ["../secret.jpg", *table.column("path").to_pylist()[1:]]
    place = table.column_names.index("path")
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    import pyarrow.parquet as pq

    pq.write_table(
        table.set_column(place, table.schema.field("path"), pa.array(paths)),
        tmp_path / "manifest" / "images.parquet",
    )
    with pytest.raises(ExportError, match="would leave its folder"):
        export(tmp_path / "manifest", form, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        (["a/x.jpg", "a/x.jpg"], "1 images would be written over others .a/x.jpg over a/x.jpg."),
        (["a/x.jpg", "a/X.jpg"], "a/X.jpg over a/x.jpg"),
    ],
    ids=["one name twice", "names that differ in case alone"],
)
def test_collisions_are_refused(tmp_path, files, sentence):
    with pytest.raises(ExportError, match=sentence):
        check_names(ExportLayout(files), tmp_path)


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ({"to": "market"}, ExportError, "Did you mean 'market1501'"),
        ({"arm": "mixx"}, SplitError, "Did you mean 'mix'"),
        ({"link": "soft"}, ExportError, "link soft is not known"),
    ],
    ids=["form", "arm", "link"],
)
def test_unknown_names_offer_the_nearest(house, tmp_path, arguments, error, sentence):
    with pytest.raises(error, match=sentence):
        export(
            house / "splits" / "weather",
            output=tmp_path / "out",
            **{"to": "market1501", **arguments},
        )


@pytest.mark.parametrize("form", PACKED)
def test_packed_forms_are_whole_or_nothing_and_need_no_link(tmp_path, draw, form):
    renders = draw(tmp_path / "renders", people=2, views=2)
    build_manifest([renders], tmp_path / "manifest")
    assert export(tmp_path / "manifest", form, tmp_path / "out", link="hard").made
    assert not export(tmp_path / "manifest", form, tmp_path / "out", link="copy").made
    with pytest.raises(RequestChanged, match="shard_size was 10000, now 7"):
        export(tmp_path / "manifest", form, tmp_path / "out", shard_size=7)
    with pytest.raises(ExportError, match="shard_size must be at least 1"):
        export(tmp_path / "manifest", form, tmp_path / "none", shard_size=0)
    (renders / "0002" / "0002_c02_w04_l07.jpg").unlink()
    with pytest.raises(ExportError, match=r"0002_c02_w04_l07\.jpg cannot be read.*--root"):
        export(tmp_path / "manifest", form, tmp_path / "again")
    assert sorted(os.listdir(tmp_path)) == ["manifest", "out", "renders"]


def test_what_is_neither_split_nor_manifest_is_said(house, tmp_path):
    with pytest.raises(ExportError, match="neither a split nor a manifest"):
        export(tmp_path, "market1501", tmp_path / "out")
    with pytest.raises(ExportError, match="has no arms"):
        export(house / "manifest", "market1501", tmp_path / "out", arm="mix")


def test_the_command_says_what_it_wrote_and_where(house):
    arguments = [
        "export",
        str(house / "splits" / "weather"),
        "--to",
        "market1501",
        "--arm",
        "mix",
        "--work",
        str(house),
    ]
    shown = CliRunner().invoke(cli, arguments)
    assert shown.exit_code == 0, shown.output
    assert f"as market1501 to {house / 'exports' / 'market1501' / 'weather-mix'}" in shown.output
    assert "Nothing to do" in CliRunner().invoke(cli, arguments).output
