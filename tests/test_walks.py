"""The pages that are walked from top to bottom, and the index that leads to every page."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"


@pytest.mark.parametrize(
    "page", ["ingest.md", "own_data.md", "layout_files.md", "tutorial.md", "which_weather.md"]
)
def test_every_block_of_the_page_runs(page, tmp_path, commands):
    text = (DOCS / page).read_text(encoding="utf-8")
    blocks = re.findall(r"^```(bash|python)\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    for language, block in blocks:
        run = commands.python if language == "python" else commands.bash
        done = run(block, tmp_path)
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"


def test_the_index_leads_to_every_page():
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"\]\(([\w-]+\.md)\)", index))
    assert {path.name for path in DOCS.glob("*.md")} - {"README.md"} == linked


@pytest.mark.parametrize("page", sorted(path.name for path in DOCS.glob("*.md")))
def test_what_a_page_points_to_is_there(page):
    text = (DOCS / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text) + re.findall(
        r'src="(?!https?:)([^"]+)"', text
    ):
        assert (DOCS / target).exists(), target
