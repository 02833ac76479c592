"""The matrix of query against gallery levels on the page: its penalty and asymmetry, by hand."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from gprplus.reporting import cross_level
from gprplus.reporting.cross_level import QueryGalleryMatrix
from gprplus.reporting.pages.template_environment import template_environment
from gprplus.schema.split_record import LevelTest
from tests.support.records import split_of


@pytest.fixture
def matrix():
    return QueryGalleryMatrix(
        "mix", "the mixture", ("sunny", "foggy"), np.array([[0.60, 0.30], [0.35, 0.50]])
    )


def test_the_penalty_is_half_of_the_two_matched_entries_less_the_mismatched_one(matrix):
    assert matrix.penalty == pytest.approx(np.array([[0.0, 0.25], [0.20, 0.0]]))
    assert matrix.asymmetry == pytest.approx(np.array([[0.0, -0.05], [0.05, 0.0]]))


def test_the_page_prints_both_and_the_angle(matrix):
    facts = {"queries": 36, "apart_in": "camera", "apart_deg": 60}
    found = {"matrix": matrix, "facts": facts, "mismatch": (), "alike": ()}
    figures = template_environment().get_template("figures.html.j2").module
    text = " ".join(str(figures.crossed(found, {"noun": "weather"})).split())
    assert "differ in camera, and in viewpoint by 60 degrees or more." in text
    penalty, asymmetry = text.split("<h4>")[1:]
    assert penalty.startswith("Mismatch penalty")
    assert all(figure in penalty for figure in ("+25.0", "+20.0"))
    assert asymmetry.startswith("Asymmetry")
    assert all(figure in asymmetry for figure in ("+5.0", "−5.0"))


def test_the_page_of_a_split_without_viewpoints_names_no_angle(matrix):
    facts = level_test(None, None, queries=36, apart_in="camera")
    found = {"matrix": matrix, "facts": facts, "mismatch": (), "alike": ()}
    figures = template_environment().get_template("figures.html.j2").module
    text = " ".join(str(figures.crossed(found, {"noun": "weather"})).split())
    assert "true match always differ in camera.</p>" in text


def test_a_query_s_level_stands_in_the_row_and_the_gallery_s_in_the_column():
    pairs = [("sunny", "sunny"), ("sunny", "foggy"), ("foggy", "sunny"), ("foggy", "foggy")]
    cross = {f"self:{q}-{g}": level_test(q, g) for q, g in pairs}
    scored = {("mix", name): score for name, score in zip(cross, (0.9, 0.4, 0.6, 0.7), strict=True)}
    made = cross_level._matrix(scored, cross, "mix", split_of("mix"))
    assert made.levels == ("sunny", "foggy")
    assert made.scores.tolist() == [[0.9, 0.4], [0.6, 0.7]]


def level_test(query, gallery, **facts):
    known = {"kind": "cross", "protocol": "camera", "queries": 4, "gallery": 8, "groups": []}
    return LevelTest(**known | {"query_level": query, "gallery_level": gallery} | facts)


def searched(*rows):
    """Queries of two people and two seeds under mix: each row a test, and the AP of either person
    in it."""
    told = [
        {
            "arm": "mix",
            "seed": seed,
            "target": test,
            "uid": i,
            "identity": f"{i}",
            "level": "sunny",
            "valid": True,
            "AP": a,
        }
        for test, *each in rows
        for seed in (0, 1)
        for i, a in enumerate(each)
    ]
    return pa.Table.from_pylist(told)


def told_of(tests, queries):
    rows = [{"arm": "mix", "target": name, "mAP": 0.5} for name in tests]
    return cross_level.cross_level_report(
        rows, queries, replace(split_of("mix", reference="mix"), tests=tests)
    )


def test_a_mismatch_is_the_gallery_of_the_query_s_level_less_the_other_one():
    aps = {("sunny", "sunny"): (0.9, 0.7), ("sunny", "foggy"): (0.4, 0.5)}
    aps |= {("foggy", "foggy"): (0.6, 0.8), ("foggy", "sunny"): (0.2, 0.7)}
    tests = {f"self:{q}-{g}": level_test(q, g) for q, g in aps}
    (cost,) = told_of(
        tests, searched(*((f"self:{q}-{g}", *each) for (q, g), each in aps.items()))
    ).mismatch
    assert (cost.own, cost.other, cost.difference) == pytest.approx((0.75, 0.45, 0.30))
    assert cost.low < 0.30 < cost.high


def test_matches_that_look_like_the_query_are_worth_what_removing_them_costs_beyond_random_ones():
    tests = {
        name: level_test(None, None, kind="removal")
        for name in (cross_level.RANDOM, cross_level.SAME)
    }
    (cost,) = told_of(
        tests, searched((cross_level.SAME, 0.4, 0.5), (cross_level.RANDOM, 0.6, 0.8))
    ).alike
    assert (cost.own, cost.other, cost.difference) == pytest.approx((0.7, 0.45, 0.25))
    assert cost.low < 0.25 < cost.high
