"""docs/audit.md and docs/exports.md are executed: what they say to type works, in its order."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from gprplus.cli import cli

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("page", ["audit.md", "exports.md"])
def test_every_block_of_the_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GPRPLUS_WORK", raising=False)
    blocks = re.findall(
        r"^```(bash|python)\n(.*?)^```", (DOCS / page).read_text(encoding="utf-8"), re.M | re.S
    )
    assert blocks
    for language, block in blocks:
        if language == "python":
            exec(block, {})
            continue
        for line in block.splitlines():
            name, *words = shlex.split(line)
            assert name == "gprplus"
            done = CliRunner().invoke(cli, words)
            assert done.exit_code == 0, f"{line}\n{done.output}\n{done.exception}"
