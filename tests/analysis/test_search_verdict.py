"""The sentence about controls: named nearest only where every interval is above 0."""

import pyarrow as pa
import pytest

from gprplus.analysis.record import Difference
from gprplus.analysis.subset_search.differences import is_nearest
from gprplus.analysis.subset_search.verdict import search_page, search_sentence

MALL = Difference("wrong-mall", 0.1, 0.02, 0.18)
EVEN = Difference("even", 0.03, -0.01, 0.07)
AHEAD = Difference("random-images", -0.05, -0.08, -0.02)
OPENING = "No subset is shown to be nearer to street than the controls."


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        ([MALL], True),
        ([MALL, EVEN], False),
        ([MALL, AHEAD], False),
        ([Difference("even", 0.03, 0.0, 0.06)], False),
        ([Difference("even", 0.03, None, None)], False),
        ([], False),
    ],
    ids=[
        "all farther",
        "one undecided",
        "one nearer",
        "an interval that ends at 0",
        "no interval",
        "no control",
    ],
)
def test_a_subset_is_nearest_only_where_every_interval_is_above_zero(found, wanted):
    assert is_nearest(found) is wanted
    assert (
        search_sentence("street", found).startswith("The searched subset is nearer to street")
        is wanted
    )


def test_the_sentence_names_each_control_that_is_not_farther_with_its_interval():
    assert (
        search_sentence("street", [MALL])
        == "The searched subset is nearer to street than each control."
    )
    assert (
        search_sentence("street", [MALL, EVEN, AHEAD])
        == f"{OPENING} Not shown to be farther than the searched subset: an even mix of all cells"
        " by 30.0 (-10.0 to 70.0); random images by -50.0 (-80.0 to -20.0)."
    )


def test_without_intervals_the_sentence_gives_the_reason():
    few = [Difference("even", 0.03, None, None), Difference("wrong-mall", 0.1, None, None)]
    assert (
        search_sentence("street", few)
        == f"{OPENING} The held-out identities are too few for intervals."
    )
    assert "again with --force" in search_sentence("street", [])


def test_the_page_has_the_rivals_the_controls_and_the_sentence():
    text = search_page("street", pa.table({"method": ["searched"]}), [MALL, EVEN])
    assert "| searched |" in text
    assert "| wrong-mall | 100.0 | 20.0 to 180.0 |" in text
    assert text.endswith(search_sentence("street", [MALL, EVEN]) + "\n")
