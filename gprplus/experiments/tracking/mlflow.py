"""MLflow: a tracking server, or a database in a file."""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gprplus.experiments.tracking.tracker import (
    OpenRun,
    TrackedRun,
    Tracker,
    flat_config,
    missing_package,
)

_PARAMETERS_AT_ONCE = 100  # the limit of a request
_LONGEST = 500  # characters of a parameter, the limit of older servers


class MlflowTracker(Tracker):
    """Logs to an experiment (MLFLOW_EXPERIMENT_NAME, by default `gprplus`).

    The option is the URI of the server or database, by default MLFLOW_TRACKING_URI, else
    `mlflow.db` in the folder of trackers.
    """

    def __init__(self, options: str, folder: Path) -> None:
        try:
            from mlflow import MlflowClient
        except ImportError as error:
            raise missing_package("mlflow", error) from error
        folder = folder.resolve()
        self._uri = options or os.environ.get("MLFLOW_TRACKING_URI", "")
        self._artifacts = None
        if not self._uri:
            folder.mkdir(parents=True, exist_ok=True)
            self._uri = f"sqlite:///{folder / 'mlflow.db'}"
            self._artifacts = (folder / "mlflow-artifacts").as_uri()
        self._client_class: Any = MlflowClient
        self._client: Any = None
        self._experiment = ""

    def _connect(self) -> None:
        """Find or create the experiment. This is the first request to a server."""
        self._client = self._client_class(tracking_uri=self._uri, registry_uri=self._uri)
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", "gprplus")
        found = self._client.get_experiment_by_name(name)
        self._experiment = (
            found.experiment_id
            if found
            else self._client.create_experiment(name, artifact_location=self._artifacts)
        )

    def open_run(self, about: TrackedRun, known_id: str | None, step: int) -> OpenRun:
        """Start or continue a run."""
        if self._client is None:
            self._connect()
        if known_id:
            self._client.update_run(known_id, status="RUNNING")
            return _Run(self._client, known_id)
        tags = {"benchmark": about.benchmark, "arm": about.arm, "group": about.group}
        tags |= {} if about.seed is None else {"seed": str(about.seed)}
        run = self._client.create_run(self._experiment, tags=tags, run_name=about.name)
        opened = _Run(self._client, run.info.run_id)
        opened.log_config(about.config)
        return opened


class _Run(OpenRun):
    def __init__(self, client: Any, id: str) -> None:
        self._client, self.id = client, id

    def log_config(self, config: Mapping[str, Any]) -> None:
        """Log settings as parameters."""
        from mlflow.entities import Param

        found = [Param(name, str(value)[:_LONGEST]) for name, value in flat_config(config).items()]
        for start in range(0, len(found), _PARAMETERS_AT_ONCE):
            part = found[start : start + _PARAMETERS_AT_ONCE]
            self._client.log_batch(self.id, params=part)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        from mlflow.entities import Metric

        now = int(1000 * time.time())
        found = [Metric(name, float(value), now, step) for name, value in values.items()]
        self._client.log_batch(self.id, metrics=found)

    def log_scores(self, step: int, scores: Mapping[str, float]) -> None:
        self.log(step, scores)

    def add_report(self, page: Path, markdown: Path) -> None:
        for path in (page, markdown):
            self._client.log_artifact(self.id, str(path))

    def flush(self) -> None:
        pass  # each request is sent at once

    def close(self, *, finished: bool) -> None:
        self._client.set_terminated(self.id, "FINISHED" if finished else "KILLED")
