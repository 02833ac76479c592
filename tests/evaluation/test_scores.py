"""Scores on numbers worked by hand, and against a twin that sorts."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gprplus.core.errors import ScoreError
from gprplus.evaluation import ranks as ranks_module
from gprplus.evaluation import score
from gprplus.evaluation.ground_truth import GroundTruth
from gprplus.evaluation.similarity_search import SimilaritySearch


def at_ranks(ranks, gallery=8):
    """One query whose similarities fall along the gallery, with true matches at the ranks given
    (from 1)."""
    angle = np.arange(1, gallery + 1) / 20
    features = np.stack([np.cos(angle), np.sin(angle)], 1).astype(np.float32)
    ids = [7 if i + 1 in ranks else 100 + i for i in range(gallery)]
    return np.array([[1, 0]], np.float32), features, [7], ids


@pytest.mark.parametrize(
    ("ranks", "step", "trapezoid"),
    [
        ([1], 1, 1),
        ([2], 0.5, 0.25),
        ([1, 3, 6], 0.722222, 0.677778),
        ([1, 2, 4, 7], 0.830357, 0.811012),
        ([2, 3], 0.583333, 0.416667),
    ],
)
def test_both_forms_of_average_precision_on_worked_ranks(ranks, step, trapezoid):
    assert score(*at_ranks(ranks)).mAP == pytest.approx(step, abs=1e-6)
    assert score(*at_ranks(ranks), ap="trapezoid").mAP == pytest.approx(trapezoid, abs=1e-6)


def test_first_rank_inverse_penalty_and_curve_on_one_query():
    scores = score(*at_ranks([2, 5]))
    assert scores.per_query.first_match_rank.tolist() == [2]
    assert scores.mINP == pytest.approx(2 / 5)
    assert scores.cmc.shape == (50,)
    assert scores.cmc.dtype == np.float64
    assert scores.cmc[:3].tolist() == [0, 1, 1]
    assert scores.cmc[-1] == 1, "a gallery shorter than the curve keeps it level"


def test_wrong_matches_win_ties():
    same = np.ones((4, 3), np.float32)
    scores = score(same[:1], same, ["a"], ["a", "b", "c", "d"])
    assert scores.per_query.first_match_rank.tolist() == [4]
    assert scores.mAP == pytest.approx(1 / 4)


@pytest.mark.parametrize("gallery", [301, 512, 1000])
def test_a_collapsed_network_scores_near_zero(gallery):
    feature = np.random.default_rng(0).normal(size=64).astype(np.float32)
    ids = np.arange(gallery) % 50
    scores = score(np.tile(feature, (50, 1)), np.tile(feature, (gallery, 1)), np.arange(50), ids)
    assert scores.cmc[0] == 0
    assert scores.mAP < 0.02


def test_the_same_camera_hides_its_rows_and_an_unknown_camera_hides_nothing():
    query, gallery, ids, gallery_ids = at_ranks([1, 3])
    cams = [4, 1, 2, 1, 1, 1, 1, 1]
    assert score(query, gallery, ids, gallery_ids, [4], cams).mAP == pytest.approx(1 / 2)
    assert (
        score(query, gallery, ids, gallery_ids, [None], cams).mAP
        == score(query, gallery, ids, gallery_ids).mAP
    )


def test_junk_leaves_the_ranking_and_distractors_stay():
    query, gallery, ids, gallery_ids = at_ranks([2])
    gallery_ids[0] = None
    assert score(query, gallery, ids, gallery_ids).mAP == pytest.approx(1 / 2)
    junk = [True] + [False] * 7
    assert score(query, gallery, ids, gallery_ids, gallery_junk=junk).mAP == 1


def test_queries_without_a_true_match_are_left_out_and_counted():
    query, gallery, _, gallery_ids = at_ranks([1])
    scores = score(np.repeat(query, 2, 0), gallery, ["7", "nobody"], [str(i) for i in gallery_ids])
    assert scores.queries == 1
    assert scores.mAP == 1
    assert scores.per_query.valid.tolist() == [True, False]
    assert np.isnan(scores.per_query.AP[1])
    assert scores.summary()["queries"] == 1


def test_unknown_identities_match_nobody_not_each_other():
    features = np.eye(3, dtype=np.float32)
    scores = score(features, features, ["a", None, None], ["a", None, None])
    assert scores.per_query.valid.tolist() == [True, False, False]


def brute(query, gallery, query_ids, gallery_ids, query_cams, gallery_cams, junk, ap):
    """The slow twin: sort every row, wrong matches first at equal similarity, walk down it."""
    out = []
    for q, identity, camera in zip(query, query_ids, query_cams, strict=True):
        rows = [
            (-float(q @ g), gallery_id == identity)
            for g, gallery_id, gallery_cam, is_junk in zip(
                gallery, gallery_ids, gallery_cams, junk, strict=True
            )
            if not is_junk and not (gallery_id == identity and gallery_cam == camera)
        ]
        truth = [is_match for _, is_match in sorted(rows)]
        ranks = [rank for rank, is_match in enumerate(truth, 1) if is_match]
        if not ranks:
            out.append(None)
            continue
        precision, before = [k / r for k, r in enumerate(ranks, 1)], []
        for k, rank in enumerate(ranks, 1):
            before.append(1 if rank == 1 else (k - 1) / (rank - 1))
        terms = (
            precision
            if ap == "step"
            else [(a + b) / 2 for a, b in zip(before, precision, strict=True)]
        )
        out.append((sum(terms) / len(ranks), ranks[0], len(ranks) / ranks[-1]))
    return out


@st.composite
def searches(draw):
    """Small searches on a grid of exact values, so that ties are common and no product rounds."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    queries, rows, people = (
        draw(st.integers(1, 9)),
        draw(st.integers(1, 70)),
        draw(st.integers(1, 5)),
    )
    cameras = draw(st.integers(1, 3))
    directions = np.array(
        [[1, 0, 0, 0], [0, 1, 0, 0], [0.5, 0.5, 0.5, 0.5], [0.5, -0.5, 0.5, -0.5], [0, 0, 0, 0]]
    )
    return (
        directions[rng.integers(0, 5, queries)].astype(np.float32),
        directions[rng.integers(0, 5, rows)].astype(np.float32),
        rng.integers(0, people, queries),
        rng.integers(0, people, rows),
        rng.integers(0, cameras, queries),
        rng.integers(0, cameras, rows),
        rng.random(rows) < 0.2,
    )


