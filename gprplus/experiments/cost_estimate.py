"""Cost estimate of a request: counted exactly, with rates measured on this machine."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gprplus.baseline import timing
from gprplus.baseline.image_store import PackingCost
from gprplus.baseline.recipe import Recipe
from gprplus.evaluation.rerank import RerankOptions
from gprplus.evaluation.scoring import score_arrays
from gprplus.experiments import run
from gprplus.experiments.split_job import SplitJob
from gprplus.statistics.summary import UNTRAINED

_QUERIES, _GALLERY = 128, 2048  # a search small enough to be timed in passing


@dataclass(frozen=True)
class Workload:
    """Workload: optimizer steps, images to embed, and pairs of a query and a gallery image to
    compare, in plain and in re-ranked searches.
    """

    steps: int
    embedded: int
    pairs: int
    reranked: int


def count_workload(wanted: Sequence[SplitJob], seeds: int, force: bool) -> Workload:
    """The work of all runs that are missing. What runs share is trained once; each of them embeds
    every image that it is searched for or in once, and searches every target.
    """
    steps: dict[tuple[str, int], int] = {}
    embedded = pairs = reranked = 0
    for case in wanted:
        searched = len(np.unique(np.concatenate([target.uids for target in case.targets])))
        sizes = [(target.record(), target.rerank) for target in case.targets]
        plain = sum(facts.queries * facts.gallery for facts, again in sizes if again is None)
        again = sum(
            (facts.queries + facts.gallery) ** 2 for facts, again in sizes if again is not None
        )
        for arm in (*case.split.arms, UNTRAINED):
            for seed in range(seeds):
                if force or not run.read_run_record(case.folder / arm / f"seed{seed}"):
                    embedded, pairs, reranked = embedded + searched, pairs + plain, reranked + again
                    if arm != UNTRAINED:
                        dealt = case.split.record.arms[arm].dealt_to(seed)
                        steps[dealt.fingerprint, seed] = case.recipe.steps(dealt.images)
    return Workload(sum(steps.values()), embedded, pairs, reranked)


def estimate_seconds(
    todo: Workload,
    costs: Sequence[PackingCost],
    missing: int,
    recipe: Recipe,
    device: str,
    threads: int | None,
    at_once: int,
) -> dict[str, float]:
    """Seconds of packing, training, embedding and scoring, where `at_once` runs go on at the
    measured rates.

    `missing` images have to be packed; `costs` name some of their files.
    """
    paths = [path for cost in costs for path in cost.sample]
    parts = {
        "packing": missing * timing.packing_seconds(paths, recipe.input.height, recipe.input.width)
    }
    if not todo.embedded:
        return {**parts, "training": 0.0, "embedding": 0.0, "scoring": 0.0}
    width = _width(recipe)
    parts["training"] = (
        todo.steps * timing.step_seconds(recipe, device, threads) / at_once if todo.steps else 0.0
    )
    parts["embedding"] = todo.embedded * timing.embedding_seconds(recipe, device, threads) / at_once
    scoring = todo.pairs * _seconds_a_pair(width, device, None) if todo.pairs else 0.0
    scoring += (
        todo.reranked * _seconds_a_pair(width, device, RerankOptions()) if todo.reranked else 0.0
    )
    return {**parts, "scoring": scoring / at_once}


def _width(recipe: Recipe) -> int:
    from gprplus.baseline.network import model

    return int(model.build_model(recipe.network, 2, 0).backbone.width)  # type: ignore[arg-type]


def _seconds_a_pair(width: int, device: str, rerank: RerankOptions | None) -> float:
    """Seconds for each pair of a query and a gallery row (of any two rows, where re-ranked), of
    features like ours."""
    import torch

    rng = np.random.default_rng(0)
    features = torch.from_numpy(
        rng.normal(size=(_QUERIES + _GALLERY, width)).astype(np.float32)
    ).to(device)
    people = rng.integers(0, _QUERIES, len(features))
    sides = (features[:_QUERIES], features[_QUERIES:], people[:_QUERIES], people[_QUERIES:])
    took = []
    for _ in range(2):
        start = time.perf_counter()
        score_arrays(*sides, rerank=rerank)
        took.append(time.perf_counter() - start)
    return min(took) / (_QUERIES * _GALLERY if rerank is None else len(features) ** 2)
