"""docs/analysis.md is executed, and names every measure, kind of features, setting and way to
choose that there is."""

import re
import shlex
from dataclasses import fields
from pathlib import Path

import pytest
from click.testing import CliRunner

from gprplus.analysis.features.base import LEARNT
from gprplus.analysis.features.registry import KNOWN
from gprplus.analysis.paper.settings import RULES, PaperSettings
from gprplus.analysis.subset_search.baselines import CHOSEN, DRAWN
from gprplus.cli import cli

PAGE = (Path(__file__).parents[2] / "docs" / "analysis.md").read_text(encoding="utf-8")
NAMED = [*LEARNT, *(name for name in KNOWN if name not in ("FILE", "reid:PATH")), *RULES, *DRAWN]
NAMED += [field.name for field in fields(PaperSettings)] + [
    name for name in CHOSEN if name != "searched"
]


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("name", NAMED)
def test_everything_that_can_be_asked_for_is_on_the_page(name):
    assert f"`{name}`" in PAGE


def test_the_page_runs_as_it_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GPRPLUS_WORK", raising=False)
    for block in blocks("bash"):
        for line in block.splitlines():
            done = CliRunner().invoke(cli, shlex.split(line)[1:])
            assert done.exit_code == 0, f"{line}\n{done.output}\n{done.exception}"
    for block in blocks("python"):
        exec(block, {})
