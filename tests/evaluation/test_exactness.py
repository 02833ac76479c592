"""Scores against a naive evaluator, between libraries and devices, of collapsed features and of
galleries with a few very long rows.
"""

import tracemalloc

import naive_scores
import numpy as np
import pytest
import torch

from gprplus.core.errors import ScoreError
from gprplus.evaluation import score
from gprplus.evaluation.ground_truth import GroundTruth
from gprplus.evaluation.rerank import RerankOptions
from gprplus.evaluation.similarity_search import (
    SimilaritySearch,
    identical_rows,
    multiplies_coarsely,
    squared_norms,
)


@pytest.mark.parametrize("first", range(0, 500, 50))
def test_adversarial_searches_score_as_the_naive_evaluator_scores_them(first):
    for seed in range(first, first + 50):
        search, metric, exact = naive_scores.adversarial(seed)
        expected = naive_scores.naive(search, metric, exact)
        if not any(expected):
            with pytest.raises(ScoreError, match="true match"):
                score(**search, metric=metric)
            continue
        tensor = torch.from_numpy(np.asarray(search["gallery_features"], dtype=np.float32))
        for each in (search, {**search, "gallery_features": tensor}):
            check(score(**each, metric=metric, block_rows=1 + seed % 4).per_query, expected, seed)


def check(found, expected, seed):
    """Hold scores against the naive evaluator's for the most and for the fewest rows before the
    relevant ones."""
    assert found.valid.tolist() == [one is not None for one in expected]
    for i, (best, worst) in ((i, one) for i, one in enumerate(expected) if one):
        place = f"search {seed}, query {i}"
        assert worst[0] - 1e-12 <= found.AP[i] <= best[0] + 1e-12, place
        assert best[1] <= found.first_match_rank[i] <= worst[1], place
        assert worst[2] - 1e-12 <= found.inp[i] <= best[2] + 1e-12, place


