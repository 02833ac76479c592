"""inspect --diff: two manifests, two splits."""

import json

import pytest
from click.testing import CliRunner

from gprplus.cli import cli
from gprplus.ingest.inspection.compare_manifests import ManifestDifference, compare_manifests
from gprplus.splits import make_split
from gprplus.splits.compare_splits import compare_splits


def told(found: list[ManifestDifference]) -> dict[str, tuple[object, object]]:
    return {one.what: (one.before, one.after) for one in found}


def test_a_manifest_differs_from_itself_in_nothing(manifest, crossed):
    rows = crossed(4)
    assert compare_manifests(manifest(rows), manifest(rows)) == []


def test_persons_levels_and_rows_that_came_went_and_changed_are_counted(manifest, crossed):
    rows = crossed(4)
    later = [
        {**row, "weather": "neutral"}
        if row["identity"] == "0002" and row["weather"] == "sunny"
        else row
        for row in crossed(["0002", "0003", "0004", "0005", "0006"])
    ]
    looks = [{"identity": "0003", "hat": "yes"}]
    found = told(compare_manifests(manifest(rows), manifest(later, people=looks)))
    assert found["identities only here"] == ("1 (0001)", "2 (0005, 0006)")
    assert found["images only here"] == (48, 96)
    assert found["images with another weather"] == (12, 12)
    assert found["hat of 1 identities (0003): known for"] == (0, 1)
    assert found["images by weather"][0] == dict.fromkeys(
        ("sunny", "clouds", "overcast", "foggy"), 48
    )
    assert found["images by weather"][1]["neutral"] == 12
    assert not any("illumination" in what for what in found if "another" in what)


def test_a_value_that_became_known_is_a_change(manifest, crossed):
    rows = crossed(2)
    found = told(
        compare_manifests(manifest(rows), manifest([{**row, "width_px": 9} for row in rows]))
    )
    assert found["images with another width_px"] == (96, 96)


def test_splits_differ_in_request_arms_and_rows(manifest, crossed, tmp_path):
    source = manifest(crossed(24))
    one = make_split(source, "weather", output=tmp_path / "one")
    two = make_split(source, "weather", output=tmp_path / "two", budget=24, controls=False)
    assert compare_splits(one, one) == []
    found = told(compare_splits(one, two))
    size = one.record.arms["mix"].images
    assert found["budget"] == (None, 24)
    assert found["controls"] == (True, False)
    assert found["random-images-1"] == ({"images": size}, None)
    assert found["only-sunny"][1] == {
        "images": 24,
        **({"identities": 24} if "identities" in found["only-sunny"][1] else {}),
    }
    assert found["only-sunny: images only here"] == (size - 24, 0)
    assert not any(what.startswith("test") for what in found)


def test_test_sides_of_one_size_are_told_apart_by_their_fingerprints(manifest, crossed, tmp_path):
    def asked(where):
        return make_split(
            manifest(crossed(24)), "weather", output=tmp_path / where[-5:], where=where
        )

    one, two = asked("illumination != night"), asked("illumination != dusk")
    differences = compare_splits(one, two)
    prints = {what: both for what, both in told(differences).items() if what.startswith("test ")}
    assert prints == {
        "test fingerprint": (one.record.test.fingerprint, two.record.test.fingerprint)
    }
    half = make_split(manifest(crossed(24)), "weather", output=tmp_path / "half", test_share=0.5)
    sizes = {what for what in told(compare_splits(one, half)) if what.startswith("test ")}
    assert sizes == {"test identities", "test queries", "test gallery"}


def test_the_command_prints_a_table_or_json(manifest, crossed, tmp_path):
    first, second = manifest(crossed(8)), manifest(crossed(9))
    shown = CliRunner().invoke(
        cli, ["inspect", "--diff", str(first.path), str(second.path)], catch_exceptions=False
    )
    assert "sunny, clouds, overcast, foggy (96 each)" in shown.output
    assert shown.output.endswith("The rows are not the same.\n")
    arguments = ["inspect", "--diff", str(first.path), str(second.path), "--json"]
    data = json.loads(CliRunner().invoke(cli, arguments).output)
    assert data["same_rows"] is False
    assert {"what": "dataset engine: images", "before": 384, "after": 432} in data["differences"]


def test_a_split_is_not_compared_with_a_manifest(manifest, crossed, tmp_path):
    source = manifest(crossed(24))
    make_split(source, "weather", output=tmp_path / "split")
    ran = CliRunner().invoke(cli, ["inspect", "--diff", str(source.path), str(tmp_path / "split")])
    assert "compares two splits or two manifests" in str(ran.exception)
    assert CliRunner().invoke(cli, ["inspect", "x", "--diff", "a", "b"]).exit_code == 2


@pytest.mark.parametrize("which", ["one", "both"])
def test_what_is_nothing_at_all_says_so(tmp_path, which, manifest, crossed):
    good = str(manifest(crossed(4)).path) if which == "one" else str(tmp_path / "b")
    ran = CliRunner().invoke(cli, ["inspect", "--diff", good, str(tmp_path / "a")])
    assert "There is no manifest at" in str(ran.exception)
