"""Weights & Biases."""

import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gprplus.core.errors import TrainingError
from gprplus.experiments.tracking.tracker import (
    OpenRun,
    TrackedRun,
    Tracker,
    missing_package,
    parse_settings,
)

_MODES = ("online", "offline")


class WandbTracker(Tracker):
    """Logs to a project, by default `gprplus`; the API key comes from `wandb login` or
    WANDB_API_KEY."""

    def __init__(self, options: str, folder: Path) -> None:
        given = parse_settings("wandb", options, ("project", "entity", "mode"))
        if given.get("mode", "online") not in _MODES:
            raise TrainingError(
                f"--track wandb: mode is {' or '.join(_MODES)}; found '{given['mode']}'."
            )
        os.environ.setdefault("WANDB_DATA_DIR", str(folder.resolve() / "wandb-data"))  # of reports
        try:
            import wandb
        except ImportError as error:
            raise missing_package("wandb", error) from error
        self._wandb: Any = wandb
        quiet = wandb.Settings(console="off", silent=True)
        offline = (given.get("mode") or wandb.setup().settings.mode) != "online"
        if not offline and not _has_key(wandb):
            raise TrainingError(
                "--track wandb has no API key. Run `wandb login`, or use"
                " --track wandb:mode=offline and `wandb sync` later."
            )
        self._common = {"project": "gprplus", **given, "dir": str(folder), "settings": quiet}

    def open_run(self, about: TrackedRun, known_id: str | None, step: int) -> OpenRun:
        """Start or continue a run."""
        tags = [about.benchmark, about.arm]
        tags += [] if about.seed is None else [f"seed {about.seed}"]
        run = self._wandb.init(
            **self._common,
            id=known_id or uuid.uuid4().hex[:16],
            resume="allow",
            reinit="create_new",  # several runs of this process are open at a time
            name=about.name,
            group=about.group[:128],
            job_type="report" if about.seed is None else "training",
            tags=[tag[:64] for tag in tags],
            config=dict(about.config),
        )
        return _Run(self._wandb, run)


class _Run(OpenRun):
    def __init__(self, wandb: Any, run: Any) -> None:
        self._wandb, self._run, self.id = wandb, run, str(run.id)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        self._run.log(dict(values), step=step)

    def log_scores(self, step: int, scores: Mapping[str, float]) -> None:
        self._run.summary.update(dict(scores))

    def add_report(self, page: Path, markdown: Path) -> None:
        artifact = self._wandb.Artifact(f"report-{self.id}", type="report")
        artifact.add_file(str(page))
        artifact.add_file(str(markdown))
        self._run.log_artifact(artifact)

    def flush(self) -> None:
        pass  # sent by a process of wandb

    def close(self, *, finished: bool) -> None:
        self._run.finish(exit_code=0 if finished else 1)


def _has_key(wandb: Any) -> bool:
    """Return whether there is an API key; True where its server cannot be reached."""
    try:
        return bool(wandb.login(prompt=False))
    except Exception:  # a network error must not stop trainings
        return True