def planted(people=50, each=10, dimensions=64, spread=1.0):
    """An ordinary search: a centre for each identity, with noise."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(people, dimensions))
    ids = np.arange(people * each) % people
    return {
        "query_features": (centres + spread * rng.normal(size=centres.shape)).astype(np.float32),
        "gallery_features": (
            centres[ids] + spread * rng.normal(size=(len(ids), dimensions))
        ).astype(np.float32),
        "query_ids": np.arange(people),
        "gallery_ids": ids,
    }


@pytest.mark.parametrize("junk", [False, True])
@pytest.mark.parametrize("times", [1e3, 1e5, 1e7, 1e12])
def test_a_long_row_changes_the_ranks_of_no_other_rows(times, junk):
    search = planted()
    plain = score(**search, metric="euclidean")
    long = (times * search["gallery_features"][:1]).astype(np.float32)
    longer = {
        **search,
        "gallery_features": np.concatenate([search["gallery_features"], long]),
        "gallery_ids": np.append(search["gallery_ids"], -1),
        "gallery_junk": np.arange(501) == 500 if junk else None,
    }
    assert plain.mAP > 0.8
    assert score(**longer, metric="euclidean").mAP == pytest.approx(plain.mAP, abs=1e-9)


def test_a_majority_of_long_rows_changes_the_ranks_of_no_short_ones():
    search = planted()
    plain = score(**search, metric="euclidean")
    long = (1e5 * np.random.default_rng(1).normal(size=(900, 64))).astype(np.float32)
    search["gallery_features"] = np.concatenate([search["gallery_features"], long])
    search["gallery_ids"] = np.append(search["gallery_ids"], np.full(900, -1))
    assert score(**search, metric="euclidean").mAP == pytest.approx(plain.mAP, abs=1e-9)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_scores_of_ordinary_features_are_those_of_sorting(metric):
    search = planted(200, 10, spread=1.7)
    query, gallery = (
        search[f"{side}_features"].astype(np.float64) for side in ("query", "gallery")
    )
    if metric == "cosine":
        query, gallery = (
            side / np.linalg.norm(side, axis=1, keepdims=True) for side in (query, gallery)
        )
    away = (query**2).sum(1)[:, None] + (gallery**2).sum(1) - 2 * query @ gallery.T
    sorted_ids = search["gallery_ids"][np.argsort(away, axis=1)]
    ranks = np.nonzero(sorted_ids == search["query_ids"][:, None])[1].reshape(200, 10) + 1
    found = score(**search, metric=metric)
    assert found.mAP == pytest.approx((np.arange(1, 11) / ranks).mean(), abs=1e-6)
    assert found.mINP == pytest.approx((10 / ranks[:, -1]).mean(), abs=1e-6)
    assert found.cmc == pytest.approx([(ranks[:, 0] <= k).mean() for k in range(1, 51)])
    assert 0.1 < found.mAP < 0.9


def collapsed(kind, rows, rng, dimensions):
    """Features of a model that embeds all images alike."""
    point = np.random.default_rng(3).normal(size=dimensions)
    return {
        "constant": lambda: np.tile(point, (rows, 1)),
        "ones": lambda: np.ones((rows, dimensions)),
        "constant with rounding noise": lambda: (
            point * (1 + 1e-7 * rng.normal(size=(rows, dimensions)))
        ),
        "zeros": lambda: np.zeros((rows, dimensions)),
    }[kind]().astype(np.float32)


@pytest.mark.parametrize("rerank", [None, RerankOptions()])
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("kind", ["constant", "ones", "constant with rounding noise", "zeros"])
def test_collapsed_features_score_like_a_constant(kind, metric, rerank):
    rng, ids = np.random.default_rng(2), np.arange(331) % 50
    query, gallery = (collapsed(kind, rows, rng, 512) for rows in (50, 331))
    expected = score(np.ones((50, 1)), np.ones((331, 1)), ids[:50], ids, rerank=rerank)
    for side in (gallery, torch.from_numpy(gallery)):
        found = score(query, side, ids[:50], ids, metric=metric, rerank=rerank, block_rows=7)
        assert found.mAP == pytest.approx(expected.mAP, abs=1e-9)
    if not rerank:
        assert found.mAP < 0.02


def test_a_constant_direction_of_any_length_scores_like_a_constant_by_cosine():
    lengths = np.random.default_rng(2).uniform(0.5, 2, 600).astype(np.float32)
    gallery = np.repeat(lengths[:, None], 512, 1)
    ids = np.arange(600) % 100
    first = score(gallery[:100], gallery, np.arange(100), ids).per_query.first_match_rank
    assert set(first.tolist()) == {595}, "594 wrong rows rank before the first of six relevant ones"


def crowded(dimensions=96, rows=331, spread=1e-6):
    """A search of features that hardly differ, each of which is in several rows of the gallery."""
    rng = np.random.default_rng(11)
    base = (rng.random(dimensions) + spread * rng.normal(size=(40, dimensions))).astype(np.float32)
    return {
        "query_features": base[rng.integers(0, 40, 23)],
        "gallery_features": base[rng.integers(0, 40, rows)],
        "query_ids": rng.integers(0, 9, 23),
        "gallery_ids": rng.integers(0, 9, rows),
    }


def ranks_by(search, features=lambda array: array, block=7, metric="cosine"):
    queries, gallery = features(search["query_features"]), features(search["gallery_features"])
    known = GroundTruth.of(
        search["query_ids"], search["gallery_ids"], None, None, None, (len(queries), len(gallery))
    )
    order, wanted = known.relevance()
    return [
        one.tolist()
        for one in SimilaritySearch(gallery, metric).ranks(queries, order, wanted, block)
    ]


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("spread", [1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 0])
def test_neither_blocks_nor_library_changes_a_rank(spread, metric):
    search = crowded(spread=spread)
    expected = ranks_by(search, torch.from_numpy, metric=metric)
    for block in (1, 5, 23):
        assert ranks_by(search, block=block, metric=metric) == expected
    if spread >= 1e-2:
        assert ranks_by(search, lambda array: array.astype(np.float64), metric=metric) == expected


@pytest.mark.parametrize("rows", [65, 127, 331])
@pytest.mark.parametrize("dimensions", [1, 15, 257])
def test_the_same_image_ties_in_any_row_and_of_any_length(rows, dimensions):
    rng = np.random.default_rng(rows)
    query = rng.normal(size=(1, dimensions)).astype(np.float32)
    other = rng.normal(size=dimensions).astype(np.float32)
    gallery = np.stack([other * rng.choice([1, 2, 0.5, 4]) for _ in range(rows)])
    for place in (0, rows // 2, rows - 1):
        ids = np.arange(1, rows + 1)
        ids[place] = 0
        assert score(query, gallery, [0], ids).per_query.first_match_rank.tolist() == [rows]


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("dimensions", [15, 512, 2048])
def test_repeated_rows_tie_among_others(dimensions, metric):
    rng = np.random.default_rng(1)
    query = rng.random((1, dimensions)).astype(np.float32)
    gallery = rng.random((127, dimensions)).astype(np.float32)
    gallery[::8] = (query + 0.1 * rng.normal(size=dimensions)).astype(
        np.float32
    )  # 16 rows, the nearest of all
    for place in range(0, 127, 8):
        ids = np.arange(1, 128)
        ids[place] = 0
        assert score(
            query, gallery, [0], ids, metric=metric
        ).per_query.first_match_rank.tolist() == [16]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("dimensions", [1, 257, 2048])
def test_identical_rows_are_found_among_rows_of_the_same_norm(dimensions, dtype):
    base = np.random.default_rng(4).normal(size=(20, dimensions)).astype(dtype)
    rows = np.concatenate([base, -base, base[[7, 3]], base[[7]]])
    for features in (rows, torch.from_numpy(rows)):
        repeated, original = identical_rows(features, squared_norms(features))
        assert repeated.tolist() == [40, 41, 42]
        assert original.tolist() == [7, 3, 7]


@pytest.mark.parametrize("size", [1e-30, 1e-18, 1e18, 1e30])
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_features_of_any_size_score_the_same(size, metric):
    rng = np.random.default_rng(8)
    query, gallery = rng.normal(size=(9, 24)), rng.normal(size=(80, 24))
    ids, gallery_ids = rng.integers(0, 5, 9), rng.integers(0, 5, 80)
    plain = score(query, gallery, ids, gallery_ids, metric=metric)
    scaled = score(
        *((size * x).astype(np.float32) for x in (query, gallery)), ids, gallery_ids, metric=metric
    )
    assert scaled.mAP == pytest.approx(plain.mAP, abs=1e-12)


@pytest.mark.parametrize("offset", [0, 100])
@pytest.mark.parametrize("people", [10, 100])
def test_a_score_takes_no_more_memory_than_is_promised(people, offset):
    rng = np.random.default_rng(4)
    query, gallery = (
        offset + rng.normal(size=(rows, 256)).astype(np.float32) for rows in (260, 20_000)
    )
    tracemalloc.start()
    score(query, gallery, np.arange(260) % people, np.arange(20_000) % people, block_rows=100)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100 * 20_000 * 4 + (40 << 20) + 150 * 20_260 + 50 * 260 * 20_000 / people


def test_a_device_that_multiplies_in_fewer_bits_is_noticed():
    features = torch.from_numpy(np.random.default_rng(0).normal(size=(331, 96)).astype(np.float32))
    assert not multiplies_coarsely(features)
    assert multiplies_coarsely(_Rounded(features))


class _Rounded:
    """A tensor on a device that keeps bfloat16 of every factor."""

    def __init__(self, values):
        self.values = values
        self.shape = values.shape
        self.T = values.T.bfloat16()

    def __getitem__(self, rows):
        return _Rounded(self.values[rows])

    def __matmul__(self, other):
        return (self.values.bfloat16() @ other).float()

    def cpu(self):
        return self.values
