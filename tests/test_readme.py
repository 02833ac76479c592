"""The README is executed: what it tells a newcomer to type works, in its order, as it stands."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gprplus.cli import COMMANDS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The fenced blocks of one language, in order. `bash` and `python` are run; `sh` shows what needs data or hours."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def run(command: list[str] | str, folder: Path) -> str:
    """Run one command in the folder as a user would, with this interpreter's scripts first on the path."""
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
        shell=isinstance(command, str),
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def toured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the README's bash blocks have been typed, one line after the other."""
    folder = tmp_path_factory.mktemp("tour")
    for block in blocks("bash"):
        for line in filter(None, (line.split("#")[0].strip() for line in block.splitlines())):
            run(line, folder)
    return folder


def test_the_tour_ends_with_a_report(toured: Path) -> None:
    assert (toured / "work/runs/weather/smoke/report.html").stat().st_size > 10_000


def test_the_python_blocks_run_where_the_tour_ended(toured: Path) -> None:
    assert blocks("python")
    for block in blocks("python"):
        run([sys.executable, "-c", block], toured)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_readme(command: str) -> None:
    assert f"`gprplus {command}" in README or f"`{command}`" in README


def test_the_literal_commands_stand_in_the_readme() -> None:
    for line in (
        "gprplus render",
        "gprplus build-manifest",
        "gprplus make-split --attr=weather",
        "gprplus benchmark",
    ):
        assert re.search(rf"^{re.escape(line)}\s*(#.*)?$", README, flags=re.MULTILINE)


def test_every_file_the_readme_points_to_is_there() -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)]+)\)", README) + re.findall(r'src="(?!https?:)([^"]+)"', README):
        assert (ROOT / target).exists(), target
