"""Contact sheet of the arms of a split."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from gprplus.core.declarations import image_attributes
from gprplus.core.errors import SplitError, did_you_mean
from gprplus.ingest.inspection.sample_grid import SampleGrid, grid_of_rows
from gprplus.ingest.tables.coded import CodedColumn, coded_column

if TYPE_CHECKING:
    from gprplus.splits import Split


def arm_grid(
    split: "Split", arms: Sequence[str] = (), by: str | None = None, columns: int = 8
) -> SampleGrid:
    """Return a grid of the training images (deal 0) of some arms, by default of all.

    Rows are the arms and a column is one identity under equal conditions, except the attributes
    that the arms differ in. With `by`, rows are the levels of that attribute among the images of
    the arms. Raises SplitError for an unknown arm or attribute.
    """
    names = list(arms) or split.arms
    if by is None:
        parts = [split.train(arm) for arm in names]
        codes = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
        levels, table = CodedColumn(names, codes), pa.concat_tables(parts).unify_dictionaries()
        return grid_of_rows(table, levels, columns, split.roots(), _held_conditions(split, table))
    table = pa.concat_tables([split.train(arm) for arm in names]).unify_dictionaries()
    first = np.unique(np.asarray(table["uid"]), return_index=True)[1]
    table = table.take(np.sort(first))
    known = _known(table, [*image_attributes(), *split.record.attributes, "identity"])
    if by not in known:
        raise SplitError(
            f"No training image of {split.path} has the attribute '{by}'. {did_you_mean(by, known)}"
        )
    table = table.filter(pa.compute.is_valid(table[by]))
    levels = coded_column(table, by, split.record.attributes)
    held = by != "identity" and by in image_attributes()
    conditions = [name for name in _known(table, image_attributes()) if name != by]
    return grid_of_rows(table, levels, columns, split.roots(), conditions if held else None)


def _held_conditions(split: "Split", table: pa.Table) -> list[str]:
    """Conditions that are equal down a column: not those that the arms differ in."""
    record = split.record
    differ = set(record.varied)
    differ |= {"camera", "viewpoint_deg"} if differ & {"camera", "viewpoint_deg"} else set()
    return [name for name in _known(table, image_attributes()) if name not in differ]


def _known(table: pa.Table, names: Sequence[str]) -> list[str]:
    """The names that are columns of a table with a value in some row."""
    present = [name for name in names if name in table.column_names]
    return [name for name in present if table[name].null_count < table.num_rows]
