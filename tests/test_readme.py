"""The README is executed: its four commands run in order, on fewer images."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gprplus.cli import COMMANDS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


# Options that make the four commands small enough for a test.
SMALL = {
    "gprplus render": (
        "--identities 12 --viewpoints 4 --weathers sunny,foggy,blizzard --illuminations noon,night"
    ),
    "gprplus build-manifest": "",
    "gprplus make-split --attr=weather": "",
    "gprplus benchmark": "--seeds 2 --steps 30",
}


def blocks(language: str) -> list[str]:
    """Return the fenced blocks of one language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def run(command: str, folder: Path) -> str:
    """Run one command in the folder as a user would, with this interpreter's scripts first on the
    path."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    environment.pop("GPRPLUS_WORK", None)
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        shell=True,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def toured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the four commands of the README have run with few images."""
    folder = tmp_path_factory.mktemp("tour")
    (four,) = (block for block in blocks("sh") if block.startswith("gprplus render"))
    assert four.splitlines() == list(SMALL)
    for line, small in SMALL.items():
        run(f"{line} {small}", folder)
    return folder


def test_the_four_commands_end_with_a_report(toured: Path) -> None:
    assert (toured / "work/runs/weather/quick/report.html").stat().st_size > 10_000


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_readme(command: str) -> None:
    assert f"`gprplus {command}" in README or f"`{command}`" in README


def test_the_readme_fits_one_screen_and_a_half() -> None:
    assert len(README.splitlines()) <= 100


def test_every_file_the_readme_points_to_is_there() -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)]+)\)", README) + re.findall(
        r'src="(?!https?:)([^"]+)"', README
    ):
        assert (ROOT / target).exists(), target
