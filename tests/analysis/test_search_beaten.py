"""A control that lies nearer than what was searched is said in one sentence."""

import pytest

from gprplus.analysis.search.beaten import nearer, warning

SEARCHED = {"method": "searched", "held_out": 0.2}


def rows(**held):
    return [SEARCHED, *({"method": name.replace("_", "-"), "held_out": value} for name, value in held.items())]


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ({"wrong_mall": 0.3, "even": 0.2, "greedy": 0.1, "threshold": 0.1}, []),
        ({"wrong_mall": 0.1}, ["what was searched for mall"]),
        ({"even": 0.1, "wrong_a_b": 0.1}, ["what was searched for a-b", "an even mix of all cells"]),
    ],
    ids=["rivals may win, a tie is no defeat", "another target's choice", "another's choice comes before chance"],
)
def test_only_what_was_chosen_without_the_target_can_shame_the_search(held, said):
    assert nearer(rows(**held)) == said


def test_the_sentence_names_who_came_nearer_to_whom():
    assert warning("street", rows(wrong_mall=0.1, random_images=0.15, greedy=0.1)) == (
        "What was searched for mall and random images lie nearer to street than what was searched for street itself: "
        "nothing was found that belongs to street in particular."
    )
    assert " mall lies nearer to street " in warning("street", rows(wrong_mall=0.1))
    assert warning("street", rows(wrong_mall=0.3)) == ""
