"""Every example in a docstring is run."""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import gprplus

PACKAGE = Path(gprplus.__file__).parent
WITH_EXAMPLES = [
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    for path in sorted(PACKAGE.rglob("*.py"))
    if ">>> " in path.read_text()
]


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_of(name):
    outcome = doctest.testmod(
        import_module(name.removesuffix(".__init__")), optionflags=doctest.NORMALIZE_WHITESPACE
    )
    assert outcome.attempted
    assert not outcome.failed
