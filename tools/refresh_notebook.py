"""Run docs/notebook.ipynb and keep what it shows: `python tools/refresh_notebook.py`.

The cells are run in order in a new, empty folder, as a notebook runs them: what a cell prints, and
the value of its last line as text, HTML or PNG, become its outputs. A test runs the cells again and
compares.
"""

import ast
import base64
import contextlib
import io
import json
import os
import tempfile
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parent.parent / "docs" / "notebook.ipynb"


def run(notebook: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return the notebook with the outputs of its code cells, run in `folder`."""
    names: dict[str, Any] = {"__name__": "notebook"}
    cells, count = [], 0
    with contextlib.chdir(folder):
        for cell in notebook["cells"]:
            if cell["cell_type"] != "code":
                cells.append(cell)
                continue
            count += 1
            outputs = run_cell("".join(cell["source"]), names, count)
            cells.append({**cell, "execution_count": count, "outputs": outputs})
    return {**notebook, "cells": cells}


def run_cell(source: str, names: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """Run one cell, and return its outputs as a notebook keeps them."""
    tree = ast.parse(source)
    end = tree.body[-1]
    last = ast.Expression(end.value) if isinstance(end, ast.Expr) else None
    if last:
        tree.body.pop()
    printed, value = io.StringIO(), None
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, f"cell {count}", "exec"), names)
        if last is not None:
            value = eval(compile(last, f"cell {count}", "eval"), names)
    outputs: list[dict[str, Any]] = []
    if printed.getvalue():
        outputs.append(
            {"output_type": "stream", "name": "stdout", "text": lines_of(printed.getvalue())}
        )
    if value is not None:
        outputs.append(
            {
                "output_type": "execute_result",
                "execution_count": count,
                "metadata": {},
                "data": shown(value),
            }
        )
    return outputs


def shown(value: Any) -> dict[str, Any]:
    """Return the forms in which a notebook shows a value."""
    data: dict[str, Any] = {}
    html = value._repr_html_() if hasattr(value, "_repr_html_") else None
    if html:
        data["text/html"] = lines_of(html)
    png = picture(value)
    if png:
        data["image/png"] = base64.b64encode(png).decode()
        return {**data, "text/plain": [f"<{type(value).__name__}>"]}
    return {**data, "text/plain": lines_of(repr(value))}


def picture(value: Any) -> bytes:
    """Return a PIL image or a matplotlib figure as PNG; nothing for any other value."""
    file = io.BytesIO()
    if hasattr(value, "savefig"):
        value.savefig(file, format="png", bbox_inches="tight", dpi=80)
    elif hasattr(value, "_repr_png_"):
        value.save(file, format="PNG", optimize=True)
    return file.getvalue()


def lines_of(text: str) -> list[str]:
    """Return a text as a notebook keeps it: its lines, each with its end."""
    return text.splitlines(keepends=True)


def main() -> None:
    notebook = json.loads(PAGE.read_text(encoding="utf-8"))
    os.environ.pop("GPRPLUS_WORK", None)
    with tempfile.TemporaryDirectory() as folder:
        done = run(notebook, Path(folder))
    PAGE.write_text(json.dumps(done, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
