"""Pages with Python on them are executed: every block runs, and its assertions hold."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", ["baseline.md", "evaluation.md", "statistics.md"])
def test_the_python_of_a_page_runs(page: str) -> None:
    blocks = BLOCK.findall((DOCS / page).read_text(encoding="utf-8"))
    assert blocks
    for block in blocks:
        exec(compile(block, page, "exec"), {})


def test_the_page_of_the_baseline_tells_of_every_recipe() -> None:
    page = (DOCS / "baseline.md").read_text(encoding="utf-8")
    recipes = sorted(path.stem for path in (DOCS.parent / "manifests" / "recipes").glob("*.toml"))
    assert [name for name in recipes if f"| `{name}` |" not in page] == []
