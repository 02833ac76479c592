"""The last pass: arms and test set of a block of identities."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from gprplus.splits.audit.counts import JointTable, LevelCounts, pack_codes
from gprplus.splits.candidates import CandidateTable
from gprplus.splits.designs import DesignInput, DrawnArm
from gprplus.splits.designs.full import full_arm
from gprplus.splits.designs.only_without import LevelPlan, match_levels, planned_arms
from gprplus.splits.draws.dealing import deal_seed
from gprplus.splits.draws.matching import MatchedSlots, MatchTotals
from gprplus.splits.identifiability import AttributeRelations
from gprplus.splits.request import SplitRequest
from gprplus.splits.streaming.row_block import RowBlock
from gprplus.splits.test_sets.answerable import (
    AnswerableQueries,
    excluded_table,
    find_answerable,
)
from gprplus.splits.test_sets.cross_matrix import MatrixFacts, matrix_slots
from gprplus.splits.test_sets.test_set import TestSet, choose_test_set, is_test_identity

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class DrawJob:
    """A block to draw, and what was decided for all blocks.

    Attributes:
        block: The block.
        request: The request of the split.
        relations: The relations among attributes in the train set.
        plan: The comparison of levels; None for the design full.
        quotas: How many slots each identity gives in each deal; None for all.
        tested: Codes of the levels of the tested attribute in the test set.
        crossed: Codes of the levels of a matrix of tests; None without one.
    """

    block: RowBlock
    request: SplitRequest
    relations: AttributeRelations
    plan: LevelPlan | None
    quotas: tuple[np.ndarray, ...] | None
    tested: np.ndarray
    crossed: np.ndarray | None

    def sides(self, pool: CandidateTable) -> tuple[DesignInput, np.ndarray]:
        """Return the train set of the block, and the positions of its test rows."""
        searched = is_test_identity(pool.identity_keys, self.request.test_share)[pool.identity]
        train = DesignInput(pool, np.flatnonzero(~searched), self.request, self.relations)
        return train, np.flatnonzero(searched)


@dataclass(frozen=True)
class Mask:
    """Rows of the images table: bits from row `start` on, packed; `count` are set, of `identities`
    identities."""

    start: int
    bits: bytes
    count: int
    identities: int

    @classmethod
    def of(cls, places: np.ndarray, rows: np.ndarray, identity: np.ndarray) -> "Mask":
        """The mask of some rows (n,), sorted, of a block at `places`."""
        if not len(rows):
            return cls(0, b"", 0, 0)
        start = int(places[rows[0]])
        flags = np.zeros(int(places[rows[-1]]) - start + 1, dtype=bool)
        flags[places[rows] - start] = True
        people = len(np.unique(identity[rows]))
        return cls(start, np.packbits(flags).tobytes(), len(rows), people)

    def places(self) -> np.ndarray:
        """Return the positions of the rows in the images table, sorted."""
        bits = np.unpackbits(np.frombuffer(self.bits, dtype=np.uint8))
        return np.flatnonzero(bits) + self.start


@dataclass(frozen=True)
class ArmTable:
    """The counts of an arm in a block: by cell of the joint table, by identity, and by level."""

    cells: np.ndarray
    identities: np.ndarray
    margins: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class DrawnBlock:
    """The arms and the test set of a block.

    Attributes:
        arms: Kind and levels of each arm in each deal, without its rows.
        masks: The rows of each arm in each deal.
        tables: The counts of each arm in deal 0.
        matched: What matching cost.
        test: The test rows, and which of them are queries.
        gallery: Gallery rows of each level of the tested attribute, unknown first.
        query_levels: Queries of each level of each image attribute, unknown first.
        reasons: How many queries the protocol of the split excludes.
        answerable: The answerable queries under each protocol.
        excluded: The rows of excluded.parquet under each protocol.
        matrix: What a plan of crossed tests needs; None where there is none.
    """

    arms: dict[str, list[DrawnArm]]
    masks: dict[str, list[Mask]]
    tables: dict[str, ArmTable]
    matched: MatchTotals
    test: Mask
    queries: Mask
    gallery: np.ndarray
    query_levels: dict[str, np.ndarray]
    reasons: int
    answerable: dict[str, AnswerableQueries]
    excluded: "dict[str, pa.Table]"
    matrix: MatrixFacts | None


def draw_block(job: DrawJob) -> DrawnBlock:
    """Draw a block."""
    pool, places = job.block.load()
    train, rows = job.sides(pool)
    drawn, matched = _deals(train, job)
    joint = joint_of(pool, job.relations)
    test_set = choose_test_set(pool, rows)
    equivalents = job.relations.equivalents()
    attr = job.request.attr
    answerable = find_answerable(pool, test_set, attr, equivalents, job.tested)
    queries, gallery = test_set.rows[test_set.query], test_set.rows[~test_set.query]
    masks = {
        name: [Mask.of(places, arm.rows, pool.identity) for arm in deals]
        for name, deals in drawn.items()
    }
    none = np.empty(0, dtype=np.int64)
    return DrawnBlock(
        {name: [replace(arm, rows=none) for arm in deals] for name, deals in drawn.items()},
        masks,
        {name: _table(pool, joint, deals[0].rows) for name, deals in drawn.items()},
        matched,
        Mask.of(places, test_set.rows, pool.identity),
        Mask.of(places, queries, pool.identity),
        _levels(pool, attr, gallery),
        {name: _levels(pool, name, queries) for name, codes in pool.images.items() if codes.levels},
        len(test_set.excluded),
        answerable,
        {name: excluded_table(pool, {name: found}) for name, found in answerable.items()},
        _matrix_facts(train, test_set, job),
    )


def count_slots(job: DrawJob) -> tuple[MatchTotals, np.ndarray]:
    """Return what matching costs in a block, and the slots of each identity `(i,)`."""
    pool, _ = job.block.load()
    train, _ = job.sides(pool)
    assert job.plan is not None
    matched = match_levels(train, job.plan.compared, job.plan.strata)
    return matched.totals, np.bincount(matched.slots.block, minlength=len(pool.identities))


def joint_of(pool: CandidateTable, relations: AttributeRelations) -> JointTable:
    """The image attributes packed for counting: those that are not one to one with another."""
    equivalents = relations.equivalents()
    counted = {
        name: codes
        for name, codes in pool.images.items()
        if codes.levels and name not in equivalents
    }
    return pack_codes(counted, len(pool))


def _deals(train: DesignInput, job: DrawJob) -> tuple[dict[str, list[DrawnArm]], MatchTotals]:
    """Return each arm in each deal, and what matching cost in deal 0."""
    drawn: dict[str, list[DrawnArm]] = {}
    matched = MatchTotals()
    for deal in range(job.request.deals):
        request = replace(job.request, seed=deal_seed(job.request.seed, deal))
        arms, cost = _arms(replace(train, request=request), job, deal)
        matched = cost if deal == 0 else matched
        for name, arm in arms.items():
            drawn.setdefault(name, []).append(arm)
    return drawn, matched


def _arms(train: DesignInput, job: DrawJob, deal: int) -> tuple[dict[str, DrawnArm], MatchTotals]:
    if job.plan is None:
        return {"full": full_arm(train)}, MatchTotals()
    found = match_levels(train, job.plan.compared, job.plan.strata)
    quotas = None if job.quotas is None else job.quotas[deal]
    arms = planned_arms(train, _within(found.slots, quotas), job.plan, [])
    if job.request.add_full_arm:
        arms |= {"full": full_arm(train)}
    return arms, found.totals


def _within(slots: MatchedSlots, quotas: np.ndarray | None) -> MatchedSlots:
    return slots if quotas is None else slots.only(slots.rank < quotas[slots.block])


def _table(pool: CandidateTable, joint: JointTable, rows: np.ndarray) -> ArmTable:
    counted = LevelCounts(pool, joint, rows)
    margins = {
        name: counted.margin(name)
        for name, codes in pool.images.items()
        if codes.levels and name not in joint.names
    }
    return ArmTable(counted.cells, counted.identities, margins)


def _levels(pool: CandidateTable, name: str, rows: np.ndarray) -> np.ndarray:
    if name == "identity":
        return np.zeros(1, dtype=np.int64)
    codes = pool.codes(name).at(rows)
    return np.bincount(codes.values + 1, minlength=len(codes.levels) + 1)


def _matrix_facts(train: DesignInput, test_set: TestSet, job: DrawJob) -> MatrixFacts | None:
    if job.crossed is None:
        return None
    return MatrixFacts.of(train, matrix_slots(train, test_set.rows, job.crossed))
