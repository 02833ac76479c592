"""The pages of docs/ that are made from the code say what the code says."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from gprplus import schema
from gprplus.core import declarations

ROOT = Path(__file__).parent.parent


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TOOL = load(ROOT / "tools" / "refresh_docs.py")


@pytest.mark.parametrize("page", TOOL.PAGES)
def test_a_made_page_is_up_to_date(page: str) -> None:
    shown = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert shown == TOOL.PAGES[page](), f"docs/{page} is old: run `python tools/refresh_docs.py`"


def test_every_table_and_layout_has_its_row() -> None:
    tables, layouts = TOOL.tables(), TOOL.layouts()
    assert all(f"## {name}\n" in tables for name in schema.TABLES)
    assert all(f"| `{name}` |" in layouts for name in declarations.declaration_names("layouts"))
