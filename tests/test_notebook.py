"""docs/notebook.ipynb is run: it ends with a figure, and the outputs that it holds are those that
its cells print."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tools import refresh_notebook as TOOL

KEPT = json.loads(TOOL.PAGE.read_text(encoding="utf-8"))


def outputs(notebook, varies):
    """The outputs of the code cells; of cells whose figures depend on the machine, only their
    forms."""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code" and ("varies" in cell["metadata"].get("tags", [])) is varies:
            yield [facts(output, varies) for output in cell["outputs"]]


def facts(output, varies):
    if varies:
        return sorted(output.get("data", {output["output_type"]: 0}))
    return output.get("text") or (sorted(output["data"]), output["data"]["text/plain"])


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The folder in which the notebook was run, and the notebook with its outputs."""
    folder = tmp_path_factory.mktemp("notebook")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("GPRPLUS_WORK", raising=False)
        return folder, TOOL.run(KEPT, folder)


@pytest.mark.slow
def test_the_notebook_runs_and_shows_what_it_holds(ran: tuple[Path, dict[str, Any]]) -> None:
    folder, found = ran
    for varies in (False, True):
        assert list(outputs(found, varies)) == list(outputs(KEPT, varies)), (
            "run `python tools/refresh_notebook.py`"
        )
    assert (folder / "work" / "runs" / "weather" / "glance" / "report.html").is_file()


@pytest.mark.slow
def test_the_page_of_the_library_runs_where_the_notebook_ended(
    ran: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ran[0])
    monkeypatch.delenv("GPRPLUS_WORK", raising=False)
    page = (TOOL.PAGE.parent / "library.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {"__name__": "page"}
    for block in re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
        exec(compile(block, "library.md", "exec"), names)
    assert (ran[0] / "sheet.png").is_file()


def test_the_notebook_shows_tables_images_and_a_figure() -> None:
    shown = [
        output["data"]
        for cell in KEPT["cells"]
        for output in cell.get("outputs", [])
        if "data" in output
    ]
    assert sum("image/png" in data for data in shown) == 3
    assert shown[-1]["text/plain"] == ["<Figure>"]
    assert sum("<table" in "".join(data.get("text/html", "")) for data in shown) >= 5
    assert not any("Error" in "".join(data["text/plain"]) for data in shown)
