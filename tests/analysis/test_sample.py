"""Matched samples: same people, same other conditions, whatever order the rows came in."""

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from gprplus.analysis.matched_sample import draw_matched, spread_evenly
from gprplus.core.sampling import hash64

WEATHERS = ["sunny", "foggy", "blizzard"]


def rendered(
    people=6, views=(90, 180, 270, 0), weathers=WEATHERS, missing=(), dataset="engine"
) -> pa.Table:
    cells = [
        (dataset, f"{i:04d}", view, weather)
        for i in range(people)
        for view in views
        for weather in weathers
        if (i, view, weather) not in missing
    ]
    paths = ["/".join(map(str, cell)) for cell in cells]
    columns = dict(
        zip(
            ("dataset", "identity", "viewpoint_deg", "weather"),
            zip(*cells, strict=True),
            strict=True,
        )
    )
    uid = pa.array([hash64(path) for path in paths], pa.uint64())
    return pa.table(
        {"uid": uid, "path": paths, **{name: list(values) for name, values in columns.items()}}
    )


def again(table: pa.Table) -> pa.Table:
    """The same cells rendered a second time."""
    return table.set_column(0, "uid", pa.array(np.asarray(table.column("uid")) + np.uint64(1)))


def chosen(table, count, seed=0):
    found = draw_matched(table, "weather", WEATHERS, ["viewpoint_deg"], count, seed)
    return [[table.column("path")[int(row)].as_py() for row in stratum] for stratum in found.rows]


def test_every_stratum_has_one_image_of_each_level_and_differs_in_nothing_else():
    table = rendered()
    for stratum in chosen(table, 100):
        parts = [path.split("/") for path in stratum]
        assert [part[3] for part in parts] == WEATHERS
        assert len({tuple(part[:3]) for part in parts}) == 1
    assert len(chosen(table, 100)) == 24


def test_strata_with_a_hole_are_left_out_everywhere():
    table = rendered(missing={(0, 90, "foggy"), (1, 180, "sunny")})
    strata = {tuple(paths[0].split("/")[1:3]) for paths in chosen(table, 100)}
    assert len(strata) == 22
    assert not strata & {("0000", "90"), ("0001", "180")}


def test_everybody_is_taken_once_before_anybody_twice():
    found = draw_matched(rendered(), "weather", WEATHERS, ["viewpoint_deg"], 9, 0)
    counts = np.bincount(found.people)
    assert sorted(counts.tolist()) == [1, 1, 1, 2, 2, 2]


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.integers(1, 24), st.integers(0, 3))
def test_samples_are_nested_and_free_of_row_order(shuffle, count, seed):
    table = rendered()
    shuffled = table.take(np.random.default_rng(shuffle).permutation(table.num_rows))
    assert (
        chosen(table, count, seed)
        == chosen(shuffled, count, seed)
        == chosen(table, 24, seed)[:count]
    )


def test_other_seeds_choose_others():
    assert chosen(rendered(), 6, seed=0) != chosen(rendered(), 6, seed=1)


def test_of_several_images_in_a_cell_one_is_taken():
    table = pa.concat_tables([rendered(), again(rendered())])
    assert draw_matched(table, "weather", WEATHERS, ["viewpoint_deg"], 100, 0).rows.shape == (24, 3)


def test_no_complete_stratum_is_an_empty_sample():
    found = draw_matched(
        rendered(weathers=["sunny"]), "weather", WEATHERS, ["viewpoint_deg"], 10, 0
    )
    assert found.rows.shape == (0, 3)
    assert len(found.people) == 0


def test_a_person_of_another_dataset_is_another_person():
    table = pa.concat_tables([rendered(people=2), rendered(people=2, dataset="street")])
    assert draw_matched(table, "weather", WEATHERS, ["viewpoint_deg"], 100, 0).people.max() + 1 == 4


def test_a_target_is_spread_over_people_and_strangers_are_their_own():
    known = rendered(people=3)
    strangers = again(known.slice(0, 5)).set_column(2 + 1, "identity", pa.nulls(5, pa.string()))
    found = spread_evenly(pa.concat_tables([known, strangers]), 8, 0)
    assert found.rows.shape == (8, 1)
    assert np.bincount(found.people).tolist() == [1] * 8
