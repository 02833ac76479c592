"""Controlled splits: from a manifest to matched training arms and the test set they share.

The names load on first use: a command that makes a split starts without what only rebuilding one
needs.
"""

from importlib import import_module
from typing import Any

_HOMES = {
    "Arm": "arm",
    "DeclaredArm": "declared_arm",
    "Split": "split",
    "make_split": "make",
    "rebuild_split": "rebuild",
    "target_rows": "test_sets.target_table",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"gprplus.splits.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'gprplus.splits' has no attribute {name!r}")
