"""Arms that count their images by cell."""

from collections import Counter

import pytest

from gprplus.core.errors import SplitError
from gprplus.splits import DeclaredArm, make_split

CELLS = {
    "weather=sunny viewpoint_deg=90": 6,
    "weather=foggy viewpoint_deg=90": 10,
    "weather=sunny viewpoint_deg=180": 2,
}


@pytest.fixture
def split(manifest, crossed, tmp_path):
    def made(*arms, name="split", **options):
        return make_split(
            manifest(crossed(12)),
            "weather",
            output=tmp_path / name,
            design="declared",
            arms=arms,
            test_share=0,
            **options,
        )

    return made


def rows(split, arm):
    return split.train(arm).select(["identity", "weather", "viewpoint_deg", "uid"]).to_pylist()


def test_every_cell_has_the_images_it_was_given_and_persons_share_them_evenly(split):
    # Foggy, seen from the front, has one image a light and person: 3 each.
    found = rows(split(DeclaredArm("chosen", identities=6, cells=CELLS)), "chosen")
    cells = Counter(
        f"weather={row['weather']} viewpoint_deg={row['viewpoint_deg']}" for row in found
    )
    assert cells == CELLS
    assert set(Counter(row["identity"] for row in found).values()) == {3}


def test_arms_of_one_split_have_the_same_persons(split):
    other = {"weather=clouds viewpoint_deg=0": 12, "weather=sunny viewpoint_deg=90": 6}
    made = split(
        DeclaredArm("one", identities=6, cells=CELLS), DeclaredArm("two", identities=6, cells=other)
    )
    assert {row["identity"] for row in rows(made, "one")} == {
        row["identity"] for row in rows(made, "two")
    }


def test_the_order_of_cells_means_nothing(split):
    turned = dict(reversed(CELLS.items()))
    one, two = (
        split(DeclaredArm("a", identities=6, cells=c), name=n)
        for c, n in ((CELLS, "one"), (turned, "two"))
    )
    assert rows(one, "a") == rows(two, "a")


@pytest.mark.parametrize(
    ("arm", "sentence"),
    [
        (
            {"cells": {"weather=sunny viewpoint_deg=90": 19}, "identities": 6},
            r"viewpoint_deg=90 \(19 of 18\)",
        ),
        (
            {"cells": {"weather=sunny": 1, "viewpoint_deg=0": 1}},
            "must all name the same attributes",
        ),
        ({"cells": {"sunny": 1}}, "expected ATTR=LEVEL"),
        ({"cells": {"weather=suny": 1}}, "Did you mean 'sunny'"),
        ({"cells": {"weather=sunny": 1}, "identities": 13}, "requires 13 identities"),
    ],
    ids=["too many", "two kinds of cells", "no attribute", "a typo", "too many persons"],
)
def test_what_cannot_be_counted_is_said(split, arm, sentence):
    with pytest.raises(SplitError, match=sentence):
        split(DeclaredArm("chosen", **arm))


def test_cells_stand_alone():
    with pytest.raises(SplitError, match="leave out restrict, images and matched"):
        DeclaredArm("chosen", images=3, cells=CELLS)
    with pytest.raises(SplitError, match="each at least 1"):
        DeclaredArm("chosen", cells={"weather=sunny": 0})
