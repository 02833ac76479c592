"""TensorBoard: an event file in a folder for each run."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gprplus.experiments.tracking.tracker import OpenRun, TrackedRun, Tracker, missing_package


class TensorBoardTracker(Tracker):
    """Writes to DIR/RUN; the option is DIR, by default `tensorboard` in the folder of trackers."""

    def __init__(self, options: str, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise missing_package("tensorboard", error) from error
        self._writer: Any = SummaryWriter
        self._folder = Path(options) if options else folder / "tensorboard"

    def open_run(self, about: TrackedRun, known_id: str | None, step: int) -> OpenRun:
        """Start or continue a run."""
        # Events of later steps, written just before a kill, are hidden by TensorBoard.
        purged = step + 1 if known_id else None
        writer = self._writer(str(self._folder / about.name), purge_step=purged)
        if not known_id:
            text = json.dumps(dict(about.config), indent=2)
            writer.add_text("config", f"```json\n{text}\n```")
        return _Run(writer, about.name)


class _Run(OpenRun):
    def __init__(self, writer: Any, id: str) -> None:
        self._writer, self.id = writer, id

    def log(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def log_scores(self, step: int, scores: Mapping[str, float]) -> None:
        self.log(step, scores)

    def add_report(self, page: Path, markdown: Path) -> None:
        self._writer.add_text("report", f"{page}\n\n{markdown.read_text(encoding='utf-8')}")

    def flush(self) -> None:
        self._writer.flush()

    def close(self, *, finished: bool) -> None:
        self._writer.close()
