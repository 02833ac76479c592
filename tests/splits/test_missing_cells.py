"""Holes: levels merged until strata meet, or weights in the place of matching; nothing is made up
in silence."""

from collections import Counter, defaultdict

import numpy as np
import pytest

from gprplus.core.errors import SplitError
from gprplus.splits import make_split
from gprplus.splits.candidates import AttributeCodes
from gprplus.splits.draws.coarsening import merge_levels


def moved(row):
    return (int(row["identity"]) + len(row["illumination"]) + (row["weather"] == "foggy")) % 2


@pytest.fixture
def shifted(manifest, crossed):
    """Either the sunny or the foggy image of a person, light and view is taken ten degrees further
    round."""
    rows = [
        {**row, "viewpoint_deg": row["viewpoint_deg"] + 10 * moved(row)}
        for row in crossed(16, views=3, weathers=("sunny", "foggy"))
    ]
    return manifest(rows, functions={})


def test_views_that_never_meet_are_merged_as_declared_and_said_so(shifted, tmp_path):
    options = {"controls": False}
    with pytest.raises(SplitError, match="Nothing can be compared"):
        make_split(shifted, "weather", output=tmp_path / "exact", **options)
    split = make_split(
        shifted, "weather", output=tmp_path / "coarse", on_missing="coarsen", **options
    )
    assert split.record.retention == 1
    assert split.record.audit.matching["coarsened"]["viewpoint_deg"] == "30"
    assert any("Levels were merged to be matched" in said for said in split.record.warnings)
    views = [
        Counter(split.train(f"only-{sky}").column("viewpoint_deg").to_pylist())
        for sky in ("sunny", "foggy")
    ]
    assert all(
        set(seen) == {90, 100, 210, 220, 330, 340} for seen in views
    )  # images keep their own levels
    assert len({seen[view] + seen[view + 10] for seen in views for view in (90, 210, 330)}) == 1


def test_complete_designs_are_not_coarsened(manifest, crossed, tmp_path):
    source = manifest(crossed(16))
    plain = make_split(source, "weather", output=tmp_path / "a")
    coarse = make_split(source, "weather", output=tmp_path / "b", on_missing="coarsen")
    assert coarse.record.fingerprint == plain.record.fingerprint


def test_the_attribute_itself_is_merged_where_the_command_says_so(manifest, crossed, tmp_path):
    split = make_split(
        manifest(crossed(16)),
        "weather",
        output=tmp_path / "split",
        on_missing="coarsen",
        coarsen={"weather": "sunny+clouds/overcast+foggy"},
    )
    assert split.arms[:2] == ["only-sunny+clouds", "only-overcast+foggy"]
    assert set(split.train("only-sunny+clouds").column("weather").to_pylist()) == {
        "sunny",
        "clouds",
    }


def test_a_map_is_a_width_for_numbers_and_groups_for_names():
    view = AttributeCodes("viewpoint_deg", np.array([0, 1, 2, 3, -1]), (0, 10, 20, 350))
    assert merge_levels(view, "30").levels == (0, 30)
    assert merge_levels(view, "30").values.tolist() == [0, 0, 1, 0, -1]
    light = AttributeCodes("illumination", np.array([0, 1, 2]), ("dawn", "noon", "dusk"))
    assert merge_levels(light, "dawn+dusk").levels == ("dawn+dusk", "noon")
    for codes, text in ((view, "wide"), (light, "dawn+nun"), (light, "dawn+dusk/dusk+noon")):
        with pytest.raises(SplitError, match="--coarsen"):
            merge_levels(codes, text)


def holed(crossed):
    """Half of the persons have no dusk in foggy weather, so exact matching loses their dusk
    everywhere."""
    return [
        row
        for row in crossed(24, weathers=("sunny", "foggy"))
        if not (
            row["weather"] == "foggy" and row["illumination"] == "dusk" and int(row["identity"]) % 2
        )
    ]


def test_weights_give_every_arm_the_same_shares_of_the_other_factors(manifest, crossed, tmp_path):
    split = make_split(
        manifest(holed(crossed)),
        "weather",
        output=tmp_path / "split",
        on_missing="weight",
        test_share=0,
        controls=False,
    )
    assert {arm.images for arm in split.record.arms.values()} == {12 * 12 + 12 * 8}
    laws = []
    for arm in split.arms:
        share = defaultdict(float)
        rows = split.train(arm).to_pylist()
        for row in rows:
            share[row["illumination"], row["viewpoint_deg"]] += row["weight"] / len(rows)
        laws.append(dict(share))
        weights = np.array([row["weight"] for row in rows])
        assert split.record.arms[arm].effective_share == pytest.approx(
            weights.sum() ** 2 / (weights**2).sum() / len(rows), abs=1e-6
        )
    assert sum(laws[0].values()) == pytest.approx(1)
    for law in laws[1:]:
        assert law == pytest.approx(laws[0])


def test_weights_that_cost_too_much_are_refused(manifest, crossed, tmp_path):
    rows = [
        row
        for row in crossed(24, weathers=("sunny", "foggy"))
        if row["weather"] == "sunny" or row["illumination"] == "night" or int(row["identity"]) == 1
    ]
    with pytest.raises(SplitError, match=r"effective \d+% of its .* less than 50%"):
        make_split(
            manifest(rows), "weather", output=tmp_path / "split", on_missing="weight", test_share=0
        )


def test_without_weights_the_column_is_empty(manifest, crossed, tmp_path):
    split = make_split(manifest(crossed(16)), "weather", output=tmp_path / "split")
    column = split.members().column("weight")
    assert column.null_count == len(column)
