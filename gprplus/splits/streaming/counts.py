"""The second pass: counts of the train set, which relations and associations follow from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations
from typing import Any

import numpy as np

from gprplus.splits.audit.counts import JointTable, LevelCounts
from gprplus.splits.candidates import AttributeCodes, CandidateTable, determines
from gprplus.splits.identifiability import GLANCE, RelationFacts
from gprplus.splits.streaming.row_block import RowBlock
from gprplus.splits.streaming.survey import Survey
from gprplus.splits.test_sets.test_set import is_test_identity

Pair = tuple[str, str]


@dataclass(frozen=True)
class CountJob:
    """A block to count, with the share of test identities and the tested attribute."""

    block: RowBlock
    test_share: float
    attr: str


@dataclass(frozen=True)
class BlockCounts:
    """Counts of the train rows of a block.

    Attributes:
        persons: Rows of each identity and level of an image attribute, `(i, L + 1)`, unknown first.
        pairs: Rows of each pair of levels of two image attributes, unknown first.
        refuted: Pairs (other, name) where `name` is no function of identity and `other`.
        shared: Attributes of which an identity has a level in two rows.
        tested: Test rows of each level of the tested attribute, unknown first.
    """

    persons: dict[str, np.ndarray]
    pairs: dict[Pair, np.ndarray]
    refuted: frozenset[Pair]
    shared: frozenset[str]
    tested: np.ndarray


def count_block(job: CountJob) -> BlockCounts:
    """Count a block."""
    pool, _ = job.block.load()
    searched = is_test_identity(pool.identity_keys, job.test_share)[pool.identity]
    rows = np.flatnonzero(~searched)
    counted = LevelCounts(pool, JointTable((), (), np.empty(0, np.int32)), rows)
    names = [name for name in pool.images if len(pool.images[name].levels) > 1]
    person = pool.identity[rows]
    persons = {
        name: counted.by_identity(name).astype(np.int32)
        for name, codes in pool.images.items()
        if codes.levels
    }
    return BlockCounts(
        persons,
        {pair: counted.pair(*pair) for pair in combinations(names, 2)} if len(rows) else {},
        frozenset(
            pair for pair in permutations(names, 2) if not _follows(pool, person, rows, *pair)
        ),
        frozenset(name for name, table in persons.items() if (table > 1).any()),
        _tested(pool, np.flatnonzero(searched), job.attr),
    )


def _follows(
    pool: CandidateTable, person: np.ndarray, rows: np.ndarray, other: str, name: str
) -> bool:
    by, target = pool.images[other], pool.images[name]
    sizes = [len(pool.identities), len(by.levels)]

    def holds(some: slice) -> bool:
        chosen = rows[some]
        return determines([person[some], by.values[chosen]], sizes, target.values[chosen])

    return holds(slice(GLANCE)) and holds(slice(None))


def _tested(pool: CandidateTable, rows: np.ndarray, attr: str) -> np.ndarray:
    if attr not in pool.images:
        return np.zeros(1, dtype=np.int64)
    codes = pool.images[attr].at(rows)
    return np.bincount(codes.values + 1, minlength=len(codes.levels) + 1)


class TrainCounts(LevelCounts, RelationFacts):
    """The counts of all blocks: what relations are found from, and the associations of the audit."""

    def __init__(self, survey: Survey, searched: np.ndarray, blocks: Iterable[BlockCounts]) -> None:
        self.survey, self.pool = survey, survey.columns()
        self.joint = JointTable((), (), np.empty(0, np.int32))
        self.identities = np.where(searched, 0, survey.rows)
        self.pairs: dict[Pair, np.ndarray] = {}
        self.tested: np.ndarray = np.zeros(1, dtype=np.int64)
        refuted: set[Pair] = set()
        shared: set[str] = set()
        parts: dict[str, list[np.ndarray]] = {}
        for block in blocks:
            for name, table in block.persons.items():
                parts.setdefault(name, []).append(table)
            for pair, table in block.pairs.items():
                self.pairs[pair] = self.pairs[pair] + table if pair in self.pairs else table
            refuted |= block.refuted
            shared |= block.shared
            self.tested = self.tested + block.tested
        self.persons = {name: np.concatenate(tables) for name, tables in parts.items()}
        self.refuted, self.shared = frozenset(refuted), frozenset(shared)
        self.names = [name for name in self.persons if len(self.present(name)) > 1]

    def __len__(self) -> int:
        return int(self.identities.sum())

    def present(self, name: str) -> np.ndarray:
        """Codes of the levels of an image attribute in the train set."""
        return np.flatnonzero(self.margin(name)[1:])

    def margin(self, name: str) -> np.ndarray:
        """Rows of each level of an image or identity attribute, unknown first."""
        if name in self.pool.identity_attributes:
            return self.of_identity_attribute(name, self.identities).astype(np.int64)
        return self.persons[name].sum(axis=0, dtype=np.int64)

    def pair(self, first: str, second: str) -> np.ndarray:
        """Rows of each pair of levels of two image attributes, unknown first."""
        if (first, second) in self.pairs:
            return self.pairs[first, second]
        return self.pairs[second, first].T

    def by_identity(self, name: str) -> np.ndarray:
        """Rows of each identity and level of an image attribute, unknown first."""
        return self.persons[name]

    def follows(self, name: str, by: Sequence[str]) -> bool:
        """Return True if `name` is a function of the attributes `by`, and two rows agree in them."""
        others = [one for one in by if one != "identity"]
        if not others:
            one_level = (np.count_nonzero(self.persons[name], axis=1) <= 1).all()
            return bool(one_level and (self.identities > 1).any())
        if "identity" in by:
            return (others[0], name) not in self.refuted and others[0] in self.shared
        table = self.pair(others[0], name)
        one_level = (np.count_nonzero(table, axis=1) <= 1).all()
        return bool(one_level and (table.sum(axis=1) > 1).any())

    def share(self, name: str) -> float:
        """The share of the cells of identity and `name` that have an image, 0-1.

        An unknown level counts as the last level of the identity before, as in `RowFacts`.
        """
        table = self.persons[name]
        unknown = np.flatnonzero(table[:, 0])
        alone = (unknown == 0) | (table[unknown - 1, -1] == 0)
        cells = np.count_nonzero(table[:, 1:]) + np.count_nonzero(alone)
        return cells / (len(self.present(name)) * int(np.count_nonzero(self.identities)))


class ArmCounts(LevelCounts):
    """The counts of an arm, added up over blocks."""

    def __init__(
        self,
        pool: CandidateTable,
        joint: JointTable,
        cells: np.ndarray,
        identities: np.ndarray,
        margins: dict[str, np.ndarray],
    ) -> None:
        self.pool, self.joint, self.margins = pool, joint, margins
        self.cells, self.identities = cells, identities

    def __len__(self) -> int:
        return int(self.identities.sum())

    def margin(self, name: str) -> np.ndarray:
        """Rows of each level of an image or identity attribute, unknown first."""
        return self.margins[name] if name in self.margins else super().margin(name)


def present_codes(name: str, codes: np.ndarray, levels: tuple[Any, ...]) -> AttributeCodes:
    """An attribute that holds each of some codes once."""
    return AttributeCodes(name, codes.astype(np.int32), levels)
