"""The groups of rows of the tests of single levels and of pairs of levels."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from gprplus.schema.split_record import LevelTest

REMOVED_MATCH = "removed"


@dataclass(frozen=True)
class TestGroup:
    """Rows in one role: `rows` positions in the pool; of removed rows, `of` the query from which
    they are excluded."""

    role: str
    rows: np.ndarray
    of: np.ndarray | None = None


@dataclass(frozen=True)
class CrossLevelTests:
    """Tests by name, each with its record for split.json (including its groups), and the groups.

    `warnings` are sentences about confounded measurements.
    """

    __test__ = False

    facts: Mapping[str, LevelTest] = field(default_factory=dict)
    groups: Mapping[str, TestGroup] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
