"""What the blocks of a split add up to."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gprplus import schema
from gprplus.splits.audit.counts import JointTable
from gprplus.splits.designs import DrawnArm
from gprplus.splits.draws.matching import MatchTotals
from gprplus.splits.identifiability import AttributeRelations
from gprplus.splits.request import SplitRequest
from gprplus.splits.streaming.block_draw import ArmTable, DrawnBlock, joint_of
from gprplus.splits.streaming.counts import ArmCounts
from gprplus.splits.streaming.spool import MaskSpool
from gprplus.splits.streaming.survey import Survey
from gprplus.splits.test_sets.answerable import AnswerableQueries
from gprplus.splits.test_sets.cross_matrix import MatrixFacts

if TYPE_CHECKING:
    import pyarrow as pa


class SplitTotals:
    """Adds up blocks: rows are spooled, counts are summed."""

    def __init__(
        self,
        survey: Survey,
        request: SplitRequest,
        relations: AttributeRelations,
        spool: Path,
    ) -> None:
        self._survey, self._spool = survey, spool
        self.joint: JointTable = joint_of(survey.columns(), relations)
        self.matched, self.matrix = MatchTotals(), MatrixFacts()
        self.test = MaskSpool(spool / "test")
        self.queries = MaskSpool(spool / "queries")
        self.excluded_queries = 0
        self.gallery: np.ndarray = np.zeros(1, dtype=np.int64)
        self.query_levels: dict[str, np.ndarray] = {}
        self.answerable: dict[str, AnswerableQueries] = {}
        self.rows: dict[str, list[MaskSpool]] = {}
        self._arms: dict[str, list[DrawnArm]] = {}
        self._differ: set[str] = set()
        self._tables: dict[str, list[ArmTable]] = {}
        self._excluded: dict[str, list[pa.Table]] = {}

    def add(self, block: DrawnBlock) -> None:
        """Add the next block."""
        self.matched += block.matched
        self.matrix = self.matrix if block.matrix is None else self.matrix + block.matrix
        self.test.add(block.test)
        self.queries.add(block.queries)
        self.excluded_queries += block.reasons
        self.gallery = self.gallery + block.gallery
        for name, counts in block.query_levels.items():
            self.query_levels[name] = self.query_levels.get(name, 0) + counts
        self._add_answerable(block)
        for place, (name, masks) in enumerate(block.masks.items()):
            self._arms.setdefault(name, block.arms[name])
            paths = (self._spool / f"arm-{place}-{deal}" for deal in range(len(masks)))
            spools = self.rows.setdefault(name, [MaskSpool(path) for path in paths])
            for spool, mask in zip(spools, masks, strict=True):
                spool.add(mask)
            if any(mask != masks[0] for mask in masks):
                self._differ.add(name)
            self._add_table(name, block.tables[name])

    def _add_answerable(self, block: DrawnBlock) -> None:
        for protocol, found in block.answerable.items():
            before = self.answerable.get(protocol)
            self.answerable[protocol] = found if before is None else _joined(before, found)
        for protocol in block.answerable:
            self._excluded.setdefault(protocol, []).append(block.excluded[protocol])

    def _add_table(self, name: str, table: ArmTable) -> None:
        held = self._tables.setdefault(name, [])
        if held:
            first = held[0]
            margins = {key: first.margins[key] + more for key, more in table.margins.items()}
            held[0] = ArmTable(first.cells + table.cells, first.identities, margins)
            held.append(ArmTable(np.empty(0), table.identities, {}))
        else:
            held.append(table)

    def deals(self, name: str) -> list[MaskSpool]:
        """The rows of an arm in each deal; one where all deals are equal."""
        return self.rows[name] if name in self._differ else self.rows[name][:1]

    def levels(self, name: str) -> list[DrawnArm]:
        """The arm without its rows in each deal, as `deals`."""
        return self._arms[name][: len(self.deals(name))]

    def skeletons(self) -> dict[str, DrawnArm]:
        """Return the arms of deal 0, without their rows."""
        return {name: deals[0] for name, deals in self._arms.items()}

    def arm_counts(self) -> Mapping[str, ArmCounts]:
        """Return the counts of each arm in deal 0."""
        pool = self._survey.columns()
        return {
            name: ArmCounts(
                pool,
                self.joint,
                tables[0].cells,
                np.concatenate([one.identities for one in tables]),
                dict(tables[0].margins),
            )
            for name, tables in self._tables.items()
        }

    def excluded(self) -> "pa.Table":
        """Return excluded.parquet: by protocol, in it by dataset, identity, path."""
        import pyarrow as pa

        tables = [table for parts in self._excluded.values() for table in parts]
        empty = schema.arrow_schema(schema.EXCLUDED).empty_table()
        return pa.concat_tables([empty, *tables]).unify_dictionaries()


def _joined(one: AnswerableQueries, other: AnswerableQueries) -> AnswerableQueries:
    matrix = {
        level: {key: count + other.matrix[level][key] for key, count in row.items()}
        for level, row in one.matrix.items()
    }
    return AnswerableQueries(
        one.kept + other.kept,
        np.concatenate([one.rows, other.rows]),
        one.reasons + other.reasons,
        matrix,
    )
