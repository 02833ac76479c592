"""What runs write, sent to a tracker by a thread of the command.

The curve of a run is its log.jsonl, its scores are in run.json: runs may be trained by other
processes, on other nodes or by an earlier command. `tracking.json` in the folder of a run records
what was sent, so that a continued run sends only the rest.
"""

import hashlib
import json
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gprplus.core.errors import TrackingWarning, first_line
from gprplus.core.files import workdir
from gprplus.evaluation.targets import is_cross_level
from gprplus.experiments.run import LOG, TrainingRun, read_run_record
from gprplus.experiments.run_reports import DONE, RunReport
from gprplus.experiments.tracking.choose import ChosenTracker
from gprplus.experiments.tracking.tracker import OpenRun, TrackedRun
from gprplus.schema.run_record import RunRecord

STATE = "tracking.json"
_PERIOD_S = 1.0  # between two looks at the runs
_PATIENCE_S = 120.0  # with a tracker that does not answer, when all else is done
_PATIENCE_STOPPED_S = 10.0  # when the command was stopped


@dataclass
class _State:
    """What a tracker has of a run: its id there, the last step, and digests of scores and report."""

    id: str | None = None
    step: int = 0
    sent: dict[str, str] = field(default_factory=dict)


@contextmanager
def follow_runs(opened: ChosenTracker | None, output: Path) -> Iterator["RunFollower"]:
    """Yield a follower that sends runs below `output` to a tracker; without one it does nothing."""
    follower = RunFollower(opened, output)
    try:
        yield follower
    except BaseException:
        follower.stop(finished=False)
        raise
    follower.stop(finished=True)


