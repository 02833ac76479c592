"""How objects show themselves: three lines in a terminal, a table in a notebook, names from files
escaped."""

import html

import pytest
from recipes import small_recipe

import gprplus as gpr


@pytest.fixture(scope="module")
def made(draw, tmp_path_factory):
    """A manifest, a split and a benchmark of one step."""
    home = tmp_path_factory.mktemp("shown")
    renders = draw(home / "renders" / "engine", people=8, views=3, weathers=("01", "04"))
    (home / "one.toml").write_text(small_recipe(1))
    manifest = gpr.build_manifest(renders, home / "manifest", workers=1)
    split = gpr.make_split(
        manifest, "weather", output=home / "split", levels="sunny,foggy", deals=2
    )
    options = {"recipe": home / "one.toml", "device": "cpu", "jobs": 1, "seeds": 2}
    planned = gpr.benchmark(split, home / "runs", dry_run=True, **options)
    result = gpr.benchmark(split, home / "runs", **options)
    return {"split": split, "arm": split.arm("mix", 1), "plan": planned, "result": result}


@pytest.mark.parametrize("name", ["split", "arm", "plan", "result"])
def test_a_repr_fits_three_lines(made, name):
    lines = repr(made[name]).split("\n")
    assert len(lines) <= 3
    assert not repr(made[name]).startswith("<")
    assert made[name]._repr_html_().startswith("<")


def test_what_a_split_and_its_arm_show(made):
    split, arm = made["split"], made["arm"]
    assert repr(split).startswith(
        "Split split by weather, design only: 4 arms, 2 deals\n  images: only-sunny "
    )
    images, test = arm.images, split.record.test
    assert repr(arm) == f"Arm mix: {images} images, {arm.identities} identities, deal 1"
    assert f"test: {test.queries} queries, {test.gallery} gallery images" in repr(split)
    assert "<td>only-foggy</td><td>only</td>" in split._repr_html_()


def test_a_result_has_a_summary_a_verdict_and_its_folders(made):
    result = made["result"]
    summary = result.summary().to_pandas()
    assert set(summary["arm"]) == {*made["split"].arms, "untrained"}
    assert list(result) == list(result.folders)
    assert len(gpr.report(result)) == 3
    assert html.escape(result.verdicts()[0].split("\n")[0]) in result._repr_html_()
    assert repr(made["plan"]).startswith("Benchmark of one, 2 seeds, ")
    assert made["plan"].summary().num_rows == 0
