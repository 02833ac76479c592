"""The tests of levels of a block of identities, once they are planned."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gprplus.splits.streaming.block_draw import DrawJob
from gprplus.splits.test_sets.cross_level_tests import LevelTestCounts, level_groups
from gprplus.splits.test_sets.cross_matrix import (
    CrossTotals,
    MatrixPlan,
    cross_slots,
    matrix_groups,
    matrix_slots,
)
from gprplus.splits.test_sets.level_test_files import groups_table
from gprplus.splits.test_sets.test_set import choose_test_set

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class TestJob:
    """A block, with the plan of the matrix; tests within each level where there is none."""

    __test__ = False

    draw: DrawJob
    plan: MatrixPlan | None


@dataclass(frozen=True)
class TestRows:
    """The rows of the tests of a block (schema.TESTS), and their counts."""

    __test__ = False

    table: "pa.Table"
    totals: CrossTotals
    levels: dict[str, LevelTestCounts]


def draw_tests(job: TestJob) -> TestRows:
    """Draw the tests of a block."""
    pool, _ = job.draw.block.load()
    train, rows = job.draw.sides(pool)
    crossed = job.draw.crossed
    if job.plan is None or crossed is None:
        groups, levels = level_groups(train, choose_test_set(pool, rows), job.draw.tested)
        return TestRows(groups_table(pool.uid, groups), CrossTotals(), levels)
    made = cross_slots(train, matrix_slots(train, rows, crossed), job.plan)
    groups = matrix_groups(train, crossed, made)
    return TestRows(groups_table(pool.uid, groups), CrossTotals.of(made), {})
