"""Column declarations, and validation of tables against them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from gprplus.core.declarations import Attribute, Attributes, attributes
from gprplus.core.errors import GprplusError, ManifestError

if TYPE_CHECKING:
    import pyarrow as pa

VERSION = 1


@dataclass(frozen=True)
class Column:
    """A column. `type` names an Arrow type; "level" is Arrow's dictionary<int32, string>."""

    name: str
    type: str
    sentence: str
    unit: str = ""
    level: str = "image"


def attribute_columns(names: Sequence[str], level: str) -> tuple[Column, ...]:
    """Columns of declared attributes, with their types, units and sentences."""
    declared = attributes()
    return tuple(_column(name, declared[name], level) for name in names)


def own_columns(own: Attributes, level: str) -> tuple[Column, ...]:
    """Columns of the attributes of one level that a manifest or split declares itself."""
    return tuple(_column(name, one, level) for name, one in own.items() if one.level == level)


def _column(name: str, declared: Attribute, level: str) -> Column:
    kind = {"integer": "int32", "number": "float64"}.get(declared.type, "level")
    return Column(name, kind, declared.sentence, declared.unit, level)


def arrow_schema(columns: Sequence[Column]) -> "pa.Schema":
    """Return the Arrow schema of a table; units and sentences are metadata of its fields."""
    return _arrow_schema(tuple(columns))


@lru_cache(maxsize=128)
def _arrow_schema(columns: tuple[Column, ...]) -> "pa.Schema":
    import pyarrow as pa

    types = {
        "level": pa.dictionary(pa.int32(), pa.string()),
        "bool": pa.bool_(),
        "string": pa.string(),
        "list<string>": pa.list_(pa.string()),
    }
    return pa.schema(
        [
            pa.field(
                column.name,
                types.get(column.type) or pa.type_for_alias(column.type),
                metadata={"unit": column.unit, "level": column.level, "sentence": column.sentence},
            )
            for column in columns
        ]
    )


def conform(table: "pa.Table", columns: Sequence[Column]) -> "pa.Table":
    """The table with exactly these columns, in this order and of these types; absent ones become
    nulls."""
    import pyarrow as pa

    schema = arrow_schema(columns)
    arrays = []
    for field in schema:
        if field.name not in table.column_names:
            arrays.append(pa.chunked_array([pa.nulls(table.num_rows, field.type)]))
            continue
        column = table.column(field.name)
        arrays.append(column if column.type == field.type else column.cast(field.type))
    return pa.table(arrays, schema=schema)


def require(
    present: Sequence[str],
    wanted: Sequence[str],
    where: str,
    error: type[GprplusError] = ManifestError,
) -> None:
    """Raise when a table lacks columns, naming them."""
    absent = [name for name in wanted if name not in present]
    if absent:
        raise error(
            f"{where} lacks the column(s) {', '.join(absent)}; it has {', '.join(present)}."
        )
