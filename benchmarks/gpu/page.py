"""gpu.md and gpu.json: what the parts have found so far, and what did not run."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.gpu.schedule import DONE, WAITING, PartResult

COMMAND = "python -m benchmarks.gpu"
LOG_LINES = 15  # of a part that failed; gpu.json has more
# What the columns of the tables mean, under the tables.
NOTES = {
    "training": (
        "`images/s`: the whole training loop, sampling and augmentation included; `constant`: the"
        " same network on one batch that is on the device already; `over constant`: time of the"
        " loop over that of the constant batch; `peak`: share of the measured matrix product in"
        " the same precision; `first step`: seconds from the start, with the building of the"
        " network and, compiled, the compiler."
    ),
    "scoring": (
        "`product`: the product of the float32 features alone, in blocks on the device; for"
        " re-ranking that of all rows with each other."
    ),
    "jobs": "`images/s`: all jobs together, while all of them train; `a job`: one of them.",
    "learning": "mAP in percent on the test set of the demo's split; `untrained` is the floor.",
    "sweep": "One training of equal length for each rate, seed 0; mAP in percent.",
}


def write(folder: Path, results: Sequence[PartResult], seconds: float, rehearse: bool) -> None:
    """Write both files, each whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    data = {
        "command": COMMAND + " --rehearse" * rehearse,
        "seconds": seconds,
        "parts": [result.as_json() for result in results],
    }
    _replace(folder / "gpu.json", json.dumps(data, indent=1) + "\n")
    _replace(folder / "gpu.md", markdown(data))


def _replace(path: Path, text: str) -> None:
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(text, encoding="utf-8")
    os.replace(fresh, path)


def markdown(data: dict[str, Any]) -> str:
    """The page of the data of gpu.json."""
    parts = [
        "# Measured on a GPU",
        f"`{data['command']}`, {data['seconds']:.0f} s at most; docs/gpu.md explains the columns.",
        "## Parts",
        _table(
            ["part", "status", "seconds", "reason"],
            [
                [part["name"], part["status"], part["seconds"] or "", part["reason"]]
                for part in data["parts"]
            ],
        ),
    ]
    for part in data["parts"]:
        if part["status"] != WAITING:
            parts += _section(part)
    return "\n\n".join(parts) + "\n"


def _section(part: dict[str, Any]) -> list[str]:
    found = [f"## {part['title']}"]
    for table in dict.fromkeys(record["table"] for record in part["records"]):
        rows = [record for record in part["records"] if record["table"] == table]
        columns = list(dict.fromkeys(key for row in rows for key in row))
        columns.remove("table")
        if "note" in columns:  # last
            columns.remove("note")
            columns.append("note")
        cells = [[_shown(row.get(column, "")) for column in columns] for row in rows]
        found.append(_table([column.replace("_", " ") for column in columns], cells))
        found += [NOTES[table]] if table in NOTES else []
    if part["status"] != DONE:
        found.append(f"**{part['status']}**: {part['reason'] or 'until the command was cut off'}.")
    if part["log"]:
        found.append("```\n" + "\n".join(part["log"][-LOG_LINES:]) + "\n```")
    return found


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) and value >= 10_000 else str(value)


def _table(headers: list[str], rows: list[list[Any]]) -> str:
    cells = [[str(cell).replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    lines = ["| " + " | ".join(headers) + " |", "|" + " --- |" * len(headers)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in cells])
