"""What is ahead, counted by hand; what it takes, added up by pieces."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from gprplus.baseline.image_store import PackingCost
from gprplus.baseline.recipe import Recipe
from gprplus.evaluation.rerank import RerankOptions
from gprplus.experiments import cost_estimate
from tests.support.records import split_of


class Wanted(SimpleNamespace):
    """A target as far as it is counted."""

    def record(self):
        return SimpleNamespace(queries=self.queries, gallery=len(self.uids) - self.queries)


@pytest.fixture
def ahead(tmp_path):
    """Two splits with one arm in common, searched in a target of their own and in a re-ranked one;
    one run is done."""
    recipe = Recipe.read("glance").with_options(epochs=2)

    def case(name, **images):
        arms = {
            arm: {"fingerprint": f"{arm}{size}", "images": size} for arm, size in images.items()
        }
        record = split_of(arms=arms)
        own = Wanted(uids=np.arange(100), queries=10, rerank=None)
        street = Wanted(uids=np.arange(50, 120), queries=20, rerank=RerankOptions())
        split = SimpleNamespace(record=record, arms=list(arms))
        return SimpleNamespace(
            split=split, recipe=recipe, folder=tmp_path / name, targets=[own, street]
        )

    (tmp_path / "b" / "other" / "seed1").mkdir(parents=True)
    earlier = (
        Path(__file__).parents[1]
        / "data"
        / "version_0_1"
        / "runs"
        / "weather"
        / "smoke"
        / "mix"
        / "seed0"
    )
    shutil.copy(earlier / "run.json", tmp_path / "b" / "other" / "seed1")
    return [case("a", all=6400, some=640), case("b", all=6400, other=320)]


def test_a_shared_training_counts_once_and_every_embedding_and_search_counts(ahead):
    todo = cost_estimate.count_workload(ahead, 2, force=False)
    # 64 images a step, 2 epochs: 200 + 20 steps for both seeds, 10 for the one seed of `other` that
    # is not done
    assert todo.steps == 2 * (200 + 20) + 10
    runs = 2 * 2 * 3 - 1  # two splits of two arms and the untrained network, two seeds, one done
    assert todo.embedded == runs * 120
    assert todo.pairs == runs * 10 * 90
    assert todo.reranked == runs * 70 * 70
    assert cost_estimate.count_workload(ahead, 2, force=True).steps == 2 * (200 + 20 + 10)


def test_the_pieces_are_what_each_costs_times_how_often(ahead, monkeypatch):
    monkeypatch.setattr(cost_estimate.timing, "packing_seconds", lambda paths, height, width: 0.5)
    monkeypatch.setattr(cost_estimate.timing, "step_seconds", lambda recipe, device, threads: 2.0)
    monkeypatch.setattr(
        cost_estimate.timing, "embedding_seconds", lambda recipe, device, threads: 0.25
    )
    monkeypatch.setattr(
        cost_estimate,
        "_seconds_a_pair",
        lambda width, device, rerank: 1e-3 if rerank is None else 1e-2,
    )
    todo = cost_estimate.Workload(steps=10, embedded=40, pairs=1000, reranked=100)
    recipe = ahead[0].recipe
    costs = [PackingCost(np.arange(3), np.arange(3), 6, "", ("a.jpg",))]
    assert cost_estimate.estimate_seconds(todo, costs, 3, recipe, "cpu", 1, at_once=2) == {
        "packing": 1.5,
        "training": 10.0,
        "embedding": 5.0,
        "scoring": 1.0,
    }
    nothing = cost_estimate.Workload(0, 0, 0, 0)
    assert sum(cost_estimate.estimate_seconds(nothing, [], 0, recipe, "cpu", 1, 2).values()) == 0


def test_measured_rates_are_of_this_machine_and_positive():
    recipe = Recipe.read("glance")
    assert cost_estimate._seconds_a_pair(64, "cpu", None) > 0
    parts = cost_estimate.estimate_seconds(
        cost_estimate.Workload(1, 1, 1, 0), [], 0, recipe, "cpu", 1, 1
    )
    assert parts["packing"] == 0
    assert all(parts[name] > 0 for name in ("training", "embedding", "scoring"))
