"""Which renders to make next: candidate cells, methods that weight them, and render plans.

Everything loads on first use: the options of the command are read without NumPy.
"""

from importlib import import_module
from typing import Any

_HOMES = {
    "PlanResult": "gprplus.planning.run_planning",
    "plan_renders": "gprplus.planning.run_planning",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'gprplus.planning' has no attribute {name!r}")
