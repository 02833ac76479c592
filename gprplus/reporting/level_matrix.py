"""The matrix of arms and levels: what each arm scores where queries and gallery have one level."""

from collections.abc import Sequence
from dataclasses import dataclass

from gprplus.reporting import formatting
from gprplus.reporting.arm_labels import SAME_SIZE, UNTRAINED, plot_label
from gprplus.reporting.findings import OUTCOMES, Row
from gprplus.schema.split_record import SplitRecord

MATRIX = "Each arm on each level by itself"


@dataclass(frozen=True)
class MatrixCell:
    """The mAP of an arm on one level, and its difference to the reference with the ends of its
    simultaneous interval.

    `outcome` is that of the interval (findings.OUTCOMES); "unknown" for a reference and the
    untrained network.
    """

    value: float
    difference: float | None
    low: float | None
    high: float | None
    outcome: str
    trained_on: bool

    @property
    def text(self) -> str:
        """Format, such as "82.3 (+12.0: +3.7 to +20.4)"."""
        if self.difference is None:
            return formatting.format_points(self.value)
        ends = "" if self.low is None else f": {formatting.signed_interval(self.low, self.high)}"
        return (
            f"{formatting.format_points(self.value)}"
            f" ({formatting.signed_points(self.difference)}{ends})"
        )


@dataclass(frozen=True)
class MatrixRow:
    """A row of an arm: its name, its label in the figure, whether it is the reference, and a cell
    for each level."""

    arm: str
    label: str
    reference: bool
    cells: tuple[MatrixCell, ...]


@dataclass(frozen=True)
class LevelMatrix:
    """Matrix of all arms and levels; `queries` of each level, number of simultaneous
    `differences`."""

    levels: tuple[str, ...]
    queries: tuple[int, ...]
    lines: tuple[MatrixRow, ...]

    @property
    def differences(self) -> int:
        """The differences over which the intervals hold together."""
        return sum(cell.difference is not None for line in self.lines for cell in line.cells)

    @property
    def grid(self) -> list[list[str]]:
        """The matrix as text, headers first."""
        lines = [[line.arm, *(cell.text for cell in line.cells)] for line in self.lines]
        return [["arm / level of query and gallery", *self.levels], *lines]


def build_level_matrix(rows: Sequence[Row], split: SplitRecord) -> LevelMatrix | None:
    """The matrix of mAP from rows of schema.LEVELS; None without any."""
    mine = [row for row in rows if row["metric"] == "mAP"]
    if not mine:
        return None
    levels = tuple(dict.fromkeys(row["level"] for row in mine))
    known = {(row["arm"], row["level"]): row for row in mine}
    arms = [
        arm
        for arm in dict.fromkeys(row["arm"] for row in mine)
        if all((arm, one) in known for one in levels)
    ]
    arms.sort(key=lambda arm: arm == UNTRAINED)
    several = split.design == "scaling"  # a mixture of each size
    lines = [
        MatrixRow(
            arm,
            plot_label(arm, split),
            arm == split.reference or (several and split.is_of_kind(arm, "mix")),
            tuple(_cell(known[arm, one], split) for one in levels),
        )
        for arm in arms
    ]
    return LevelMatrix(
        levels, tuple(known[arms[0], one]["queries"] for one in levels), tuple(lines)
    )


def _cell(row: Row, split: SplitRecord) -> MatrixCell:
    outcome = OUTCOMES[row["verdict"] or "unknown"]
    ends = (row["difference"], row["family_low"], row["family_high"])
    return MatrixCell(
        row["value"],
        *ends,
        outcome,
        bool(row["trained_on"]) and not split.is_of_kind(row["arm"], "mix"),
    )


def matrix_note(found: LevelMatrix, split: SplitRecord) -> str:
    """Describe the content of the matrix, and the number of differences for which its intervals
    hold together."""
    noun = formatting.attribute_noun(split.attribute or "level")
    reference = SAME_SIZE if split.design == "scaling" else split.reference or "the reference"
    held = f", simultaneous over all {found.differences}" if found.differences > 1 else ""
    return (
        f"mAP of queries of one {noun} in the gallery of that {noun} alone. In brackets: the paired"
        f" difference to {reference} and its 95% interval{held}. Galleries of one level are smaller"
        " than the mixed one: scores of the two cannot be compared."
    )
