"""Exact evaluation against its floor, the matrix product alone, at the sizes of Market-1501 and
MSMT17."""

import os
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks import harness
from benchmarks.ratios import Ratio
from gprplus.evaluation import Scores, score
from gprplus.evaluation.rerank import RerankOptions
from gprplus.evaluation.similarity_search import HOST_BLOCK

DIMENSIONS = 2048
MARKET = {"queries": 3_368, "gallery": 15_913, "distractors": 2_798, "people": 750, "cameras": 6}
MSMT17 = {"queries": 11_659, "gallery": 82_161, "distractors": 0, "people": 3_060, "cameras": 15}


def searched(
    queries: int, gallery: int, distractors: int, people: int, cameras: int
) -> dict[str, np.ndarray]:
    """Unit features planted around a centre a person, `(rows, 2048) float32`, with persons and
    cameras."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(people, DIMENSIONS)).astype(np.float32)

    def planted(ids: np.ndarray) -> np.ndarray:
        features = 4 * rng.standard_normal((len(ids), DIMENSIONS), dtype=np.float32)
        features[ids >= 0] += centres[ids[ids >= 0]]
        return features / np.linalg.norm(features, axis=1, keepdims=True)

    query_ids = rng.integers(0, people, queries)
    gallery_ids = np.concatenate(
        [rng.integers(0, people, gallery - distractors), -np.arange(1, distractors + 1)]
    )
    return {
        "query_features": planted(query_ids),
        "gallery_features": planted(gallery_ids),
        "query_ids": query_ids,
        "gallery_ids": gallery_ids,
        "query_cams": rng.integers(0, cameras, queries),
        "gallery_cams": rng.integers(0, cameras, gallery),
    }


def main() -> None:
    """Print and keep seconds of product and score, their ratio, and memory beyond the features."""
    load = os.getloadavg()[0]
    rows = [
        ["Market-1501, one thread", *harness.on_one_thread(_measured, MARKET)],
        ["Market-1501, all cores", *_measured(MARKET)],
        ["MSMT17, all cores", *_measured(MSMT17)],
    ]
    headers = [
        "size of",
        "matrix",
        "product alone, s",
        "score, s",
        "ratio",
        "memory beyond features, MiB",
        "mAP",
    ]
    body = (
        harness.table(headers, rows)
        + "\n\nLeast of seven (MSMT17: of two): processor seconds on one thread, which a busy"
        " machine disturbs little, else by the clock. Features are planted, 2048 float32 each."
        " Both multiply by NumPy's library, in blocks of the score's size. Memory is the peak that"
        f" NumPy asked for. The load average at the start was {load:.1f}: where it is not near 0,"
        " figures by the clock compare little."
    )
    headers = [
        "size of",
        "rows",
        "product of all rows, s",
        "re-ranked score, s",
        "ratio",
        "memory, MiB",
        "mAP",
    ]
    again = [["Market-1501, one thread", *harness.on_one_thread(_reranked, MARKET)]]
    body += "\n\n" + harness.table(headers, again)
    body += (
        "\n\nRe-ranking (k1 20, k2 6, lambda 0.3) cannot do without the distances among all rows,"
        " queries and gallery alike: that product is its floor. The product of queries and gallery"
        " is computed twice rather than kept. In one piece, as in the common script, they and the"
        " neighbour vectors would take four matrices of that size, 1.4 GiB each."
    )
    harness.keep("evaluation", "Exact evaluation against the matrix product alone", body)


def ratios(scratch: Path, queries: int = 600, gallery: int = 6_000) -> list[Ratio]:
    """Scores over the product of all features that they need, at a fraction of Market-1501."""
    size = {"distractors": gallery // 6, "people": gallery // 20, "cameras": 6}
    search = searched(queries, gallery, **size)
    few = searched(queries, gallery // 2, **size | {"distractors": gallery // 12})
    rows = np.concatenate([few["query_features"], few["gallery_features"]])
    return [
        Ratio(
            "evaluation: score / product",
            lambda: score(**search),
            product(search["query_features"], search["gallery_features"]),
        ),
        Ratio(
            "evaluation: re-rank / product of all rows",
            lambda: score(**few, rerank=RerankOptions()),
            product(rows, rows),
            rounds=3,
        ),
    ]


def _measured(size: dict[str, int]) -> list[str]:
    search = searched(**size)
    query, gallery = search["query_features"], search["gallery_features"]
    repeats = 7 if len(gallery) < 50_000 else 2
    bare = product(query, gallery)
    products, scores = [], []
    for _ in range(repeats):
        products.append(_seconds(bare))
        scores.append(_seconds(lambda: score(**search)))
    memory, found = _memory(lambda: score(**search))
    alone, whole = min(products), min(scores)
    matrix = f"{len(query):,} x {len(gallery):,}"
    return [
        matrix,
        f"{alone:.3f}",
        f"{whole:.3f}",
        f"{whole / alone:.2f}",
        f"{memory:.0f}",
        f"{found.mAP:.6f}",
    ]


def _reranked(size: dict[str, int]) -> list[str]:
    search = searched(**size)
    rows = np.concatenate([search["query_features"], search["gallery_features"]])
    floor = _seconds(product(rows, rows))
    whole = _seconds(lambda: score(**search, rerank=RerankOptions()))
    memory, found = _memory(lambda: score(**search, rerank=RerankOptions()))
    count = size["queries"] + size["gallery"]
    return [
        f"{count:,}",
        f"{floor:.2f}",
        f"{whole:.2f}",
        f"{whole / floor:.2f}",
        f"{memory:.0f}",
        f"{found.mAP:.6f}",
    ]


def _memory(function: Callable[[], Scores]) -> tuple[float, Scores]:
    """The peak in MiB that NumPy asked for, and what the function gave."""
    tracemalloc.start()
    found = function()
    memory = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    return memory, found


def product(left: np.ndarray, right: np.ndarray) -> Callable[[], None]:
    """A call that multiplies all rows of two matrices, in blocks of the size that `score` uses."""
    block = np.empty((max(1, HOST_BLOCK // (4 * len(right))), len(right)), np.float32)

    def multiply() -> None:
        for start in range(0, len(left), len(block)):
            part = left[start : start + len(block)]
            np.matmul(part, right.T, out=block[: len(part)])

    return multiply


def _seconds(function: Callable[[], object]) -> float:
    """Processor seconds where there is one thread; by the clock where threads wait for each other,
    busily."""
    clock = time.process_time if os.environ.get("OMP_NUM_THREADS") == "1" else time.perf_counter
    start = clock()
    function()
    return clock() - start
