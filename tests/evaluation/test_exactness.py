"""Scores against a twin in decimal arithmetic that knows nothing of blocks: whoever multiplies, ties are ties."""

import tracemalloc
from decimal import Decimal, localcontext

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gprplus.errors import ScoreError
from gprplus.evaluation import multiply, ranks, score, settle
from gprplus.evaluation.products import Device, Host
from gprplus.evaluation.truth import Truth

TIE = Decimal(2) ** -40


def by_definition(search, metric="cosine", ap="step"):
    """`(AP, first rank, INP)` of each query, None without a true match: every similarity in 40 digits, walked down."""
    with localcontext() as context:
        context.prec = 40
        return [_one(i, search, metric, ap) for i in range(len(search["query_ids"]))]


def _one(i, search, metric, ap):
    query = [Decimal(float(x)) for x in search["query_features"][i]]
    ranked, length = [], sum(x * x for x in query).sqrt()
    far = max(sum(Decimal(float(x)) ** 2 for x in row) for row in search["gallery_features"]).sqrt()
    for j, features in enumerate(search["gallery_features"]):
        row = [Decimal(float(x)) for x in features]
        same = search["query_ids"][i] is not None and search["query_ids"][i] == search["gallery_ids"][j]
        cameras = search["query_cams"][i], search["gallery_cams"][j]
        if search["gallery_junk"][j] or (same and None not in cameras and cameras[0] == cameras[1]):
            continue
        norm = sum(x * x for x in row)
        dot = sum(a * b for a, b in zip(query, row, strict=True))
        if metric == "cosine":
            ranked.append((dot / norm.sqrt() if norm else Decimal(0), same))
        else:
            ranked.append((2 * dot - norm, same))
    tie = TIE * (length if metric == "cosine" else 2 * length * far + far * far)
    matches = sorted((s for s, same in ranked if same), reverse=True)
    if not matches:
        return None
    before = [sum(not same and s >= match - tie for s, same in ranked) for match in matches]
    ranks = [k + n for k, n in enumerate(before, 1)]
    at = [k / rank for k, rank in enumerate(ranks, 1)]
    ahead = [1 if rank == 1 else (k - 1) / (rank - 1) for k, rank in enumerate(ranks, 1)]
    terms = at if ap == "step" else [(a + b) / 2 for a, b in zip(at, ahead, strict=True)]
    return sum(terms) / len(ranks), ranks[0], len(ranks) / ranks[-1]


