"""What commands say and draw when nobody chose: the rows of a sheet, the line to type next, the
size of a request."""

import numpy as np
import pytest
from click.testing import CliRunner

from gprplus.cli import cli
from gprplus.cli.benchmark import print_plan
from gprplus.core.imaging.images import encode_jpeg


def run(*arguments: object) -> str:
    ran = CliRunner().invoke(cli, list(map(str, arguments)))
    assert ran.exit_code == 0, ran.output
    return ran.output


def test_a_sheet_of_a_dataset_without_weather_shows_the_first_attribute_it_knows(tmp_path):
    names = [
        f"query/{person:04d}_c{camera}s1_00000{camera}_00.jpg"
        for person in (1, 2)
        for camera in (1, 2)
    ]
    for name in names:
        path = tmp_path / "market" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_jpeg(np.full((128, 64, 3), 90, np.uint8)))
    manifest, sheet = tmp_path / "manifest", tmp_path / "sheet.png"
    run("build-manifest", tmp_path / "market", "-o", manifest, "--layout", "market1501")
    assert f"Wrote {sheet}." in run("inspect", manifest, "--sheet", sheet)
    assert sheet.stat().st_size > 0


def test_the_line_to_type_next_can_be_typed_where_names_have_blanks(tmp_path):
    renders, manifest, split = tmp_path / "r", tmp_path / "m", tmp_path / "my splits" / "by hour"
    few = [
        "--identities",
        8,
        "--viewpoints",
        2,
        "--weathers",
        "sunny",
        "--size",
        "16x32",
        "--workers",
        1,
    ]
    run("render", *few, "-o", renders)
    run("build-manifest", renders, "-o", manifest)
    said = run("make-split", "--attr", "illumination", "--manifest", manifest, "-o", split)
    assert f"next: gprplus benchmark '{split}'\n" in said
    said = run(
        "make-split",
        "--attr",
        "illumination",
        "--manifest",
        manifest,
        "-o",
        tmp_path / "s",
        "--test-share",
        0,
    )
    assert f"next: gprplus benchmark {tmp_path / 's'} --target NAME=FOLDER\n" in said


@pytest.mark.parametrize(("seeds", "said"), [(1, "1 seed,"), (2, "2 seeds,")])
def test_a_plan_counts_its_seeds_in_english(capsys, seeds, said):
    from gprplus.experiments.benchmark_result import BenchmarkCost

    print_plan(
        BenchmarkCost("smoke", "asked for", "cpu", 1, seeds, 4, 0, 0, images=8, missing=0, bytes=0)
    )
    assert said in capsys.readouterr().out
