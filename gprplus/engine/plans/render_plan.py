"""A render plan: the cells of an engine's factors, and the identities to draw in each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gprplus.core.errors import PlanError
from gprplus.core.files.folders import claim_folder, remove_output
from gprplus.core.files.paths import AnyPath
from gprplus.core.files.workdir import (
    fingerprint,
    package_versions,
    write_json,
    write_table,
    write_text,
)
from gprplus.engine.plans.plan_cells import PlanCell, cells_table, checked_cells
from gprplus.engine.plans.plan_files import (
    CSV,
    IDENTITIES,
    JSON,
    KIND,
    PARQUET,
    SCHEMA_VERSION,
    csv_plan,
    read_rows,
)
from gprplus.engine.plans.plan_identities import identities_table

if TYPE_CHECKING:
    import pyarrow as pa

FOLDER_KIND = "render plan"  # of a folder, as its mark states


@dataclass(frozen=True, repr=False, eq=False)
class RenderPlan:
    """Images to draw: one row of `cells` is one cell with its identities, one image each.

    `cells` and `identities` have the columns of `schema.render_plan` (of the attributes of
    identities, those that the plan expects). `info` has `schema_version`, `kind`, `name`,
    `request`, `evidence`, `versions` and `fingerprint`.
    """

    cells: "pa.Table"
    identities: "pa.Table"
    info: dict[str, Any]

    @classmethod
    def make(
        cls,
        name: str,
        cells: Sequence[Mapping[str, Any]],
        *,
        identities: Sequence[Mapping[str, Any]] = (),
        info: Mapping[str, Any] | None = None,
        where: str = "the plan",
    ) -> "RenderPlan":
        """Return a plan from rows. Raises PlanError with the row for whatever does not fit.

        Args:
            name: name of the plan, for records.
            cells: rows by column. Needed are `viewpoint_deg`, `weather`, `illumination` and
                `identities` (a list of names or numbers, or a text such as "1-4 7").
            identities: rows with `identity`, attributes, `reason`; by default those of the cells.
            info: further entries, such as `request` and `evidence`.
            where: what messages call the plan, such as its file.
        """
        checked = checked_cells(cells, where)
        known = {"schema_version": SCHEMA_VERSION, "kind": KIND, "name": name}
        rest = {"request": {}, "evidence": {}, "versions": package_versions(), **(info or {})}
        plan = cls(
            cells_table(checked),
            identities_table(identities, checked, where),
            {**known, **rest, **known, "fingerprint": _fingerprint(checked)},
        )
        plan.__dict__["rows"] = checked  # the cached property
        return plan

    @classmethod
    def open(cls, path: AnyPath) -> "RenderPlan":
        """Return the plan in a folder, or in one of its files: .json, .csv or .parquet.

        A hand-written CSV file needs the columns `viewpoint_deg`, `weather`, `illumination` and
        `identities`. Raises PlanError.
        """
        path = Path(path)
        if path.is_dir():
            return _whole_folder(path)
        found = read_rows(path)
        name = path.parent.resolve().name if path.stem == "plan" else path.stem
        name = str(found.info.get("name", name))
        return cls.make(
            name, found.cells, identities=found.identities, info=found.info, where=str(path)
        )

    def write(self, folder: AnyPath) -> Path:
        """Write plan.parquet, plan.csv, identities.csv and, last, plan.json; return the folder. The
        plan.json of an earlier plan is removed first."""
        folder = Path(folder)
        real = claim_folder(folder, FOLDER_KIND, PlanError)
        rows, identities = self.cells.to_pylist(), self.identities.to_pylist()
        remove_output(real / JSON)
        write_table(real / PARQUET, self.cells)
        write_text(real / CSV, csv_plan(rows))
        write_text(real / IDENTITIES, csv_plan(identities))
        write_json(real / JSON, {**self.info, "cells": rows, "identities": identities})
        return folder

    @property
    def name(self) -> str:
        """Return the name of the plan."""
        return str(self.info["name"])

    @property
    def fingerprint(self) -> str:
        """Return the fingerprint of the images: of levels and identities, in any order."""
        return str(self.info["fingerprint"])

    @cached_property
    def rows(self) -> list[PlanCell]:
        """Return the cells as objects."""
        return checked_cells(self.cells.to_pylist(), self.name)

    @property
    def images(self) -> int:
        """Return the number of images."""
        return sum(len(row.identities) for row in self.rows)

    def __repr__(self) -> str:
        new = sum(row.is_new is True for row in self.rows)
        return (
            f"RenderPlan '{self.name}': {self.images:,} images of {self.identities.num_rows:,}"
            f" identities in {len(self.rows):,} cells, {new:,} of them new"
        )


def _whole_folder(folder: Path) -> RenderPlan:
    """Return the plan of plan.json; PlanError if plan.csv was edited, since both cannot hold."""
    if not (folder / JSON).exists():
        raise PlanError(f"{folder} is no render plan: it has no {JSON}. Give the file of a plan.")
    plan = RenderPlan.open(folder / JSON)
    edited = (folder / CSV).exists() and not _is_text_of(folder / CSV, plan)
    if edited and RenderPlan.open(folder / CSV).fingerprint != plan.fingerprint:
        raise PlanError(
            f"{folder / CSV} differs from {JSON}. Give the file that holds, such as"
            f" {folder / CSV}, instead of the folder."
        )
    return plan


def _is_text_of(path: Path, plan: RenderPlan) -> bool:
    """Return True if a CSV file is as `write` made it, which is quicker to see than what it holds."""
    try:
        return path.read_bytes() == csv_plan(plan.cells.to_pylist()).encode()
    except OSError:
        return False


def _fingerprint(cells: Sequence[PlanCell]) -> str:
    """Return the fingerprint of what is drawn; rows of one cell count as one row."""
    drawn: dict[tuple[object, ...], list[int]] = {}
    for cell in cells:
        drawn.setdefault(cell.levels, []).extend(cell.identities)
    return fingerprint(sorted([*map(str, levels), *sorted(who)] for levels, who in drawn.items()))
