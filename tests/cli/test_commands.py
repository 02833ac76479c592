"""The command line is the tour: every command explains itself, quickly, and fails in one
sentence."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from PIL import Image

from gprplus import __version__
from gprplus.cli import COMMANDS, cli

HEAVY = ("torch", "pandas", "pyarrow", "numpy", "cv2", "PIL", "matplotlib")


def gprplus(*arguments: str, cwd=None) -> subprocess.CompletedProcess:
    """The command line in a process of its own, as a user starts it."""
    return subprocess.run(
        [sys.executable, "-m", "gprplus", *arguments], capture_output=True, text=True, cwd=cwd
    )


def command(name: str) -> click.Command:
    return cli.get_command(click.Context(cli), name)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_what_it_does_and_shows_an_example(name):
    shown = CliRunner().invoke(cli, [name, "--help"])
    assert shown.exit_code == 0
    assert re.search(rf"^\s+gprplus {name}\b", shown.output, re.MULTILINE), "no example"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_the_command_says(name):
    assert command(name).name == name
    assert command(name).help.strip().splitlines()[0] == COMMANDS[name]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_explained(name):
    for parameter in command(name).params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            assert parameter.help, parameter.name
            sentence = parameter.help.partition("\n")[0]  # the choices follow
            assert re.sub(r"\s*\[default: .*\]$", "", sentence).endswith("."), parameter.help


def test_the_help_of_checks_names_the_columns_that_each_adds(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = CliRunner().invoke(cli, ["build-manifest", "--help"]).output.splitlines()
    assert [line.split() for line in lines if line.startswith("    sharpness")] == [
        ["sharpness", "sharpness_score", "is_blurry"]
    ]


def test_one_option_has_one_meaning():
    switches: dict[str, set[tuple[str, bool]]] = {}
    for name in COMMANDS:
        for parameter in command(name).params:
            for switch in parameter.opts:
                if switch in (
                    "--seed",
                    "--work",
                    "--force",
                    "--json",
                    "--dry-run",
                    "--device",
                    "--workers",
                    "--root",
                ) and (name, switch) != ("build-manifest", "--root"):  # there, of a table
                    switches.setdefault(switch, set()).add((parameter.help, parameter.is_flag))
    assert {switch: meanings for switch, meanings in switches.items() if len(meanings) > 1} == {}


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_answers_without_loading_anything_heavy(name):
    line = (
        "import sys, json\n"
        "from gprplus.cli import cli\n"
        f"cli({[*filter(None, [name]), '--help']!r}, standalone_mode=False)\n"
        f"print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))"
    )
    ran = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout.splitlines()[-1]) == []


def test_the_front_page_lists_the_commands_in_the_order_of_the_work():
    shown = CliRunner().invoke(cli, ["--help"]).output
    places = [shown.index(f"  {name} ") for name in COMMANDS]
    assert places == sorted(places)


def test_an_unknown_command_offers_the_nearest():
    ran = gprplus("bild-manifest")
    assert ran.returncode == 2
    assert "There is no command 'bild-manifest'. Did you mean 'build-manifest'?" in ran.stderr


def test_a_problem_the_user_can_fix_is_one_sentence_and_exit_code_one(tmp_path):
    ran = gprplus("study", "nowhere.toml", cwd=tmp_path)
    assert ran.returncode == 1
    assert ran.stdout == ""
    assert ran.stderr.startswith("Error: nowhere.toml cannot be read")
    assert "Traceback" not in ran.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments", [("study",), ("study", "x", "--nonsense"), ("render", "--seed", "many")]
)
def test_wrong_usage_is_exit_code_two(arguments):
    ran = gprplus(*arguments)
    assert ran.returncode == 2
    assert "Usage: " in ran.stderr


def test_the_version_is_the_packages():
    assert gprplus("--version").stdout.strip() == f"gprplus, version {__version__}"


@pytest.mark.parametrize(
    "program", [["-m", "gprplus", "build-manifest", "--checks", "--work", "w"], ["crops"]]
)
def test_opencv_that_does_not_load_is_one_sentence_with_the_remedy(tmp_path, draw, program):
    draw(tmp_path / "w" / "renders" / "engine", people=2)
    (tmp_path / "cv2").mkdir()
    (tmp_path / "cv2" / "__init__.py").write_text(
        'raise ImportError("libGL.so.1: cannot open shared object file")'
    )
    tool = Path(__file__).parents[2] / "tools" / "frames_to_crops.py"
    frames = tmp_path / "w" / "renders" / "engine"
    first = next(frames.rglob("*.jpg"))
    mask = (tmp_path / "masks" / first.relative_to(frames)).with_suffix(".png")
    mask.parent.mkdir(parents=True)
    with Image.open(first) as image:
        Image.new("L", image.size).save(mask)
    masks = [str(tool), str(frames), "--masks", "masks", "-o", "c"]
    paths = os.pathsep.join([str(tmp_path), str(tool.parents[1])])
    ran = subprocess.run(
        [sys.executable, *(masks if program == ["crops"] else program)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert ran.returncode == 1
    assert ran.stderr.count("\n") == 1
    assert ran.stderr.startswith(
        "Error: OpenCV does not load (libGL.so.1: cannot open shared object file)."
    )
    assert "pip install opencv-python-headless" in ran.stderr


def test_an_option_with_one_value_is_refused_twice():
    ran = gprplus("render", "--seed", "1", "--seed=2")
    assert ran.returncode == 2
    assert "--seed takes one value, and is given 2 times." in ran.stderr


def test_help_has_its_short_form_also_after_a_command_ran_without_the_group():
    command = cli.get_command(click.Context(cli), "export")
    CliRunner().invoke(command, ["--help"])
    assert "-h, --help" in CliRunner().invoke(cli, ["export", "--help"]).output
