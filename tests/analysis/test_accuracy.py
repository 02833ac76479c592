"""Distance against accuracy over arms: ranks by hand and by scipy, and run folders that say
both."""

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from gprplus.analysis import analyze, distance_vs_map, importance
from gprplus.analysis.debiased import feature_agreement
from gprplus.analysis.matched_sample import CrossedSample
from gprplus.cli import cli
from gprplus.core.errors import AnalysisError
from gprplus.core.files import workdir
from gprplus.ingest import build_manifest
from gprplus.schema import RESULTS, conform
from gprplus.splits import DeclaredArm, make_split

LEVELS = {
    "a": ("foggy",),
    "b": ("clouds", "foggy"),
    "c": ("clouds",),
    "d": ("sunny", "clouds"),
    "e": ("sunny",),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory, draw):
    """Five arms from fog to sun, a foggy target, and scores that fall from the first arm to the
    last."""
    folder = tmp_path_factory.mktemp("accuracy")
    build_manifest([draw(folder / "engine", people=8, views=2, lights=["03"])], folder / "manifest")
    build_manifest(
        [draw(folder / "fog", people=6, weathers=["04"], lights=["03"], name="fog")],
        folder / "foggy",
    )
    arms = [DeclaredArm(name, {"weather": levels}, images=8) for name, levels in LEVELS.items()]
    make_split(
        folder / "manifest",
        "weather",
        output=folder / "split",
        design="declared",
        arms=arms,
        test_share=0,
    )
    rows = [
        {
            "split": "split",
            "arm": arm,
            "target": "fog",
            "seed": seed,
            "mAP": 0.5 - 0.1 * place + 0.01 * seed,
        }
        for place, arm in enumerate([*LEVELS, "untrained"])
        for seed in (0, 1)
    ]
    workdir.write_table(
        folder / "runs" / "smoke" / "results.parquet", conform(pa.Table.from_pylist(rows), RESULTS)
    )
    workdir.write_json(
        folder / "runs" / "smoke" / "benchmark.json", {"request": {}, "split_path": "../../split"}
    )
    return folder


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=3, max_size=12))
def test_ranks_with_ties_are_scipys(pairs):
    one, two = np.array(pairs, dtype=float).T
    found = distance_vs_map.spearman(one, two)
    if np.ptp(one) == 0 or np.ptp(two) == 0:
        assert found is None
    else:
        assert found == pytest.approx(spearmanr(one, two).statistic)


@pytest.mark.parametrize(
    ("light", "agreement"),
    [
        ([0.1, 0.1, 0.1, 0.1 + 1e-15], None),
        ([0.4, 0.3, 0.3, 0.1], -0.9486833),
        ([0.1, 0.2, 0.3, 0.4], 1.0),
    ],
    ids=["equally far", "two are tied", "the same order"],
)
def test_levels_that_tie_have_mean_ranks(light, agreement):
    """With ranks 4, 2.5, 2.5 and 1 against 1 to 4 the products about the means sum to -4.5, and the
    squares to 4.5 and 5: -4.5 / sqrt(22.5). Levels that are all equally far agree with nothing."""
    kinds = {"all": [0.1, 0.2, 0.3, 0.4], "luminance": light}
    table = pa.Table.from_pylist(
        [
            {"attribute": "weather", "measure": "energy", "features": kind, "distance": distance}
            for kind, each in kinds.items()
            for distance in each
        ]
    )
    found = feature_agreement(table, "weather", "all", "luminance")
    assert found == (None if agreement is None else pytest.approx(agreement))


def test_a_score_that_never_varies_has_no_shares_and_no_importance():
    crossed = CrossedSample(
        np.arange(30).reshape(5, 3, 2), ("weather", "light"), (("a", "b", "c"), ("x", "y")), 5
    )
    rng = np.random.default_rng(0)
    assert importance.importance_effects({"raw": np.ones(30)}, crossed, rng) == []
    assert importance.measure_importance(np.ones(30), crossed, rng)[:2] == (None, [])


def test_arms_nearer_to_the_target_were_better_here_and_the_tables_stay_apart(home):
    (found,) = analyze(
        home / "manifest", {"fog": home / "foggy"}, output=home / "out", attributes=["weather"], images=20, people=5,
        runs=[home / "runs"],
    )  # fmt: skip
    rows = found.tables["arms"].to_pylist()
    assert [row["arm"] for row in rows] == list(
        LEVELS
    )  # the untrained floor has no images to be near by
    assert rows[0]["mAP"] == pytest.approx(0.505)
    assert rows[0]["distance"] < rows[-1]["distance"]
    by_guess = {row["guess"]: row for row in found.info["accuracy"]}
    assert by_guess["nearness"]["correlation"] >= 0.9
    assert by_guess["nearness"]["low"] <= by_guess["nearness"]["correlation"]
    assert by_guess["images"]["correlation"] is None  # all arms have one size
    assert by_guess["nearness in light"]["arms"] == 5
    assert "mAP" not in found.distances.column_names


def test_the_command_prints_it_in_a_table_of_its_own(home):
    arguments = [
        "analyze",
        "--manifest",
        str(home / "manifest"),
        "--target",
        f"fog={home / 'foggy'}",
    ]
    arguments += [
        "--attr",
        "weather",
        "--images",
        "20",
        "--people",
        "5",
        "--runs",
        str(home / "runs"),
    ]
    shown = CliRunner().invoke(cli, [*arguments, "-o", str(home / "out")])
    assert shown.exit_code == 0, shown.output
    assert "rank correlation with mAP over 5 trained arms" in shown.output
    assert "choose by distance only where it ranks 20 arms" in shown.output


def test_runs_that_were_scored_elsewhere_or_are_none_are_said(home, tmp_path):
    options = {"attributes": ["weather"], "images": 20, "people": 5}
    (found,) = analyze(
        home / "manifest", {"x": home / "foggy"}, output=tmp_path, runs=[home / "runs"], **options
    )
    assert "arms" not in found.tables
    assert any("No arm of the runs" in note for note in found.info["notes"])
    with pytest.raises(AnalysisError, match="holds no finished benchmark"):
        analyze(
            home / "manifest",
            {"x": home / "foggy"},
            output=tmp_path / "y",
            runs=[tmp_path],
            **options,
        )
