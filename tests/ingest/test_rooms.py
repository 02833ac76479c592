"""Inside ingest too, a room uses those before it and none after: files know nothing of tables, tables of updates."""

import ast
import re
from pathlib import Path

import pytest

from gprplus import ingest

HOME = Path(ingest.__file__).parent
ROOMS = re.findall(r"^- `(\w+)`", ingest.__doc__ or "", re.MULTILINE)  # the way, as the package tells it
MODULES = sorted(path.relative_to(HOME).as_posix() for path in HOME.glob("*/*.py"))


def test_the_package_tells_of_every_room():
    assert set(ROOMS) == {path.parent.name for path in HOME.glob("*/__init__.py")}


def test_the_page_tells_of_every_room_in_its_order():
    page = (HOME.parents[1] / "docs" / "ingest.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == ROOMS


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_tells_of_every_module(room):
    said = ast.get_docstring(ast.parse((HOME / room / "__init__.py").read_text())) or ""
    modules = {path.stem for path in (HOME / room).glob("*.py")} - {"__init__"}
    assert modules <= set(re.findall(r"\w+", said)), modules - set(re.findall(r"\w+", said))


@pytest.mark.parametrize("module", MODULES)
def test_a_room_uses_none_after_it(module):
    place = ROOMS.index(module.partition("/")[0])
    for node in ast.walk(ast.parse((HOME / module).read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("gprplus.ingest"):
            room = [*node.module.split("."), node.names[0].name][2]
            assert room in ROOMS, f"{module}:{node.lineno} imports {room}, which is the way through the rooms"
            assert ROOMS.index(room) <= place, f"{module}:{node.lineno} imports {room}, which comes later"
