"""Controlled splits: from a manifest to matched training arms and the test side they share."""

from gprplus.splits.make import make_split
from gprplus.splits.rebuild import rebuild_split
from gprplus.splits.request import DeclaredArm
from gprplus.splits.split import Split
from gprplus.splits.targets import target_rows

__all__ = ["DeclaredArm", "Split", "make_split", "rebuild_split", "target_rows"]
