"""What commands say and draw when nobody chose: the rows of a sheet, the line to type next, the
size of a request."""

import numpy as np
import pytest
from click.testing import CliRunner
from recipes import small_work

from gprplus.cli import cli
from gprplus.cli.benchmark import print_plan
from gprplus.core.errors import SplitError
from gprplus.core.imaging.images import encode_jpeg
from gprplus.reporting.split_sheet import arm_grid
from gprplus.splits import Split


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


@pytest.fixture(scope="module")
def split(tmp_path_factory, draw):
    folder = small_work(draw, tmp_path_factory.mktemp("sheet"), steps=1)
    return Split.open(folder / "splits" / "weather")


def test_a_sheet_of_a_split_has_its_arms_as_rows_and_matched_columns(split):
    grid = arm_grid(split, columns=3)
    assert grid.rows == split.arms
    assert len(grid.columns) == 3
    assert len({label.split()[0] for label in grid.columns}) == 3, "one identity each"
    known = dict(zip(grid.rows, grid.cells, strict=True))
    assert all(cell is not None for cell in known["only-sunny"] + known["only-foggy"])
    assert not np.array_equal(known["only-sunny"][0], known["only-foggy"][0])
    drawn = {image.tobytes() for image in known["mix"] if image is not None}
    own = [image.tobytes() for name in ("only-sunny", "only-foggy") for image in known[name]]
    assert drawn <= set(own), "the mixture shows the same identities under the same conditions"


def test_a_sheet_of_one_arm_by_an_attribute(split, tmp_path):
    assert arm_grid(split, ["only-foggy"], "weather").rows == ["foggy"]
    assert arm_grid(split, ["mix"], "weather").rows == ["sunny", "foggy"]
    sheet = tmp_path / "mix.png"
    assert f"Wrote {sheet}." in run("inspect", split.path, "--sheet", sheet, "--arm", "mix")
    with pytest.raises(SplitError, match=r"has no arm .mixx.. Did you mean .mix."):
        arm_grid(split, ["mixx"])
    with pytest.raises(SplitError, match=r"has the attribute .whether.. Did you mean .weather."):
        arm_grid(split, by="whether")


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