@st.composite
def searches(draw):
    """Searches full of rows that are the same, parallel, all but the same, or zero."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    queries, rows, dimensions = draw(st.integers(1, 5)), draw(st.integers(1, 40)), draw(st.integers(1, 33))
    spread = draw(st.sampled_from([1, 1e-3, 1e-7, 0]))
    base = draw(st.sampled_from([0, 1, 1e12, 1e-12])) + spread * rng.normal(size=(6, dimensions))
    base[rng.random(6) < 0.1] = 0

    def some(count):
        return (base[rng.integers(0, 6, count)] * rng.choice([1, 2, 0.1, 1 / 3], (count, 1))).astype(np.float32)

    def labels(count, high, unknown):
        return [None if rng.random() < unknown else int(x) for x in rng.integers(0, high, count)]

    return {
        "query_features": some(queries),
        "gallery_features": some(rows),
        "query_ids": labels(queries, 3, 0.1),
        "gallery_ids": labels(rows, 3, 0.1),
        "query_cams": labels(queries, 3, 0.2),
        "gallery_cams": labels(rows, 3, 0.2),
        "gallery_junk": rng.random(rows) < 0.1,
    }


@settings(max_examples=60, deadline=None)
@given(searches(), st.sampled_from(["cosine", "euclidean"]), st.sampled_from(["step", "trapezoid"]), st.integers(1, 3))
def test_scores_are_what_the_definitions_say(search, metric, ap, rows):
    expected = by_definition(search, metric, ap)
    known = [one for one in expected if one]
    if not known:
        with pytest.raises(ScoreError, match="true match"):
            score(**search, metric=metric, ap=ap)
        return
    each = score(**search, metric=metric, ap=ap, block_rows=rows).per_query
    assert each.valid.tolist() == [one is not None for one in expected]
    assert each.first_match_rank[each.valid].tolist() == [first for _, first, _ in known]
    assert each.AP[each.valid] == pytest.approx([precision for precision, _, _ in known], abs=1e-12)
    assert each.inp[each.valid] == pytest.approx([penalty for _, _, penalty in known], abs=1e-12)


def crowded(dimensions=96, rows=331, spread=1e-6):
    """A search of features that hardly differ, each of which stands at several places of the gallery."""
    rng = np.random.default_rng(11)
    base = (rng.random(dimensions) + spread * rng.normal(size=(40, dimensions))).astype(np.float32)
    return {
        "query_features": base[rng.integers(0, 40, 23)],
        "gallery_features": base[rng.integers(0, 40, rows)],
        "query_ids": rng.integers(0, 9, 23),
        "gallery_ids": rng.integers(0, 9, rows),
    }


def ranks_by(search, make, features=lambda array: array, block=7):
    queries, gallery = features(search["query_features"]), features(search["gallery_features"])
    known = Truth.of(search["query_ids"], search["gallery_ids"], None, None, None, (len(queries), len(gallery)))
    order, wanted = known.wanted()
    return [one.tolist() for one in make(gallery, "cosine").ranks(queries, order, wanted, block)]


@pytest.mark.parametrize("spread", [1, 1e-3, 1e-5, 1e-7, 0])
def test_neither_blocks_nor_library_nor_device_changes_a_rank(spread, monkeypatch):
    search = crowded(spread=spread)
    expected = ranks_by(search, Host, lambda array: array.astype(np.float64))
    assert ranks_by(search, Device, torch.from_numpy) == expected
    for block in (1, 5, 23):
        assert ranks_by(search, Host, block=block) == expected
    monkeypatch.setattr("gprplus.evaluation.products.fastest", lambda *sizes: multiply.by_torch)
    assert ranks_by(search, Host) == expected
    monkeypatch.setattr("gprplus.evaluation.ranks._WHOLE", 1)
    assert ranks_by(search, Host) == expected, "each open comparison by itself, or a whole row again: the same"


def large(queries=400, rows=1500, dimensions=512):
    """A search large enough to ask how far rounding goes; every picture of a person has near twins of other persons."""
    rng = np.random.default_rng(5)
    base = rng.normal(size=(300, dimensions))
    near = base[rng.integers(0, 300, rows)] + 3e-4 * rng.normal(size=(rows, dimensions))
    return {
        "query_features": (base[rng.integers(0, 300, queries)] + rng.normal(size=(queries, dimensions))).astype(
            np.float32
        ),
        "gallery_features": near.astype(np.float32),
        "query_ids": rng.integers(0, 400, queries),
        "gallery_ids": rng.integers(0, 400, rows),
    }


@pytest.mark.parametrize(("make", "features"), [(Host, np.asarray), (Device, torch.from_numpy)])
def test_rounding_that_is_seen_to_be_small_leaves_less_open_and_no_rank_changes(make, features, monkeypatch):
    search, open_ = large(), []
    expected = ranks_by(search, Host, lambda array: array.astype(np.float64))
    sifted = ranks.sifted

    def watched(*told):
        sieve = sifted(*told)
        open_.append(sieve.open.sum() if sieve else told[-1])  # a whole row
        return sieve

    monkeypatch.setattr(ranks, "sifted", watched)
    assert ranks_by(search, make, features, block=150) == expected
    few, open_[:] = sum(open_), []
    monkeypatch.setattr("gprplus.evaluation.settle._WORTH", np.inf)
    assert ranks_by(search, make, features, block=150) == expected
    assert 0 < few < sum(open_) / 2


@pytest.mark.parametrize("product", [multiply.by_numpy, multiply.by_torch])
def test_pictures_of_few_numbers_among_others_tie_though_their_sums_round_one_way(product, monkeypatch):
    rng = np.random.default_rng(3)
    queries = rng.normal(size=(311, 1024))  # of which every tenth is looked at, from the first on
    queries[5::10] = np.sign(queries[5::10])
    away = np.concatenate([np.arange(311), *[np.arange(5, 311, 10)] * 3])
    gallery = (queries[away] * rng.uniform(0.5, 2, (len(away), 1))).astype(np.float32)
    ids = np.concatenate([np.arange(311), 1000 + np.arange(len(away) - 311)])
    search = {"query_features": 1.1 * queries, "gallery_features": gallery, "query_ids": np.arange(311)}
    search["query_features"] = search["query_features"].astype(np.float32)
    monkeypatch.setattr("gprplus.evaluation.products.fastest", lambda *sizes: product)
    found = [one for (one,) in ranks_by({**search, "gallery_ids": ids}, Host, block=150)]
    assert found == [4 if i % 10 == 5 else 1 for i in range(311)]


def test_how_far_rounding_goes_is_seen_of_the_product_that_is_taken(monkeypatch):
    def rounding(queries, gallery, out):
        multiply.by_numpy(queries, gallery, out)
        out *= np.where(np.arange(len(gallery)) % 2, 1, 1 + 6e-6).astype(np.float32)

    search = large()
    expected = ranks_by(search, Host, lambda array: array.astype(np.float64))
    monkeypatch.setattr("gprplus.evaluation.products.fastest", lambda *sizes: rounding)
    assert ranks_by(search, Host, block=150) == expected


def test_a_comparison_that_is_rounded_farther_than_expected_is_not_trusted():
    search = Host(np.eye(3, dtype=np.float32), "cosine")
    query, wanted = np.array([[3, 2, 1]], np.float32), ranks.Wanted(np.array([0]), np.array([0]))

    def decided(width, *similar):
        sieve = ranks.Sieved(np.array([5]), np.array([0]), np.array([1]), np.array([[True]]), np.array(similar))
        return settle._decided(search, query, wanted, sieve, 0.0, width)

    assert decided(4, 2.0, 3.0).tolist() == [5], "each moved by one"
    assert decided(2, 2.0, 3.0) is None
    assert decided(4, 3.0, 4.0) is None


@pytest.mark.parametrize(("people", "spread"), [(10, 0), (10, 1e-6), (100, 0), (100, 1)])
def test_few_people_of_many_pictures_take_no_more_memory_than_is_promised(people, spread):
    rng = np.random.default_rng(4)
    base = rng.random(256).astype(np.float32)
    query, gallery = (base + spread * rng.normal(size=(rows, 256)).astype(np.float32) for rows in (260, 20_000))
    tracemalloc.start()
    score(query, gallery, np.arange(260) % people, np.arange(20_000) % people)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 260 * 20_000 * 4 + (40 << 20) + 150 * 20_260 + 50 * 260 * 20_000 / people


def test_near_pairs_are_the_same_whether_all_are_looked_at_one_by_one_or_not(monkeypatch):
    rng, width = np.random.default_rng(6), np.float32(0.01)
    similar, found = (np.sort(rng.random(count).astype(np.float32)) for count in (500, 5))
    counts = ranks.reached(similar, found + width), ranks.reached(similar, found - width)

    def sifted(pairs):
        monkeypatch.setattr(ranks, "_PAIRS", pairs)
        return ranks.sifted(lambda: (similar, np.arange(500)), found, width, *counts, 500 * ranks._WHOLE)

    one_by_one, fewer = sifted(2500), sifted(2499)
    assert one_by_one.open.sum() == sum(perhaps - surely for surely, perhaps in zip(*counts, strict=True)) > 0
    assert (fewer.open == one_by_one.open).all()
    assert (fewer.wrong == one_by_one.wrong).all()
    assert sifted(one_by_one.open.size - 1) is None, "the whole row is settled"


@pytest.mark.parametrize("rows", [65, 127, 331])
@pytest.mark.parametrize("dimensions", [1, 15, 257])
def test_the_same_picture_ties_wherever_it_stands_and_however_long_its_vector(rows, dimensions):
    rng = np.random.default_rng(rows)
    query = rng.normal(size=(1, dimensions)).astype(np.float32)
    other = rng.normal(size=dimensions).astype(np.float32)
    gallery = np.stack([other * rng.choice([1, 2, 0.5, 4]) for _ in range(rows)])
    for place in (0, rows // 2, rows - 1):
        ids = np.arange(1, rows + 1)
        ids[place] = 0
        assert score(query, gallery, [0], ids).per_query.first_match_rank.tolist() == [rows]


def test_a_network_that_says_the_same_of_all_scores_as_ties_do_even_where_sums_round_one_way():
    lengths = np.random.default_rng(2).uniform(0.5, 2, 600).astype(np.float32)
    gallery = np.repeat(lengths[:, None], 512, 1)
    ids = np.arange(600) % 100
    first = score(gallery[:100], gallery, np.arange(100), ids).per_query.first_match_rank
    assert set(first.tolist()) == {595}, "594 wrong matches stand before the first of six true ones"


@pytest.mark.parametrize("size", [1e-30, 1e-18, 1e18, 1e30])
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_features_of_any_size_score_the_same(size, metric):
    rng = np.random.default_rng(8)
    query, gallery = rng.normal(size=(9, 24)), rng.normal(size=(80, 24))
    ids, gallery_ids = rng.integers(0, 5, 9), rng.integers(0, 5, 80)
    plain = score(query, gallery, ids, gallery_ids, metric=metric)
    scaled = score(*((size * x).astype(np.float32) for x in (query, gallery)), ids, gallery_ids, metric=metric)
    assert scaled.mAP == pytest.approx(plain.mAP, abs=1e-12)