class RunFollower:
    """Sends runs to a tracker. A tracker that fails is left, with one warning; trainings go on.

    Args:
        chosen: the tracker; None to do nothing.
        output: the folder that names of runs are relative to.
    """

    def __init__(self, chosen: ChosenTracker | None, output: Path) -> None:
        self._chosen, self._output = chosen, output
        self._runs: dict[str, TrainingRun] = {}
        self._reports: list[tuple[Path, TrackedRun]] = []
        self._pending: dict[str, bool] = {}  # folders with news, and whether the run is done
        self._open: dict[str, tuple[OpenRun, _State]] = {}
        self._lock, self._stopping = threading.Lock(), threading.Event()
        self._finished = True
        self._thread = threading.Thread(target=self._work, daemon=True)
        if chosen:
            self._thread.start()

    def add(self, runs: Sequence[TrainingRun]) -> None:
        """Follow runs. Those that are finished already are sent if they were not."""
        with self._lock:
            self._runs |= {str(one.folder): one for one in runs}
            self._pending |= {str(one.folder): True for one in runs if not one.missing()}

    def advance(self, report: RunReport) -> None:
        """Take a report of a run; from any thread."""
        with self._lock:
            done = self._pending.get(report.folder, False) or report.phase == DONE
            self._pending[report.folder] = done

    def add_report(self, folder: Path, config: Mapping[str, Any]) -> None:
        """Send the report in a folder of runs."""
        name = folder.relative_to(self._output).as_posix()
        self._reports.append((folder, TrackedRun(f"{name}/report", name, "report", None, config)))

    def stop(self, *, finished: bool) -> None:
        """Send the rest and close the open runs; `finished` is False if the command was stopped."""
        if self._chosen is None:
            return
        self._finished = finished
        with self._lock:  # a report is lost with the node that kept it
            done = (folder for folder, run in self._runs.items() if not run.missing())
            self._pending |= dict.fromkeys(done, True)
        self._stopping.set()
        seconds = _PATIENCE_S if finished else _PATIENCE_STOPPED_S
        self._thread.join(seconds)
        if self._thread.is_alive():
            self._warn(f"no answer within {seconds:.0f} s")

    def _warn(self, reason: str) -> None:
        sentence = (
            f"--track {self._chosen.name if self._chosen else ''} failed: {reason}. Trainings are not affected;"
            " the same command sends what is missing."
        )
        warnings.warn(sentence, TrackingWarning, stacklevel=2)

    def _work(self) -> None:
        """The thread."""
        try:
            while not self._stopping.wait(_PERIOD_S):
                self._send_pending()
            self._send_pending()
            for folder, about in self._reports:
                self._send_report(folder, about)
            for opened, _ in self._open.values():
                opened.close(finished=self._finished)
        except Exception as error:  # whatever a library raises
            self._warn(first_line(error))

    def _send_pending(self) -> None:
        with self._lock:
            pending, self._pending = self._pending, {}
        for folder, done in pending.items():
            self._send_run(self._runs[folder], done)

    def _send_run(self, training_run: TrainingRun, done: bool) -> None:
        lines = _lines(training_run.folder / LOG)
        record = read_run_record(training_run.folder) if done else None
        folder = str(training_run.folder)
        state = self._open[folder][1] if folder in self._open else self._read(training_run.folder)
        new = [line for line in lines if line["step"] > state.step]
        scores = _new_scores(record, state)
        if new or scores:
            opened, state = self._opened(training_run, record)
            _send_lines(opened, lines, state)
            if record and scores:
                opened.log_scores(record.steps, _flat_scores(record, scores))
                state.sent |= {name: record.targets[name].fingerprint for name in scores}
            opened.flush()
            self._write(training_run.folder, state)
        if done and folder in self._open:
            self._open.pop(folder)[0].close(finished=True)

    def _opened(
        self, training_run: TrainingRun, record: RunRecord | None
    ) -> tuple[OpenRun, _State]:
        assert self._chosen is not None
        folder = str(training_run.folder)
        if folder not in self._open:
            state = self._read(training_run.folder)
            about = self._about(training_run, record)
            opened = self._chosen.tracker.open_run(about, state.id, state.step)
            state.id = opened.id
            self._write(training_run.folder, state)
            self._open[folder] = opened, state
        return self._open[folder]

    def _about(self, training_run: TrainingRun, record: RunRecord | None) -> TrackedRun:
        name = training_run.folder.relative_to(self._output).as_posix()
        data = training_run.data
        config = {
            "split": training_run.split,
            "split_fingerprint": training_run.split_fingerprint,
            "arm": training_run.arm,
            "seed": training_run.seed,
            "deal": training_run.deal,
            "train_images": len(data.uids) if data else 0,
            "train_identities": data.identities if data else 0,
            "device": training_run.device,
            "recipe": record.config if record else training_run.recipe.resolved(),
            "versions": workdir.package_versions(),
        }
        benchmark = name.rsplit("/", 2)[0]
        return TrackedRun(name, benchmark, training_run.arm, training_run.seed, config)

    def _send_report(self, folder: Path, about: TrackedRun) -> None:
        assert self._chosen is not None
        page, markdown = folder / "report.html", folder / "results.md"
        digest = hashlib.sha256(page.read_bytes()).hexdigest()
        state = self._read(folder)
        if state.sent.get("report") == digest:
            return
        opened = self._chosen.tracker.open_run(about, state.id, 0)
        opened.add_report(page, markdown)
        opened.close(finished=True)
        self._write(folder, _State(opened.id, 0, {"report": digest}))

    def _key(self) -> str:
        assert self._chosen is not None
        return self._chosen.key

    def _read(self, folder: Path) -> _State:
        try:
            found = json.loads((folder / STATE).read_text(encoding="utf-8"))[self._key()]
            return _State(str(found["id"]), int(found["step"]), dict(found["sent"]))
        except (OSError, ValueError, KeyError, TypeError):
            return _State()

    def _write(self, folder: Path, state: _State) -> None:
        try:
            known = json.loads((folder / STATE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            known = {}
        known[self._key()] = {"id": state.id, "step": state.step, "sent": state.sent}
        workdir.write_json(folder / STATE, known)


def _lines(log: Path) -> list[dict[str, Any]]:
    """Return the lines of a run's log, without one that is being written."""
    found = []
    try:
        for line in log.read_text(encoding="utf-8").splitlines():
            found.append(json.loads(line))
    except (OSError, ValueError):
        pass
    return found


def _send_lines(opened: OpenRun, lines: Sequence[Mapping[str, Any]], state: _State) -> None:
    """Log the lines after the last step that was sent."""
    images, seconds = 0, 0.0
    for line in lines:
        if line["step"] > state.step:
            values = {"loss": line["loss"], "lr": line["lr"]}
            if line["seconds"] > seconds:
                values["images_per_second"] = (line["images"] - images) / (
                    line["seconds"] - seconds
                )
            opened.log(line["step"], values)
            state.step = line["step"]
        images, seconds = line["images"], line["seconds"]


def _new_scores(record: RunRecord | None, state: _State) -> list[str]:
    """Return the names of targets whose scores were not sent; without the further tests of a split,
    of which there are as many as pairs of levels."""
    targets = record.targets if record else {}
    whole = {name: one for name, one in targets.items() if not is_cross_level(name)}
    return [name for name, one in whole.items() if state.sent.get(name) != one.fingerprint]


def _flat_scores(record: RunRecord, names: Sequence[str]) -> dict[str, float]:
    """Return scores as TARGET/METRIC."""
    return {
        f"{name}/{metric}": float(value)
        for name in names
        for metric, value in record.targets[name].scores.items()
    }