@settings(max_examples=150, deadline=None)
@given(
    searches(),
    st.sampled_from(["step", "trapezoid"]),
    st.integers(1, 4),
    st.sampled_from([0, 70_000]),
)
def test_agrees_with_a_twin_that_sorts(search, ap, rows, a_pass):
    *arrays, junk = search
    expected = brute(*arrays, junk, ap)
    kept = [one for one in expected if one is not None]
    if not kept:
        with pytest.raises(ScoreError, match="true match"):
            score(*arrays, gallery_junk=junk, ap=ap)
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranks_module, "_PASS", a_pass)
        scores = score(*arrays, gallery_junk=junk, ap=ap, block_rows=rows)
    assert scores.per_query.valid.tolist() == [one is not None for one in expected]
    assert scores.mAP == pytest.approx(np.mean([one[0] for one in kept]), abs=1e-12)
    assert scores.per_query.first_match_rank[scores.per_query.valid].tolist() == [
        one[1] for one in kept
    ]
    assert scores.mINP == pytest.approx(np.mean([one[2] for one in kept]), abs=1e-12)
    for k in (1, 5, 50):
        assert scores.cmc[k - 1] == pytest.approx(np.mean([one[1] <= k for one in kept]))


@settings(max_examples=40, deadline=None)
@given(searches())
def test_the_product_for_accelerators_counts_the_same(search):
    queries, gallery, *known = search
    order, wanted = GroundTruth.of(*known, rows=(len(queries), len(gallery))).relevance()
    if not len(order):
        return
    host = SimilaritySearch(gallery, "cosine").ranks(queries, order, wanted, 3)
    device = SimilaritySearch(torch.from_numpy(gallery), "cosine").ranks(
        torch.from_numpy(queries), order, wanted, 3
    )
    for one, other in zip(host, device, strict=True):
        assert one.tolist() == other.tolist()


