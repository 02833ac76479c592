"""The files of a render plan as rows: CSV, JSON and Parquet."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gprplus.core.errors import PlanError, first_line
from gprplus.core.files.json_files import load_json
from gprplus.engine.plans.plan_cells import compact_numbers

JSON, CSV, PARQUET, IDENTITIES = "plan.json", "plan.csv", "plan.parquet", "identities.csv"
ADVICE = "Write the plan again, or give another file."
KIND, SCHEMA_VERSION = "render-plan", 1


class PlanRows(NamedTuple):
    """What a file of a plan has: its cells, its identities, and the rest of plan.json."""

    cells: list[dict[str, Any]]
    identities: list[dict[str, Any]]
    info: dict[str, Any]


def read_rows(path: Path) -> PlanRows:
    """Return the unchecked rows of a plan: a file by its suffix. Raises PlanError."""
    if not path.is_file():
        raise PlanError(
            f"{path} is no file. Give a plan: its folder, or a .csv, .json or .parquet."
        )
    if path.suffix == ".csv":
        return PlanRows(csv_rows(path), [], {})
    if path.suffix == ".parquet":
        return PlanRows(_parquet_rows(path), [], {})
    if path.suffix == ".json":
        return _json_rows(path)
    raise PlanError(f"{path}: a plan is a .csv, .json or .parquet file, not '{path.suffix}'.")


def csv_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a CSV file, separated by commas, semicolons or tabs; empty cells are
    None."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        header = text.partition("\n")[0]
        separator = max(",;\t", key=header.count)
        lines = [
            line
            for line in csv.reader(io.StringIO(text, newline=""), delimiter=separator)
            if any(cell.strip() for cell in line)
        ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise PlanError(f"{path} cannot be read as CSV: {first_line(error)}. {ADVICE}") from error
    names = [name.strip() for name in lines[0]] if lines else []
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise PlanError(f"{path}: the column {twice or 'without a name'} is there twice.")
    for number, line in enumerate(lines[1:], 1):
        if len(line) > len(names):
            raise PlanError(
                f"{path}, row {number}: {len(line)} cells in {len(names)} columns. Write text with"
                " a comma in quotes."
            )
    padded = (line + [""] * (len(names) - len(line)) for line in lines[1:])
    return [
        {name: cell.strip() or None for name, cell in zip(names, line, strict=True)}
        for line in padded
    ]


def _parquet_rows(path: Path) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    from gprplus.schema.stored import reading_table

    with reading_table(path, PlanError, ADVICE), pq.ParquetFile(path) as file:
        rows: list[dict[str, Any]] = file.read().to_pylist()
    return rows


def _json_rows(path: Path) -> PlanRows:
    found = load_json(path, PlanError, "a render plan", ADVICE)
    if isinstance(found, list):
        found = {"cells": found}
    if not isinstance(found, dict) or not isinstance(found.get("cells"), list):
        raise PlanError(
            f"{path} is no render plan: a JSON object with a list 'cells' was expected. {ADVICE}"
        )
    kind, version = found.get("kind", KIND), found.get("schema_version", SCHEMA_VERSION)
    if kind != KIND or version != SCHEMA_VERSION:
        raise PlanError(
            f"{path}: expected {KIND} of schema version {SCHEMA_VERSION}, found {kind} of"
            f" {version}. {ADVICE}"
        )
    identities = found.get("identities", [])
    for name, rows in (("cells", found["cells"]), ("identities", identities)):
        if not isinstance(rows, list):
            raise PlanError(f"{path}: {name}: expected a list of objects.")
        for number, row in enumerate(rows, 1):
            if not isinstance(row, dict):
                raise PlanError(f"{path}, row {number} of {name}: expected an object.")
    info = {key: value for key, value in found.items() if key not in ("cells", "identities")}
    return PlanRows(found["cells"], identities, info)


def csv_plan(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows of a plan as the text of a CSV file, their identities as compact numbers."""
    flat = []
    for row in rows:
        cells = {name: "" if value is None else value for name, value in row.items()}
        if "identities" in cells:
            cells["identities"] = compact_numbers(map(int, cells["identities"]))
        if isinstance(cells.get("is_new"), bool):
            cells["is_new"] = str(cells["is_new"]).lower()
        flat.append(cells)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(flat[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return text.getvalue()
