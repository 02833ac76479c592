"""make_split(where=...) with a boolean Series or a table of uids: the same rows as by text,
recorded and rebuilt."""

import json
import shutil

import pytest

import gprplus as gpr
from gprplus.core.errors import FilterError, SplitError
from gprplus.splits import rebuild_split
from gprplus.splits.command_options import command_options

TEXT = "illumination = noon"


@pytest.fixture(scope="module")
def manifest(draw, tmp_path_factory):
    home = tmp_path_factory.mktemp("where")
    renders = draw(home / "renders" / "engine", people=8, views=3, weathers=("01", "04"))
    return gpr.build_manifest(renders, home / "manifest", workers=1)


@pytest.fixture(scope="module")
def frame(manifest):
    return manifest.images.to_pandas()


@pytest.fixture(scope="module")
def chosen(manifest, frame, tmp_path_factory):
    """A split whose images a table names."""
    return gpr.make_split(
        manifest, "weather", tmp_path_factory.mktemp("s") / "split", where=frame[wanted(frame)]
    )


def wanted(frame):
    """The rows that TEXT keeps."""
    kept = frame.illumination == frame.illumination.iloc[0]
    assert 0 < kept.sum() < len(kept)
    return kept


def test_every_form_gives_the_rows_of_the_text(manifest, frame, chosen, tmp_path):
    level = frame.illumination.iloc[0]
    by_text = gpr.make_split(
        manifest, "weather", tmp_path / "text", where=f"illumination = {level}"
    )
    series = gpr.make_split(manifest, "weather", tmp_path / "series", where=wanted(frame))
    uids = gpr.make_split(
        manifest, "weather", tmp_path / "uids", where=frame.uid[wanted(frame)].tolist()[::-1]
    )
    prints = {split.record.fingerprint for split in (by_text, chosen, series, uids)}
    assert len(prints) == 1


def test_the_record_holds_fingerprint_and_count_and_a_text_leaves_no_trace(
    manifest, frame, chosen, tmp_path
):
    record = chosen.record.request["where_uids"]
    assert record["images"] == wanted(frame).sum()
    assert len(record["fingerprint"]) == 64
    assert command_options(chosen.record.request) is None  # the command line has no tables
    plain = gpr.make_split(manifest, "weather", tmp_path / "plain")
    assert "where_uids" not in plain.record.request
    assert not (plain.path / "where.parquet").exists()


def test_the_same_table_again_does_nothing_and_another_is_refused(manifest, frame, chosen):
    rows = frame[wanted(frame)]
    assert not gpr.make_split(
        manifest, "weather", chosen.path, where=rows.sample(frac=1, random_state=1)
    ).made
    with pytest.raises(gpr.core.errors.RequestChanged, match="where_uids"):
        gpr.make_split(manifest, "weather", chosen.path, where=rows.iloc[1:])


def test_a_record_with_its_table_is_rebuilt_and_without_it_refused(manifest, chosen, tmp_path):
    (tmp_path / "theirs").mkdir()
    shutil.copy(chosen.path / "split.json", tmp_path / "theirs")
    with pytest.raises(SplitError, match=r"Copy where.parquet next to its split.json"):
        rebuild_split(tmp_path / "theirs", manifest, output=tmp_path / "here")
    shutil.copy(chosen.path / "where.parquet", tmp_path / "theirs")
    rebuilt = rebuild_split(tmp_path / "theirs", manifest, output=tmp_path / "here")
    assert rebuilt.split.record.fingerprint == chosen.record.fingerprint
    assert (tmp_path / "here" / "where.parquet").is_file()


def test_a_table_of_other_uids_is_refused(manifest, chosen, tmp_path):
    shutil.copytree(chosen.path, tmp_path / "theirs")
    info = json.loads((tmp_path / "theirs" / "split.json").read_text())
    info["request"]["where_uids"]["fingerprint"] = "0" * 64
    (tmp_path / "theirs" / "split.json").write_text(json.dumps(info))
    with pytest.raises(SplitError, match="does not hold the"):
        rebuild_split(tmp_path / "theirs", manifest, output=tmp_path / "here")


def test_a_forced_split_without_a_table_removes_the_old_one(manifest, chosen, tmp_path):
    shutil.copytree(chosen.path, tmp_path / "split")
    gpr.make_split(manifest, "weather", tmp_path / "split", force=True)
    assert not (tmp_path / "split" / "where.parquet").exists()


def test_unknown_uids_and_an_empty_table_are_one_sentence(manifest, frame, tmp_path):
    with pytest.raises(FilterError, match="1 of 1 uids in where are not in the manifest"):
        gpr.make_split(manifest, "weather", tmp_path / "s", where=[5])
    with pytest.raises(SplitError, match="a table of 0 uids"):
        gpr.make_split(manifest, "weather", tmp_path / "s", where=frame.iloc[:0])
