"""Ranked lists of given features as a picture: which cells are right is seen by their frames."""

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import gprplus as gpr
from gprplus.cli import cli
from gprplus.evaluation.ranked_sheet import RIGHT, WRONG, draw_ranked_lists
from gprplus.evaluation.targets import own_test_target


@pytest.fixture(scope="module")
def split(tmp_path_factory, draw):
    work = tmp_path_factory.mktemp("ranked")
    draw(work / "engine", people=8, views=3, weathers=("01", "04"))
    gpr.build_manifest([work / "engine"], work / "manifest", workers=1)
    return gpr.make_split(
        work / "manifest", "weather", output=work / "split", test_share=0.5, cross_level_tests=False
    )


def count(sheet, colour):
    return int((np.abs(sheet.astype(int) - colour).sum(2) == 0).sum())


def test_frames_show_what_is_right(split, tmp_path):
    target = own_test_target(split)
    names = target.rows.column("identity").to_pylist()
    perfect = np.eye(len(set(names)))[np.unique(names, return_inverse=True)[1]]
    _, queries = target.score(perfect)
    table = target.ranked(perfect, queries)
    sheet = draw_ranked_lists(table, target.roots)
    shown = table.column("match").to_pylist()
    assert count(sheet, RIGHT) / count(sheet, WRONG) == pytest.approx(
        shown.count(True) / shown.count(False), rel=0.01
    )
    assert count(draw_ranked_lists(table, dict.fromkeys(target.roots, tmp_path)), RIGHT) == 0


def test_the_command_draws_the_features_it_scores(split, tmp_path):
    features = np.random.default_rng(0).normal(size=(split.test().num_rows, 4))
    np.savez(tmp_path / "f.npz", features=features)
    command = ["score", "--features", str(tmp_path / "f.npz"), "--split", str(split.path)]
    command += ["--ranked-lists", str(tmp_path / "lists.png")]
    CliRunner().invoke(cli, command, catch_exceptions=False)
    with Image.open(tmp_path / "lists.png") as image:
        assert image.width > 9 * 80
    refused = CliRunner().invoke(cli, [*command, "--rerank"])
    assert "--ranked-lists shows rankings by cosine" in str(refused.exception) + refused.output
