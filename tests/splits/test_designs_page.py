"""docs/designs.md is executed: every command on it works, in its order, and every design stands on
it."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from gprplus.cli import cli
from gprplus.splits.designs import DESIGNS
from gprplus.splits.request import ON_MISSING

PAGE = (Path(__file__).parents[2] / "docs" / "designs.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("name", [*DESIGNS, *ON_MISSING])
def test_every_design_and_policy_is_on_the_page(name):
    assert f"| `{name}` |" in PAGE


def test_every_example_of_a_design_asks_for_that_design():
    for name, one in DESIGNS.items():
        chosen = name in ("only", "persons", "identity") or f"--design {name}" in one.example
        assert chosen, f"{name}: {one.example}"


def test_the_page_runs_as_it_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GPRPLUS_WORK", raising=False)
    for block in blocks("bash"):
        for line in block.splitlines():
            done = CliRunner().invoke(cli, shlex.split(line)[1:])
            assert done.exit_code == 0, f"{line}\n{done.output}\n{done.exception}"
    for block in blocks("python"):
        exec(block, {})
