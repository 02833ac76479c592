"""The README is executed: its four commands run in order, on fewer images."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from commands import PROGRAMS

from gprplus.cli import COMMANDS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


# Options that make the four commands small enough for a test.
SMALL = {
    "gprplus render": (
        "--identities 8 --viewpoints 3 --weathers sunny,foggy,blizzard --illuminations noon"
        " --size 48x96"
    ),
    "gprplus build-manifest": "",
    "gprplus make-split --attr=weather": "",
    "gprplus benchmark": "--seeds 2 --steps 4",
}


def blocks(language: str) -> list[str]:
    """Return the fenced blocks of one language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def toured(tmp_path_factory: pytest.TempPathFactory, commands: Any) -> Path:
    """A folder in which the four commands of the README have run with few images."""
    folder = tmp_path_factory.mktemp("tour")
    (four,) = (block for block in blocks("sh") if block.startswith("gprplus render"))
    assert four.splitlines() == list(SMALL)
    for line, small in SMALL.items():
        done = commands.bash(f"{line} {small}", folder)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    return folder


def test_the_installed_program_starts() -> None:
    done = subprocess.run([PROGRAMS / "gprplus", "--version"], capture_output=True, text=True)
    assert done.stdout.startswith("gprplus")


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
