"""Every method of planning: weights of all cells, the same each time, with reasons."""

import re
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from recipes import small_recipe

import gprplus as gpr
from gprplus.core.errors import PlanError, RequestChanged
from gprplus.ingest.tables.part import halve_by_identity, write_part
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
    (home / "small.toml").write_text(small_recipe(3))
    runs = gpr.benchmark(
        split, home / "runs", recipe=home / "small.toml", seeds=2, targets={"town": target.path}
    )
    options = PlanOptions(
        probe=5, sweeps=1, runs=runs.folders, weathers=(*LEVELS["weathers"], "neutral")
    )
    cells = candidate_cells(options, manifest)
    return PlanProblem(cells, "town", target, manifest, options, home / "plan", 64)


@pytest.mark.parametrize("name", sorted(METHODS))
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
    page = Path(__file__).parents[2] / "docs" / "construct.md"
    table = page.read_text(encoding="utf-8").partition("| method |")[2].partition("\n\n")[0]
    assert sorted(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == sorted(METHODS)


def test_an_effect_is_that_of_the_report_and_an_untried_level_keeps_its_share(problem):
    (evidence,) = effect_evidence(problem)
    rows = (
        gpr.benchmark(
            problem.options.runs[0].parent.parent.parent / "weather",
            problem.options.runs[0].parent.parent,
            recipe=problem.folder.parent / "small.toml",
            seeds=2,
            targets={"town": problem.target.path},
        )
        .contrasts[0]
        .to_pylist()
    )
    wanted = {
        row["contrast"]: (row["value"], row["error"] / 2**0.5)  # half of the variance is of the mix
        for row in rows
        if (row["target"], row["metric"], row["family"]) == ("town", "mAP", "sufficiency")
    }
    assert evidence.levels == ("sunny", "foggy", "neutral")
    measured = list(zip(evidence.estimate[:2], evidence.error[:2], strict=True))
    assert measured == [wanted["only-sunny"], wanted["only-foggy"]]
    assert np.isnan(evidence.estimate[2])
    assert evidence.shares(np.random.default_rng(0))[2] == pytest.approx(1 / 3)
    assert "points of mAP alone against mix" in evidence.sentences[0]


def test_runs_of_another_target_are_refused_with_those_they_have(problem):
    with pytest.raises(PlanError, match="not scored on a target called city, but on town, self"):
        propose(replace(problem, target_name="city"), ["effects"])


def test_runs_on_other_queries_under_the_name_of_the_target_are_refused(problem, tmp_path):
    half, _ = halve_by_identity(problem.target, 0)
    part = write_part(problem.target, half, tmp_path / "half", "half")
    with pytest.raises(PlanError, match=r"queries called town that are not in .*half"):
        propose(replace(problem, target=part), ["failures"])


def test_a_plan_of_runs_is_another_one_when_their_scores_change(problem, tmp_path):
    (run,) = problem.options.runs
    copy = shutil.copytree(run, tmp_path / "runs" / run.name)
    plan = partial(
        gpr.plan_renders,
        "6x3",
        {"town": problem.target.path},
        tmp_path / "plan",
        methods=("failures",),
        runs=(copy,),
        **LEVELS,
    )
    assert plan().made
    assert not plan().made
    table = pq.read_table(copy / "summary.parquet")
    place = table.column_names.index("mAP")
    scores = pc.multiply(table.column("mAP"), 0.5)
    pq.write_table(table.set_column(place, "mAP", scores), copy / "summary.parquet")
    with pytest.raises(RequestChanged, match="runs was"):
        plan()


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
