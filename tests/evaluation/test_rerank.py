"""Re-ranking against a twin that holds every matrix whole and walks it row by row."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gprplus.core.errors import ScoreError
from gprplus.evaluation import rerank as rerank_module
from gprplus.evaluation import score
from gprplus.evaluation.rerank import RerankedSearch, RerankOptions


def twin(queries, gallery, k1, k2, share):
    """Zhong et al. 2017 by the letter: final distances `(Q, G)` of features that are unit
    vectors."""
    x = np.concatenate([queries, gallery]).astype(np.float64)
    count = len(x)
    squared = ((x[:, None] - x[None]) ** 2).sum(-1)
    original = squared / squared.max(1, keepdims=True)
    order = np.argsort(original, axis=1, kind="stable")

    def reciprocal(i, k):
        return {j for j in order[i, : k + 1] if i in order[j, : k + 1]}

    vectors = np.zeros((count, count))
    for i in range(count):
        own = reciprocal(i, k1)
        grown = set(own)
        for j in own:
            theirs = reciprocal(j, int(np.around(k1 / 2)))
            if len(theirs & own) > 2 / 3 * len(theirs):
                grown |= theirs
        for j in grown:
            vectors[i, j] = np.exp(-original[i, j])
        vectors[i] /= vectors[i].sum()
    if k2 > 1:
        vectors = np.stack([vectors[order[i, :k2]].mean(0) for i in range(count)])
    q = len(queries)
    least = np.minimum(vectors[:q, None], vectors[None, q:]).sum(-1)
    most = np.maximum(vectors[:q, None], vectors[None, q:]).sum(-1)
    return (1 - share) * (1 - least / most) + share * original[:q, q:]


def unit(rng, rows, people, dimensions=16):
    """Features around a centre a person, with the person of each."""
    ids = rng.integers(0, people, rows)
    centres = np.random.default_rng(7).normal(size=(people, dimensions))
    features = centres[ids] + 0.9 * rng.normal(size=(rows, dimensions))
    return (features / np.linalg.norm(features, axis=1, keepdims=True)).astype(np.float32), ids


def final(queries, gallery, knobs, metric="cosine"):
    """The distances that `RerankedSearch` ranks by."""
    found = RerankedSearch(queries, gallery, metric, knobs)
    original = found.distances.to_gallery(np.arange(len(queries)))
    return np.stack([found._final(i, row) for i, row in enumerate(original)])


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**31),
    st.integers(1, 9),
    st.integers(1, 40),
    st.integers(1, 8),
    st.integers(1, 4),
)
def test_blocks_give_what_whole_matrices_give(seed, queries, gallery, k1, k2):
    rng = np.random.default_rng(seed)
    q, _ = unit(rng, queries, 5)
    g, _ = unit(rng, gallery, 5)
    knobs = RerankOptions(k1, k2, 0.3)
    assert final(q, g, knobs) == pytest.approx(twin(q, g, k1, k2, 0.3), abs=2e-6)


def test_the_settings_of_the_paper_on_a_gallery_larger_than_a_block(monkeypatch):
    monkeypatch.setattr(rerank_module, "_ROWS", 64)
    monkeypatch.setattr("gprplus.evaluation.similarity_search.HOST_BLOCK", 50 * 300 * 4)
    rng = np.random.default_rng(3)
    (q, _), (g, _) = unit(rng, 40, 20), unit(rng, 300, 20)
    assert final(q, g, RerankOptions()) == pytest.approx(twin(q, g, 20, 6, 0.3), abs=2e-6)
    assert final(3 * q, 3 * g, RerankOptions(), "euclidean") == pytest.approx(
        twin(q, g, 20, 6, 0.3), abs=2e-6
    )


def test_the_nearest_rows_are_those_of_a_sort_with_equal_distances_in_the_order_of_rows():
    """1,000 rows on 30 points: most distances are equal to many others, and the bound is taken over
    parts of the rows."""
    points = np.random.default_rng(3).integers(0, 30, 1_000)
    features = np.stack([points, points % 7], axis=1).astype(np.float32)
    found = rerank_module._nearest(
        rerank_module.RerankedDistances(features[:200], features[200:], "euclidean"), 21
    )
    away = ((features[:, None] - features[None]) ** 2).sum(axis=2)
    assert (found.rows == np.argsort(away, axis=1, kind="stable")[:, :21]).all()
    assert (found.farthest == away.max(axis=1)).all()


def test_on_a_device_the_distances_are_the_same():
    rng = np.random.default_rng(4)
    (q, _), (g, _) = unit(rng, 10, 5), unit(rng, 60, 5)
    found = RerankedSearch(torch.from_numpy(q), torch.from_numpy(g), "cosine", RerankOptions())
    assert not found.distances.parts[0].is_array
    original = found.distances.to_gallery(np.arange(10))
    assert np.stack([found._final(i, row) for i, row in enumerate(original)]) == pytest.approx(
        twin(q, g, 20, 6, 0.3), abs=2e-6
    )


def test_re_ranking_lifts_what_neighbours_can_lift_and_share_one_changes_nothing():
    rng = np.random.default_rng(5)
    (q, qi), (g, gi) = unit(rng, 60, 12), unit(rng, 400, 12)
    plain = score(q, g, qi, gi)
    assert score(q, g, qi, gi, rerank=RerankOptions()).mAP > plain.mAP + 0.05
    assert score(q, g, qi, gi, rerank=RerankOptions(share=1)).mAP == pytest.approx(
        plain.mAP, abs=1e-9
    )


def test_junk_takes_no_part_in_neighbourhoods():
    rng = np.random.default_rng(6)
    (q, qi), (g, gi) = unit(rng, 30, 8), unit(rng, 200, 8)
    junk = rng.random(200) < 0.3
    with_junk = score(q, g, qi, gi, gallery_junk=junk, rerank=RerankOptions())
    assert with_junk.mAP == score(q, g[~junk], qi, gi[~junk], rerank=RerankOptions()).mAP


def test_cameras_are_obeyed_after_re_ranking():
    q = np.array([[1, 0, 0]], np.float32)
    g = np.array([[1, 0, 0], [0.9, 0.1, 0], [0, 1, 0], [0, 0, 1]], np.float32)
    scores = score(
        q, g, ["a"], ["a", "a", "b", "c"], [1], [1, 2, 1, 2], rerank=RerankOptions(k1=2, k2=1)
    )
    assert scores.per_query.first_match_rank.tolist() == [1], (
        "the same camera's row has left, the other's stands first"
    )


def test_a_collapsed_network_scores_near_zero_after_re_ranking_too():
    feature = np.ones((50, 8), np.float32)
    scores = score(
        feature, feature.repeat(6, 0), np.arange(50), np.arange(300) % 50, rerank=RerankOptions()
    )
    assert scores.mAP < 0.1


@pytest.mark.parametrize("knobs", [{"k1": 0}, {"k2": 0}, {"share": 1.5}])
def test_settings_that_mean_nothing_are_refused(knobs):
    with pytest.raises(ScoreError, match="Re-ranking takes"):
        RerankOptions(**knobs)
