"""Every method of planning: weights of all cells, the same each time, with reasons."""

from dataclasses import replace

import numpy as np
import pytest

import gprplus as gpr
from gprplus.core.errors import PlanError
from gprplus.planning.cells import candidate_cells
from gprplus.planning.evidence.effects import effect_evidence
from gprplus.planning.methods.known import propose
from gprplus.planning.methods.proposal import METHODS, PlanProblem, Proposal, mix_proposals
from gprplus.planning.options import PlanOptions

LEVELS = {"viewpoints": 2, "weathers": ("sunny", "foggy"), "illuminations": ("noon", "night")}


@pytest.fixture(scope="module")
def problem(tmp_path_factory):
    """Images, a target of other identities, and a benchmark of both weathers scored on it."""
    home = tmp_path_factory.mktemp("methods")
    gpr.render(home / "engine", identities=8, size="32x64", **LEVELS)
    manifest = gpr.build_manifest(home / "engine", home / "manifest")
    gpr.render(home / "town", identities=8, size="32x64", seed=5, **LEVELS)
    target = gpr.build_manifest(home / "town", home / "target")
    split = gpr.make_split(
        manifest, "weather", home / "weather", controls=False, cross_level_tests=False
    )
    runs = gpr.benchmark(
        split, home / "runs", recipe="smoke", steps=3, seeds=2, targets={"town": target.path}
    )
    options = PlanOptions(
        probe=5, sweeps=1, runs=runs.folders, weathers=(*LEVELS["weathers"], "neutral")
    )
    cells = candidate_cells(options, manifest)
    return PlanProblem(cells, "town", target, manifest, options, home / "plan", 64)


@pytest.mark.parametrize(
    "name", ["uniform", "matched", "descent", *["distances", "effects", "failures", "holes"]]
)
def test_weights_are_shares_and_the_same_each_time(problem, name):
    (found,) = propose(problem, [name])
    (again,) = propose(problem, [name])
    assert found.method == name
    assert found.weights.shape == (len(problem.cells),)
    assert found.weights.min() >= 0
    assert found.weights.sum() == pytest.approx(1)
    assert (found.weights == again.weights).all()
    assert found.reason(problem.cells, 0).startswith(f"{name}: ")


def test_the_list_of_the_page_is_complete():
    propose_all = {"uniform", "matched", "descent", "distances", "effects", "failures", "holes"}
    assert set(METHODS) == propose_all


def test_an_effect_is_that_of_the_report_and_an_untried_level_keeps_its_share(problem):
    (evidence,) = effect_evidence(problem)
    rows = (
        gpr.benchmark(
            problem.options.runs[0].parent.parent.parent / "weather",
            problem.options.runs[0].parent.parent,
            recipe="smoke",
            steps=3,
            seeds=2,
            targets={"town": problem.target.path},
        )
        .contrasts[0]
        .to_pylist()
    )
    wanted = {
        row["contrast"]: row["value"]
        for row in rows
        if (row["target"], row["metric"], row["family"]) == ("town", "mAP", "sufficiency")
    }
    assert evidence.levels == ("sunny", "foggy", "neutral")
    assert evidence.estimate[:2] == pytest.approx([wanted["only-sunny"], wanted["only-foggy"]])
    assert np.isnan(evidence.estimate[2])
    assert evidence.shares(np.random.default_rng(0))[2] == pytest.approx(1 / 3)
    assert "points of mAP alone against mix" in evidence.sentences[0]


def test_runs_of_another_target_are_refused_with_those_they_have(problem):
    with pytest.raises(PlanError, match="not scored on a target called city, but on town, self"):
        propose(replace(problem, target_name="city"), ["effects"])


def test_a_mixture_weights_its_proposals_and_names_the_largest_first(problem):
    count = len(problem.cells)
    first, second = np.zeros(count), np.zeros(count)
    first[0], second[1] = 1.0, 1.0
    parts = [
        Proposal("a", first, {("weather", 0): "of a"}),
        Proposal("b", second, {("weather", 0): "of b"}, probes=3),
    ]
    mixed = mix_proposals(parts, [1, 3])
    assert mixed.weights[:2].tolist() == [0.25, 0.75]
    assert mixed.method == "25% a + 75% b"
    assert mixed.sentences == {("weather", 0): "of b"}
    assert mixed.probes == 3