@pytest.mark.parametrize("length", [1, 2039, 2040, 2041, 4080, 70_000])
def test_counting_adds_flags_of_long_rows_without_overflow(monkeypatch, length):
    monkeypatch.setattr(ranks_module, "_PASS", 0)
    row = np.arange(length, dtype=np.float32)
    limits = np.array([0, length - 1, length], np.float32)
    assert ranks_module.count_reached(row, limits).tolist() == [length, 1, 0]


@pytest.mark.parametrize("threads", ["1", "2"])
def test_threads_change_no_rank(monkeypatch, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    rng = np.random.default_rng(3)
    directions = np.array([[1, 0], [0, 1], [-1, 0], [0, -1]], np.float32)
    arrays = [directions[rng.integers(0, 4, rows)] for rows in (300, 90)]
    arrays += [rng.integers(0, most, rows) for most in (9, 3) for rows in (300, 90)]
    expected = brute(*arrays, np.zeros(90, bool), "step")
    found = score(*arrays).per_query
    assert found.AP.tolist() == pytest.approx([one[0] for one in expected])
    assert found.first_match_rank.tolist() == [one[1] for one in expected]


def test_row_order_dtype_and_kind_of_array_change_nothing():
    rng = np.random.default_rng(5)
    query, gallery = (
        rng.normal(size=(20, 16)).astype(np.float32),
        rng.normal(size=(90, 16)).astype(np.float32),
    )
    ids, gallery_ids = rng.integers(0, 6, 20), rng.integers(0, 6, 90)
    plain = score(query, gallery, ids, gallery_ids).mAP
    shuffled = rng.permutation(90)
    assert score(query, gallery[shuffled], ids, gallery_ids[shuffled]).mAP == pytest.approx(
        plain, abs=1e-12
    )
    assert score(torch.from_numpy(query), torch.from_numpy(gallery), ids, gallery_ids).mAP == plain
    assert score(
        query.astype(np.float64), gallery.astype(np.float64), ids, gallery_ids
    ).mAP == pytest.approx(plain)
    assert score(
        query * 3, gallery * rng.uniform(1, 9, (90, 1)), ids, gallery_ids
    ).mAP == pytest.approx(plain)


def test_euclidean_equals_cosine_on_unit_features_and_differs_elsewhere():
    rng = np.random.default_rng(6)
    query, gallery = rng.normal(size=(10, 8)), rng.normal(size=(60, 8))
    ids, gallery_ids = rng.integers(0, 4, 10), rng.integers(0, 4, 60)
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (query, gallery)]
    assert score(*unit, ids, gallery_ids, metric="euclidean").mAP == pytest.approx(
        score(*unit, ids, gallery_ids).mAP
    )
    distances = np.linalg.norm(query[:, None] - gallery[None], axis=2)
    first = gallery_ids[distances.argmin(1)] == ids
    assert score(query, gallery, ids, gallery_ids, metric="euclidean").cmc[0] == pytest.approx(
        first.mean()
    )


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"query_features": np.ones((1, 3), np.float32)}, "different networks"),
        ({"query_features": np.ones(2, np.float32)}, "must be"),
        ({"query_features": np.array([[np.nan, 0]], np.float32)}, "NaN or infinity"),
        ({"gallery_features": np.ones((0, 2), np.float32)}, "no gallery features"),
        ({"query_ids": [1, 2]}, "query_ids has 2 entries for 1"),
        ({"query_ids": ["7"]}, "some are text"),
        ({"query_cams": [1]}, "one side only"),
        ({"gallery_junk": [True]}, "gallery_junk has 1"),
        ({"ap": "stpe"}, "'step'"),
        ({"metric": "cosin"}, "'cosine'"),
        ({"block_rows": 0}, "at least 1"),
    ],
)
def test_arguments_that_do_not_belong_together_are_one_sentence(change, sentence):
    names = ("query_features", "gallery_features", "query_ids", "gallery_ids")
    arguments = dict(zip(names, at_ranks([1]), strict=True)) | change
    with pytest.raises(ScoreError, match=sentence):
        score(**arguments)
