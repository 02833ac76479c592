"""What is ahead, counted by hand; what it takes, added up by pieces."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from gprplus.baseline.recipe import Recipe
from gprplus.evaluation.rerank import RerankOptions
from gprplus.experiments import cost_estimate
from tests.evaluation.test_targets_and_features import target
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
    found = cost_estimate.count_workload(ahead, range(2), force=False)
    todo = found.total()
    # 64 images a step, 2 epochs: 200 + 20 steps for both seeds, 10 for the one seed of `other` that
    # is not done
    assert todo.steps == 2 * (200 + 20) + 10
    runs = 2 * 2 * 3 - 1  # two splits of two arms and the untrained network, two seeds, one done
    assert todo.embedded == runs * 120
    assert todo.pairs == runs * 10 * 90
    assert todo.reranked == runs * 70 * 70
    assert todo.targets == runs * 2
    assert len(found.shared) == 4, "arm `all` and the untrained network of the second split"
    assert sum(one.steps for one in found.shared) == 0
    assert (found.splits, found.scores) == (2, 2 * 2 * 3 * 2)
    forced = cost_estimate.count_workload(ahead, range(2), force=True)
    assert forced.total().steps == 2 * (200 + 20 + 10)


RATES = cost_estimate.Rates(
    process=3.0, training=1.0, step=2.0, embedded=0.25, pair=1e-3, reranked=1e-2, target=0.5
)
SCORED = cost_estimate.Workload(embedded=40, pairs=1000, reranked=100, targets=2)  # 10 + 3 s


def test_the_pieces_are_what_each_costs_and_the_last_run_of_a_worker_ends_a_batch():
    trained = cost_estimate.Workload(5, 40, 1000, 100, 2)  # 11 s of training more
    todo = cost_estimate.Request((SCORED, trained, trained), (SCORED,), splits=1, scores=100)
    parts = cost_estimate.estimate_seconds(todo, RATES, packing=1.5, workers=2, again=10)
    assert parts["packing"] == 1.5
    assert parts["starting"] == 3.0 * 2, "this process, and the workers of the first batch"
    # One worker: 13 + 24 s, the other 24 s; then the shared run, 13 s here: 50 s of 74 s of work.
    assert parts["training"] == pytest.approx(22 * 50 / 74 + 10 * 2.0 / 2)
    assert parts["embedding"] == pytest.approx(40 * 50 / 74)
    assert parts["scoring"] == pytest.approx(12 * 50 / 74)
    assert parts["reporting"] == pytest.approx(1.12 * 3.0 / 2.4), "processes start in 3 s, not 2.4"


def test_nothing_to_do_takes_a_report():
    todo = cost_estimate.Request(splits=1, scores=0)
    parts = cost_estimate.estimate_seconds(todo, cost_estimate.Rates(), 0.0, workers=2)
    assert sum(parts.values()) == parts["reporting"] == 1.0


def test_measured_rates_are_of_this_machine_and_positive():
    work = cost_estimate.Workload(1, 1, 1, 0, 1)
    recipe, targets = Recipe.read("glance"), [target()]
    found = cost_estimate.measure_rates(recipe, "cpu", 1, 1, work, targets)
    assert found.process == found.reranked == 0
    assert min(found.step, found.embedded, found.pair) > 0
    assert min(found.training, found.target) >= 0  # differences, which a busy machine may make 0
