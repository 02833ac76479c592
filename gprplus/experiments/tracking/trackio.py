"""Trackio: a database in a folder, or a Hugging Face Space."""

import io
import os
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from gprplus.experiments.tracking.tracker import (
    OpenRun,
    TrackedRun,
    Tracker,
    flat_config,
    missing_package,
    parse_settings,
)


class TrackioTracker(Tracker):
    """Logs to a project, by default `gprplus`, in TRACKIO_DIR, by default `trackio` in the folder
    of trackers."""

    def __init__(self, options: str, folder: Path) -> None:
        given = parse_settings("trackio", options, ("project", "space_id", "server_url"))
        os.environ.setdefault("TRACKIO_DIR", str(folder.resolve() / "trackio"))
        try:
            import trackio
        except ImportError as error:
            raise missing_package("trackio", error) from error
        self._trackio: Any = trackio
        self._common: dict[str, Any] = {"project": "gprplus", **given, "embed": False}
        self._common |= {"auto_log_gpu": False, "auto_log_cpu": False}

    def open_run(self, about: TrackedRun, known_id: str | None, step: int) -> OpenRun:
        """Start or continue a run."""
        with redirect_stdout(io.StringIO()):  # stdout has the results of the command
            run = self._trackio.init(
                **self._common,
                name=about.name,
                group=about.group,
                config=flat_config(about.config),
                resume="must" if known_id else "never",
            )
        self._trackio.context_vars.current_run.set(None)  # else the next `init` finishes it
        return _Run(run)


class _Run(OpenRun):
    def __init__(self, run: Any) -> None:
        self._run, self.id = run, str(run.id)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        self._run.log(dict(values), step=step)

    def log_scores(self, step: int, scores: Mapping[str, float]) -> None:
        self.log(step, scores)

    def add_report(self, page: Path, markdown: Path) -> None:
        for path in (page, markdown):
            self._run.log_artifact(str(path), type="report")

    def flush(self) -> None:
        pass  # a thread of trackio writes

    def close(self, *, finished: bool) -> None:
        with redirect_stdout(io.StringIO()):
            self._run.finish()
