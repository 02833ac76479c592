"""The columns are the handshake: each is explained, typed, and made again from its record."""

import pyarrow as pa
import pytest

from gprplus import schema
from gprplus.core.errors import ManifestError, SplitError


@pytest.mark.parametrize("name", schema.TABLES)
def test_every_column_is_named_once_and_explained(name):
    columns = schema.TABLES[name]
    assert len({column.name for column in columns}) == len(columns)
    for column in columns:
        assert column.sentence.endswith("."), column.name
        assert column.level in (
            "cell",
            "image",
            "identity",
            "run",
            "arm",
            "contrast",
            "component",
            "curve",
            "level",
        ), column.name


@pytest.mark.parametrize("name", schema.TABLES)
def test_arrow_schemas_carry_unit_level_and_sentence(name):
    for column, field in zip(
        schema.TABLES[name], schema.arrow_schema(schema.TABLES[name]), strict=True
    ):
        assert field.name == column.name
        assert field.metadata[b"sentence"].decode() == column.sentence
        assert field.metadata[b"unit"].decode() == column.unit


@pytest.mark.parametrize(
    ("column", "unit"), [("viewpoint_deg", "degree"), ("width_px", "pixel"), ("size_bytes", "byte")]
)
def test_units_stand_beside_the_names_that_end_in_them(column, unit):
    (found,) = [record for record in schema.IMAGES if record.name == column]
    assert found.unit == unit


def test_conform_orders_types_and_fills_with_nulls():
    loose = pa.table({"weather": ["sunny"], "uid": pa.array([1], pa.int64()), "spare": [0]})
    table = schema.conform(loose, schema.MEMBERS)
    assert table.schema.equals(schema.arrow_schema(schema.MEMBERS))
    assert table.column("uid").to_pylist() == [1]
    assert table.column("weather").to_pylist() == ["sunny"]
    assert table.column("camera").null_count == 1
    assert schema.conform(table, schema.MEMBERS).equals(table)


def test_conform_keeps_an_empty_table_empty():
    table = schema.conform(pa.table({"uid": pa.array([], pa.uint64())}), schema.IMAGES)
    assert table.num_rows == 0
    assert table.schema.equals(schema.arrow_schema(schema.IMAGES))


def test_require_names_what_is_absent():
    schema.require(["a", "b"], ["a"], "x.parquet")
    with pytest.raises(ManifestError, match=r"x.parquet lacks the column\(s\) c, d; it has a, b"):
        schema.require(["a", "b"], ["a", "c", "d"], "x.parquet")
    with pytest.raises(SplitError):
        schema.require([], ["a"], "members.parquet", SplitError)
