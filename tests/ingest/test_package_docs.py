"""The packages of ingest import one way, and their docstrings list their modules."""

import ast
import re
from pathlib import Path

import pytest

from gprplus import ingest

HOME = Path(ingest.__file__).parent
PACKAGES = re.findall(r"^- `(\w+)`", ingest.__doc__ or "", re.MULTILINE)  # in import order
MODULES = sorted(path.relative_to(HOME).as_posix() for path in HOME.glob("*/*.py"))


def test_the_docstring_lists_every_package():
    assert set(PACKAGES) == {path.parent.name for path in HOME.glob("*/__init__.py")}


def test_the_page_lists_every_package_in_import_order():
    page = (HOME.parents[1] / "docs" / "ingest.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == PACKAGES


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_lists_every_module(package):
    docstring = ast.get_docstring(ast.parse((HOME / package / "__init__.py").read_text())) or ""
    modules = {path.stem for path in (HOME / package).glob("*.py")} - {"__init__"}
    assert modules <= set(re.findall(r"\w+", docstring)), modules - set(
        re.findall(r"\w+", docstring)
    )


@pytest.mark.parametrize("module", MODULES)
def test_a_package_imports_only_from_packages_before_it(module):
    place = PACKAGES.index(module.partition("/")[0])
    for node in ast.walk(ast.parse((HOME / module).read_text())):
        if (
            isinstance(node, ast.ImportFrom)
            and node.module
            and node.module.startswith("gprplus.ingest")
        ):
            package = [*node.module.split("."), node.names[0].name][2]
            assert package in PACKAGES, (
                f"{module}:{node.lineno} imports {package}, which is no package"
            )
            assert PACKAGES.index(package) <= place, (
                f"{module}:{node.lineno} imports {package}, which comes later"
            )
