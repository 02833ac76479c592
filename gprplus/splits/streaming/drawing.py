"""A split drawn block by block: what all blocks share is decided between the passes."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from gprplus import schema
from gprplus.core.errors import SplitError
from gprplus.core.parallel import map_processes
from gprplus.schema.records import Protocol
from gprplus.schema.split_record import LevelTest
from gprplus.splits.candidates import AttributeCodes
from gprplus.splits.designs import ArmSet, DesignInput
from gprplus.splits.designs.base import size_quotas
from gprplus.splits.designs.only_without import (
    LevelPlan,
    matching_warnings,
    plan_levels,
    planned_arms,
)
from gprplus.splits.draws.dealing import deal_seed
from gprplus.splits.draws.matching import MatchedSlots, MatchTotals
from gprplus.splits.identifiability import find_relations, reject_nested
from gprplus.splits.members import ROW_GROUP
from gprplus.splits.request import SplitRequest
from gprplus.splits.streaming.block_draw import DrawJob, count_slots, draw_block
from gprplus.splits.streaming.block_tests import TestJob, TestRows, draw_tests
from gprplus.splits.streaming.counts import CountJob, TrainCounts, count_block
from gprplus.splits.streaming.row_block import BLOCK_ROWS, RowBlock, identity_blocks
from gprplus.splits.streaming.survey import Survey
from gprplus.splits.streaming.totals import SplitTotals
from gprplus.splits.test_sets.cross_level_tests import (
    LevelTestCounts,
    background_warnings,
    level_facts,
    require_varying,
)
from gprplus.splits.test_sets.cross_matrix import (
    CrossTotals,
    MatrixPlan,
    crossed_levels,
    matrix_tests,
    plan_matrix,
)
from gprplus.splits.test_sets.level_test_files import TESTS
from gprplus.splits.test_sets.sides import check_answers, check_sides
from gprplus.splits.test_sets.test_set import camera_codes, is_test_identity

Job = TypeVar("Job")
Found = TypeVar("Found")
KINDS = {"only": ("only",), "without": ("without",), "transfer": ("only", "without")}


@dataclass(frozen=True)
class BlockMap:
    """How blocks are read: usable rows of each, BLOCK_ROWS by default, and worker processes; None
    for as many as there is room for."""

    rows: int | None = None
    workers: int | None = None

    def run(self, function: Callable[[Job], Found], jobs: Iterable[Job]) -> Iterator[Found]:
        """Yield the result of each job, in order."""
        return map_processes(function, jobs, self.workers)


@dataclass(frozen=True)
class LevelTests:
    """The tests of levels: their records and warnings, and whether tests.parquet has rows."""

    facts: dict[str, LevelTest] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class StreamedDraw:
    """A drawn split: its train set without rows, its counts, its arms without rows, and what the
    blocks added up to."""

    survey: Survey
    train: DesignInput
    counts: TrainCounts
    plan: ArmSet
    totals: SplitTotals
    tests: LevelTests
    protocol: Protocol


class BlockDrawing:
    """The passes over a manifest, in order; rows are kept in the folder `spool`."""

    def __init__(
        self,
        survey: Survey,
        request: SplitRequest,
        declared: tuple[Sequence[str], Mapping[str, Sequence[str]]],
        spool: Path,
        blocks: BlockMap,
    ) -> None:
        self.survey, self.request, self.spool, self.blocks = survey, request, spool, blocks
        self.pool = survey.columns()
        searched = is_test_identity(self.pool.identity_keys, request.test_share)
        check_sides(searched, request)
        jobs = (CountJob(one, request.test_share, request.attr) for one in self._blocks())
        self.counts = TrainCounts(survey, searched, blocks.run(count_block, jobs))
        self.relations = find_relations(self.counts, *declared)
        none = np.empty(0, dtype=np.int64)
        self.train = DesignInput(self.pool, none, request, self.relations)
        self.has_test = bool(searched.any())
        self.tested = np.flatnonzero(self.counts.tested[1:])
        self.protocol = camera_codes(self.pool)[0]

    def draw(self) -> StreamedDraw:
        """Draw arms, test set and tests of levels. Raises SplitError as the designs do."""
        level_plan = self._level_plan()
        crossed = self._crossed(level_plan)
        job = self._job(level_plan, crossed)
        if level_plan is not None and self._sized():
            job = replace(job, quotas=self._quotas(level_plan, job))
        totals = SplitTotals(self.survey, self.request, self.relations, self.spool)
        for block in self.blocks.run(draw_block, self._jobs(job)):
            totals.add(block)
        if self.has_test:
            check_answers(totals.queries.count, totals.excluded_queries, self.protocol)
        plan = self._arm_set(level_plan, totals)
        return StreamedDraw(
            self.survey,
            self.train,
            self.counts,
            plan,
            totals,
            self._tests(job, totals),
            self.protocol,
        )

    def _blocks(self) -> Iterator[RowBlock]:
        return identity_blocks(self.survey, self.blocks.rows or BLOCK_ROWS)

    def _level_plan(self) -> LevelPlan | None:
        request = self.request
        if request.design is None:
            reject_nested(self.relations, self.pool, request.attr)
        if request.design == "full":
            return None
        codes = self.counts.present(request.attr).astype(np.int32)
        levels = self.survey.levels[request.attr]
        return plan_levels(
            self.train,
            AttributeCodes(request.attr, codes, levels),
            KINDS[request.design or "only"],
        )

    def _compared(self, plan: LevelPlan | None) -> tuple[object, ...]:
        levels = self.survey.levels[self.request.attr]
        codes = self.counts.present(self.request.attr) if plan is None else plan.compared
        return tuple(levels[code] for code in codes)

    def _crossed(self, plan: LevelPlan | None) -> np.ndarray | None:
        """Codes of the levels of a matrix of tests, None where there is none."""
        request = self.request
        insisted = request.cross_level_tests or request.min_viewpoint_gap_deg is not None
        if request.cross_level_tests is False:
            return None
        try:
            require_varying(self.train, has_test=self.has_test)
            return crossed_levels(self.train, self.tested, self._compared(plan))
        except SplitError:
            if insisted:
                raise
            return None

    def _job(self, plan: LevelPlan | None, crossed: np.ndarray | None) -> DrawJob:
        first = next(self._blocks())
        return DrawJob(first, self.request, self.relations, plan, None, self.tested, crossed)

    def _jobs(self, job: DrawJob) -> Iterator[DrawJob]:
        for block in self._blocks():
            chosen = slice(block.first, block.first + len(block.identities))
            quotas = None if job.quotas is None else tuple(one[chosen] for one in job.quotas)
            yield replace(job, block=block, quotas=quotas)

    def _sized(self) -> bool:
        request = self.request
        return (request.identities, request.images_per_identity, request.budget) != (None,) * 3

    def _quotas(self, plan: LevelPlan, job: DrawJob) -> tuple[np.ndarray, ...]:
        """How many slots each identity gives within the requested sizes, in each deal."""
        matched, sizes = MatchTotals(), []
        for cost, slots in self.blocks.run(count_slots, self._jobs(job)):
            matched += cost
            sizes.append(slots)
        matching_warnings(self.train, plan, matched)
        quotas = []
        for deal in range(self.request.deals):
            seeded = replace(self.request, seed=deal_seed(self.request.seed, deal))
            order = replace(self.train, request=seeded).order()
            quotas.append(size_quotas(np.concatenate(sizes), order, self.request, "identities"))
        return tuple(quotas)

    def _arm_set(self, plan: LevelPlan | None, totals: SplitTotals) -> ArmSet:
        arms = totals.skeletons()
        if plan is None:
            return ArmSet("full", arms, "full", self._compared(plan), ())
        warnings = matching_warnings(self.train, plan, totals.matched)
        none = np.empty((0, len(plan.compared)), dtype=np.int64)
        empty = MatchedSlots(none, none[:, 0], none[:, 0])
        planned_arms(self.train, empty, plan, warnings)  # the controls add their warnings
        return plan.arm_set(arms, totals.matched, warnings)

    def _tests(self, job: DrawJob, totals: SplitTotals) -> LevelTests:
        request = self.request
        if request.cross_level_tests is False or not self.has_test:
            return LevelTests()
        insisted = request.cross_level_tests or request.min_viewpoint_gap_deg is not None
        if job.crossed is not None:
            try:
                return self._matrix(job, job.crossed, plan_matrix(self.train, totals.matrix))
            except SplitError:
                if insisted:
                    raise
        levels: dict[str, LevelTestCounts] = {}
        for rows in self._tests_of_blocks(TestJob(replace(job, crossed=None), None)):
            for level, count in rows.levels.items():
                levels[level] = levels[level] + count if level in levels else count
        return LevelTests(level_facts(self.train, levels))

    def _matrix(self, job: DrawJob, crossed: np.ndarray, plan: MatrixPlan) -> LevelTests:
        totals = CrossTotals()
        for rows in self._tests_of_blocks(TestJob(job, plan)):
            totals += rows.totals
        facts = matrix_tests(self.train, crossed, plan, totals)
        return LevelTests(facts, tuple(background_warnings(self.train)))

    def _tests_of_blocks(self, job: TestJob) -> Iterator[TestRows]:
        """Yield the tests of each block, and write their rows into tests.parquet of the spool."""
        import pyarrow.parquet as pq

        jobs = (replace(job, draw=one) for one in self._jobs(job.draw))
        with pq.ParquetWriter(
            self.spool / TESTS,
            schema.arrow_schema(schema.TESTS),
            compression="zstd",
            use_dictionary=["group", "role"],
        ) as writer:
            for rows in self.blocks.run(draw_tests, jobs):
                if len(rows.table):
                    writer.write_table(rows.table, row_group_size=ROW_GROUP)
                yield rows
