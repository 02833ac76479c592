"""Filters, facets and orders of the page, against slow and obvious counterparts."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gprplus import Manifest
from gprplus.explorer.facets import Facet, count_levels
from gprplus.explorer.image_table import BrowsedImages
from gprplus.explorer.selection import ImageSelection


@pytest.fixture(scope="module")
def table(manifest_folder) -> BrowsedImages:
    return BrowsedImages(Manifest.open(manifest_folder))


@pytest.fixture(scope="module")
def records(table) -> list[dict]:
    return table.manifest.images.to_arrow().to_pylist()


LEVELS = {
    "weather": ("sunny", "clouds", "foggy"),
    "illumination": ("forenoon", "night"),
    "identity": ("0001", "0002", "0008"),
}
FILTERS = ("", "weather = sunny", "viewpoint_deg <= 180 and not (illumination = night)")
PASSES = {
    "": lambda row: True,
    FILTERS[1]: lambda row: row["weather"] == "sunny",
    FILTERS[2]: lambda row: row["viewpoint_deg"] <= 180 and row["illumination"] != "night",
}
PICKS = st.fixed_dictionaries(
    {},
    optional={
        name: st.lists(st.sampled_from(levels), min_size=1, unique=True).map(tuple)
        for name, levels in LEVELS.items()
    },
)


@given(where=st.sampled_from(FILTERS), picks=PICKS, group=st.sampled_from(["", "weather", "cell"]))
def test_a_selection_is_what_a_loop_over_the_rows_finds(table, records, where, picks, group):
    """Counts of a facet follow all other filters; the rows follow all of them."""
    selection = ImageSelection(where, tuple(picks.items()), (group,) if group else ())
    _, counts = table.counts(selection)

    def expected(without: str | None) -> list[dict]:
        tests = [name for name in picks if name != without]
        return [
            row
            for row in records
            if PASSES[where](row) and all(row[name] in picks[name] for name in tests)
        ]

    for name in LEVELS:
        found = {
            level: int(size)
            for level, size in zip(table.facets[name].values, counts[name], strict=True)
            if size
        }
        assert found == Counter(row[name] for row in expected(name))
    order = table.order(selection)
    assert sorted(table.uids[order.rows]) == sorted(row["uid"] for row in expected(None))
    assert sum(one.count for one in order.groups) == len(order.rows)


def test_attributes_of_identities_are_counted_by_identity():
    """Three images of identity 0 (short hair), one of 1 (long hair), one of no identity."""
    hair = Facet("hair", np.array([1, 1, 1, 2, 0]), ("short", "long"), np.array([1, 2]))
    rows = np.array([0, 0, 0, 1, 2])
    light = Facet("light", np.array([1, 1, 2, 2, 2]), ("noon", "night"))
    _, counts = count_levels([hair, light], None, {}, rows)
    assert counts["hair"].tolist() == [1, 3, 1]
    passed, counts = count_levels([hair, light], None, {"light": ["night"]}, rows)
    assert passed.tolist() == [False, False, True, True, True]
    assert counts["hair"].tolist() == [1, 1, 1]
    assert counts["light"].tolist() == [0, 2, 3]
    _, counts = count_levels([hair, light], None, {"hair": ["long"], "light": ["night"]}, rows)
    assert counts["hair"].tolist() == [1, 1, 1]
    assert counts["light"].tolist() == [0, 0, 1]


def test_groups_follow_the_declared_order_of_levels(table):
    order = table.order(ImageSelection(group=("weather",)))
    assert [(one.levels, one.count) for one in order.groups] == [
        (("sunny",), 64),
        (("clouds",), 64),
        (("foggy",), 64),
    ]


def test_the_filter_is_that_of_the_library(table):
    """`where` on the page keeps the rows that `--where` keeps."""
    text = "is_exact_duplicate or sharpness_score < 0.5 and weather != foggy"
    mask = table.mask(text)
    wanted = table.manifest.images.to_arrow(["uid"], where=text).column("uid").to_pylist()
    assert table.uids[mask].tolist() == wanted


def test_images_are_sorted_by_a_score_and_unknown_ones_are_last(table):
    rows = table.order(ImageSelection(sort="dark_score")).rows
    scores = table.column("dark_score").take(rows).to_pylist()
    assert scores == sorted(scores)


def test_levels_that_do_not_differ_are_no_facet(table):
    assert "background" not in table.facets
    assert {"identity", "weather", "is_exact_duplicate", "review"} <= set(table.facets)
