"""Output files of an analysis: CSV and Markdown of every table, and one plot for each attribute."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv

from gprplus.core import escape
from gprplus.core.files.workdir import atomic_write, write_text

_INK, _BAND, _LINE = "#1f3b57", "#d9dee4", "#8a94a0"


def write_pages(home: Path, info: Mapping[str, Any], tables: Mapping[str, pa.Table]) -> None:
    """Write NAME.csv and NAME.md of every table, and ATTRIBUTE.png for each attribute with
    distances or losses."""
    for name, table in tables.items():
        write_table_csv(home / f"{name}.csv", table)
        write_text(home / f"{name}.md", analysis_markdown(name, table))
    if "distances" in tables:
        for attribute in info["request"]["attributes"]:
            _forest(home / f"{attribute}.png", attribute, info, tables["distances"].to_pylist())
    if "kept" in info:
        for attribute in info["kept"]:
            _losses(home / f"{attribute}.png", attribute, info, tables["losses"].to_pylist())


def write_table_csv(path: Path, table: pa.Table) -> None:
    """A table as text, whole or not at all."""
    with atomic_write(path) as temporary:
        pa.csv.write_csv(escape.csv_table(table), temporary)


def analysis_markdown(name: str, table: pa.Table) -> str:
    """A table as Markdown under its name."""
    lines = [table.column_names, ["---"] * table.num_columns]
    lines += [[_cell(value) for value in row.values()] for row in table.to_pylist()]
    return f"# {name}\n\n" + "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else escape.escape_markdown(str(value))


def _forest(
    path: Path, attribute: str, info: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Levels by distance, an axis for each kind of features: dot, interval, and the band of
    shuffled levels."""
    mine = [row for row in rows if row["attribute"] == attribute and row["measure"] == "energy"]
    kinds = list(dict.fromkeys(info["main"].values()))
    panels = [
        sorted((row for row in mine if row["features"] == kind), key=lambda row: -row["distance"])
        for kind in kinds
    ]
    figure, axes = _figure(len(panels), max(map(len, panels)))
    for axis, kind, panel in zip(axes, kinds, panels, strict=True):
        axis.axvspan(
            panel[0]["null_low"], panel[0]["null_high"], color=_BAND, lw=0, label="shuffled levels"
        )
        _dots(axis, panel, "distance")
        axis.set_title("histograms" if kind == "all" else kind, fontsize=9, loc="left")
        axis.set_xlabel("debiased energy distance, 95% interval over identities", fontsize=8)
    axes[0].legend(fontsize=7, frameon=False, loc="upper right")
    _save(figure, path, f"{attribute}: distance to {info['target']}")


def _losses(
    path: Path, attribute: str, info: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Raw and debiased total loss of every level, in the order of the first; kept levels are
    filled."""
    mine = sorted(
        (row for row in rows if row["attribute"] == attribute), key=lambda row: -row["total"]
    )
    figure, axes = _figure(2, len(mine))
    _dots(axes[0], mine, "total", [row["kept"] for row in mine])
    axes[0].axvline(
        sum(row["total"] for row in mine) / len(mine),
        color=_LINE,
        ls="--",
        lw=1,
        label="mean of levels",
    )
    axes[0].legend(fontsize=7, frameon=False, loc="upper right")
    axes[0].set_xlabel("raw loss, as in the paper (filled: kept)", fontsize=8)
    axes[1].plot([row["total_debiased"] for row in mine], range(len(mine)), "o", color=_INK, ms=5)
    axes[1].set_yticks([])
    axes[1].set_xlabel("debiased loss", fontsize=8)
    _save(figure, path, f"{attribute}: VGG-19 loss against {info['target']}")


def _figure(panels: int, rows: int) -> tuple[Any, list[Any]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2 * panels + 0.8, 1.3 + 0.28 * rows), layout="constrained")
    axes = figure.subplots(1, panels, squeeze=False)[0]
    for axis in axes:
        axis.spines[["top", "right", "left"]].set_visible(False)
        axis.tick_params(labelsize=8, length=0)
        axis.grid(axis="x", color="#eef0f2")
        axis.set_axisbelow(True)
        axis.set_ylim(
            -0.5, rows - 0.5
        )  # otherwise the first row is on the axis, the last on the upper edge
    return figure, list(axes)


def _dots(
    axis: Any, rows: Sequence[Mapping[str, Any]], value: str, filled: Sequence[bool] | None = None
) -> None:
    for place, row in enumerate(rows):
        axis.plot([row["low"], row["high"]], [place, place], color=_INK, lw=1.2)
        inside = _INK if filled is None or filled[place] else "white"
        axis.plot(row[value], place, "o", color=_INK, mfc=inside, ms=5)
    axis.set_yticks(range(len(rows)), [row["value"] for row in rows])


def _save(figure: Any, path: Path, title: str) -> None:
    figure.suptitle(title, fontsize=10, x=0.01, ha="left")
    with atomic_write(path) as temporary:
        figure.savefig(temporary, format="png", dpi=130)
