"""The commands that reports print make the same again: in the same place, and in a fresh one."""

import csv
import html
import json
import re
import shutil
import sys
from pathlib import Path

import pytest
from recipes import small_recipe

from gprplus.core.files.workdir import write_text

LAYOUT = r"""
title = "mine"
path = '(?P<identity>\d{4})/(?P=identity)_c(?P<camera>\d\d)_w(?P<weather>\d\d)_l(?P<illumination>\d\d)'
[weather.levels]
01 = "sunny"
04 = "foggy"
[illumination.levels]
03 = "forenoon"
07 = "night"
"""
STUDY = """
recipe = "recipes/tiny.toml"
[study]
name = "pair"
question = "Does it matter?"
[[splits]]
attr = "weather"
controls = false
"""
BUILD = (
    "build-manifest in/my renders --layout in/own.toml --name mine --identities in/people.csv"
    " --verify digest"
)
SPLIT = (
    "make-split --attr weather --manifest out/m --where 'camera <= 2' --levels foggy --test-share"
    " 0.4 --seed 3"
)
TRAIN = (
    "benchmark out/s/dry --recipe recipes/tiny.toml --seeds 2 --target 'other=in/street' --jobs 1"
    " --device cpu"
)


@pytest.fixture(scope="module")
def shell(commands):
    """What bash prints for the lines in a new shell, which finds `gprplus` on no path."""

    def shell(lines, cwd, path="/usr/bin:/bin"):
        ran = commands.bash("\n".join(lines), cwd, path)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout + ran.stderr

    return shell


def printed(page: Path):
    """The lines of "Run it again" on a page."""
    return html.unescape(
        re.search(r"<pre[^>]*>(.*?)</pre>", page.read_text(), re.DOTALL)[1]
    ).splitlines()


def without_folder(lines):
    """The lines for a shell in another folder than the one that they go to first."""
    assert lines[0].startswith("cd ")
    return lines[1:]


def prints(folder: Path):
    """The fingerprints of everything that was made below a folder."""
    records = sorted([*folder.rglob("manifest.json"), *folder.rglob("split.json")])
    found = {
        str(path.relative_to(folder)): json.loads(path.read_text())["fingerprint"]
        for path in records
    }
    runs = {str(path.relative_to(folder)) for path in folder.rglob("run.json")}
    scores = {str(path.relative_to(folder)): table(path) for path in folder.rglob("results.csv")}
    return found, runs, scores


def table(path: Path):
    """A table without the columns of time."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [{name: value for name, value in row.items() if "seconds" not in name} for row in rows]


def fresh(work: Path, tmp_path: Path) -> Path:
    """A place with what the user gave, and nothing that was made of it."""
    for name in ("in", "recipes"):
        shutil.copytree(work / name, tmp_path / name)
    return tmp_path


@pytest.fixture(scope="module")
def work(tmp_path_factory, draw, shell):
    work = tmp_path_factory.mktemp("again")
    draw(work / "in" / "my renders", weathers=("01", "04"))
    (work / "in" / "my renders" / "renders.json").unlink()
    draw(work / "in" / "street", people=4, views=2, weathers=("01",), name="street")
    write_text(work / "in" / "own.toml", LAYOUT)
    write_text(work / "in" / "people.csv", "identity,gender\n0001,male\n0002,female\n")
    write_text(work / "recipes" / "tiny.toml", small_recipe(3))
    write_text(work / "in" / "pair.toml", STUDY)
    lines = [
        BUILD.replace("my renders", "my\\ renders") + " --checks dark -o out/m",
        SPLIT + " -o out/s/dry",
    ]
    lines += [TRAIN + " --margin 0.5 --rerank --root 'mine=in/my renders' -o out/r"]
    lines += [
        "gprplus study in/pair.toml --manifest out/m --target other=in/street --seeds 1 -o"
        " out/study"
    ]
    programs = Path(sys.executable).parent
    lines = [line if line.startswith("gprplus") else f"gprplus {line}" for line in lines]
    shell(lines, work, f"{programs}:/usr/bin:/bin")
    return work


def test_the_commands_of_a_report_state_the_whole_request(work):
    lines = printed(work / "out" / "r" / "dry" / "tiny" / "report.html")
    assert lines == [
        f"cd {work.resolve()}",
        f"export PATH={Path(sys.executable).parent}:$PATH",
        (
            "gprplus build-manifest 'in/my renders' --layout in/own.toml --name mine --identities"
            " in/people.csv --verify digest -o out/m --checks dark"
        ),
        (
            "gprplus make-split --attr=weather --levels foggy --where 'camera <= 2' --seed 3"
            " --test-share 0.4 --manifest out/m -o out/s/dry"
        ),
        (
            "gprplus benchmark out/s/dry --recipe recipes/tiny.toml --seeds 2 --target"
            " other=in/street --root 'mine=in/my renders' --rerank --margin 0.5 --device cpu -o"
            " out/r"
        ),
    ]


@pytest.mark.parametrize(
    "page", ["r/dry/tiny/report.html", "study/study.html", "study/runs/weather/tiny/report.html"]
)
def test_the_commands_of_a_page_run_as_printed_and_find_everything_done(work, page, shell):
    before = prints(work / "out")
    said = shell(printed(work / "out" / page), work / "in")
    assert "Nothing to train" in said
    assert prints(work / "out") == before


def test_the_commands_of_a_report_make_the_same_in_a_fresh_place(work, tmp_path, shell):
    place = fresh(work, tmp_path)
    shell(without_folder(printed(work / "out" / "r" / "dry" / "tiny" / "report.html")), place)
    for part in ("m", "s", "r"):
        assert prints(place / "out" / part) == prints(work / "out" / part)


def test_the_command_of_a_study_makes_the_same_in_a_fresh_place(work, tmp_path, shell):
    place = fresh(work, tmp_path)
    lines = printed(work / "out" / "study" / "study.html")
    assert [line.split()[1] for line in lines[2:]] == ["build-manifest", "study"]
    shell(without_folder(lines), place)
    for part in ("m", "study"):
        assert prints(place / "out" / part) == prints(work / "out" / part)


def test_the_line_that_exports_an_arm_runs_alone(work, shell):
    page = html.unescape((work / "out" / "r" / "dry" / "tiny" / "report.html").read_text())
    [line] = re.findall(r"<code>(cd .* gprplus export .* --arm only-foggy .*)</code>", page)
    assert "images" in shell([line], work / "in")
    assert list((work / "out" / "exports").rglob("bounding_box_train/*.jpg"))
