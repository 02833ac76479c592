"""`make gpu`: a part that fails or hangs is reported and the others run; every part is rehearsed on
the processor."""

import json
import pickle
import re
import sys
from pathlib import Path

import pytest

from benchmarks.gpu import __main__ as command
from benchmarks.gpu import device_tests, page, schedule
from benchmarks.gpu.part import PartContext
from benchmarks.gpu.parts import PARTS
from benchmarks.gpu.schedule import Part, run_parts

ROOT = Path(__file__).parents[1]
CHEAP = [part for part in PARTS if part.name != "tests"]


def bad(name: str, most: float = 30.0, least: float = 1.0) -> Part:
    return Part(name, f"gpu_parts:{name}", name.capitalize(), least, most)


@pytest.fixture
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "tests" / "support"))


@pytest.mark.usefixtures("_importable")
def test_parts_that_fail_crash_or_hang_are_reported_and_the_others_run(tmp_path: Path) -> None:
    parts = [bad("fails"), bad("hangs", most=3), bad("crashes"), bad("has_a_bad_row"), bad("works")]
    states = []

    def changed(results):
        states.append([result.status for result in results])
        page.write(tmp_path / "kept", results, 60, rehearse=True)

    results = run_parts(parts, 60, tmp_path, changed)
    status = {result.part.name: (result.status, result.reason) for result in results}
    assert status == {
        "fails": ("failed", "exit code 1: ValueError: the kernel | was wrong"),
        "hangs": ("timed out", "killed after 3 s"),
        "crashes": ("failed", status["crashes"][1]),
        "has_a_bad_row": ("failed", "exit code 1: 1 rows failed; their notes have the reasons"),
        "works": ("done", ""),
    }
    assert status["crashes"][1].startswith("signal 6")
    assert ["failed", "running", "waiting", "waiting", "waiting"] in states
    found = {result.part.name: result.records for result in results}
    assert found["fails"] == [{"table": "found", "value": "before the error"}]
    assert found["hangs"] == [{"table": "found", "value": "before the hang"}]
    assert found["has_a_bad_row"] == [
        {"table": "found", "size": 1, "note": "failed: ZeroDivisionError: division by zero"},
        {"table": "found", "size": 2, "quotient": 0.5},
        {"table": "found", "size": 4, "note": found["has_a_bad_row"][2]["note"]},
    ]
    assert found["has_a_bad_row"][2]["note"].startswith("not run: needs 1000000 s")
    data = json.loads((tmp_path / "kept" / "gpu.json").read_text())
    assert [part["status"] for part in data["parts"]] == [result.status for result in results]
    text = (tmp_path / "kept" / "gpu.md").read_text()
    assert "| fails | failed |" in text
    assert "the kernel \\| was wrong" in text, "a table is not broken by what it holds"
    assert "| before the hang |" in text
    assert "| 2 | 0.5 |  |" in text
    assert "| 42 |" in text
    assert "time.sleep" not in text
    assert "Traceback" in text, "the end of the log of a part that failed"


@pytest.mark.usefixtures("_importable")
def test_a_part_leaves_later_ones_their_time_and_does_not_start_without_its_own(
    tmp_path: Path,
) -> None:
    parts = [bad("hangs", most=500), bad("works", least=8), bad("fails", least=20)]
    first, second, third = run_parts(parts, 30, tmp_path, lambda _: None)
    assert (first.status, first.reason) == ("timed out", "killed after 2 s")
    assert second.status == "done"
    assert third.status == "failed"
    only = run_parts([bad("works", least=10)], 4, tmp_path, lambda _: None)[0]
    assert (only.status, only.reason) == ("not run", "4 s of 4 s were left")


def test_what_is_found_before_the_command_is_cut_off_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "tests" / "support"))
    monkeypatch.setattr(schedule, "LOOK_EVERY", 0.1)

    class Stopped(Exception):
        pass

    def changed(results):
        page.write(tmp_path / "kept", results, 60, rehearse=True)
        if results[0].records:
            raise Stopped

    with pytest.raises(Stopped):
        run_parts([bad("hangs"), bad("works")], 60, tmp_path, changed)
    text = (tmp_path / "kept" / "gpu.md").read_text()
    assert "| hangs | running |" in text
    assert "| works | waiting |" in text
    assert "| before the hang |" in text


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the parts share, as in a run of the command."""
    return tmp_path_factory.mktemp("scratch")


@pytest.mark.parametrize("part", CHEAP, ids=[part.name for part in CHEAP])
def test_every_part_runs_on_the_processor(part: Part, tmp_path: Path, scratch: Path) -> None:
    context = PartContext(tmp_path / "records", 600, scratch, rehearse=True)
    module, _, function = part.target.partition(":")
    __import__(module)
    getattr(sys.modules[module], function)(context)
    assert context.failed == 0
    rows = [json.loads(line) for line in context.records.read_text().splitlines()]
    assert rows
    assert [row["note"] for row in rows if "note" in row] == []


def test_a_job_can_be_sent_to_its_process_and_is_timed_while_all_are_at_work(
    tmp_path: Path,
) -> None:
    from benchmarks.gpu import jobs, speed

    context = PartContext(tmp_path / "records", 600, tmp_path, rehearse=True)
    job = jobs.Job(speed.recipe_for(context, "fast", 8), "cpu", 2, context)
    function, sent = pickle.loads(pickle.dumps((jobs._trained, job)))
    assert function is jobs._trained
    assert (sent.recipe, sent.count, sent.context.rehearse) == (job.recipe, 2, True)
    log = [(0.0, 100), (1.0, 200), (2.0, 300), (4.0, 900)]
    assert jobs._rate(log, 0.5, 4.0) == pytest.approx(700 / 3)
    with pytest.raises(RuntimeError, match="did not overlap"):
        jobs._rate(log, 2.5, 3.0)


@pytest.mark.slow
def test_the_command_writes_its_page_and_never_over_the_kept_one_in_a_rehearsal(
    tmp_path: Path,
) -> None:
    with pytest.raises(SystemExit, match="give a folder with -o"):
        command.main(["--rehearse"])
    kept = tmp_path / "kept"
    assert command.main(["--rehearse", "--only", "machine", "tests", "-o", str(kept)]) == 0
    data = json.loads((kept / "gpu.json").read_text())
    assert [part["name"] for part in data["parts"]] == ["machine", "tests"]
    facts = {row["fact"] for row in data["parts"][0]["records"] if row["table"] == "machine"}
    assert {"processor", "python", "torch", "missing packages"} <= facts
    counts = data["parts"][1]["records"][-1]
    assert counts["failed"] == 0
    assert counts["passed"] + counts["skipped"] > 20, "tests marked gpu, skipped without one"


def test_the_parts_fit_the_budget_and_all_files_with_marked_tests_are_run() -> None:
    assert sum(part.least for part in PARTS) <= 420
    assert all(part.least <= part.most for part in PARTS)
    marked = re.compile(r"\bon_gpu\b|mark\.gpu")
    own = {"conftest.py", Path(__file__).name}
    files = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "tests").rglob("*.py")
        if path.name not in own and marked.search(path.read_text())
    }
    assert files == set(device_tests.FILES)
