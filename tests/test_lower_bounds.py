"""The constraints of `make test-oldest` are the lower bounds of setup.cfg."""

from pathlib import Path
from runpy import run_path

import pytest

ROOT = Path(__file__).parents[1]
lower_bounds = run_path(str(ROOT / "tools" / "lower_bounds.py"))["lower_bounds"]

SETUP = """
[options]
install_requires =
    numpy>=2.0
    opencv-python>=4.10.0.84

[options.extras_require]
analysis =
    scikit-learn>=1.4.2
test =
    pytest>=8
    {last}
"""


def test_each_requirement_is_constrained_to_its_lower_bound():
    assert lower_bounds(SETUP.format(last="scikit-learn>=1.4.2")) == [
        "numpy==2.0",
        "opencv-python==4.10.0.84",
        "scikit-learn==1.4.2",
        "pytest==8",
    ]


@pytest.mark.parametrize(
    ("last", "message"),
    [
        ("ruff", "expected NAME>=VERSION, found 'ruff'"),
        ("torch==2.6", "expected NAME>=VERSION, found 'torch==2.6'"),
        ("scikit-learn>=1.5", "scikit-learn has the lower bounds 1.4.2 and 1.5"),
    ],
)
def test_a_requirement_without_one_lower_bound_is_an_error(last, message):
    with pytest.raises(ValueError, match=message):
        lower_bounds(SETUP.format(last=last))


def test_every_requirement_of_the_project_has_one_lower_bound():
    assert "numpy==2.0.2" in lower_bounds((ROOT / "setup.cfg").read_text())
