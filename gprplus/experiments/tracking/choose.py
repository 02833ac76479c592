"""The tracker of `--track`."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from gprplus.core.errors import TrainingError, did_you_mean
from gprplus.experiments.tracking.tracker import Tracker

# Modules by name: each imports its library, so only the chosen one is loaded.
TRACKERS = {
    "tensorboard": "TensorBoardTracker",
    "wandb": "WandbTracker",
    "mlflow": "MlflowTracker",
    "trackio": "TrackioTracker",
}


@dataclass(frozen=True)
class ChosenTracker:
    """A tracker with its name and its key in tracking.json, which holds no options: they may
    contain secrets."""

    name: str
    key: str
    tracker: Tracker


def open_tracker(text: str, folder: Path) -> ChosenTracker:
    """Return the tracker of a text such as wandb:mode=offline; what it stores on this machine goes
    into `folder`. Raises TrainingError."""
    name, _, options = text.partition(":")
    if name not in TRACKERS:
        raise TrainingError(f"--track '{name}' is not known. {did_you_mean(name, TRACKERS)}")
    module = import_module(f"gprplus.experiments.tracking.{name}")
    make: Callable[[str, Path], Tracker] = getattr(module, TRACKERS[name])
    digest = hashlib.sha256(options.encode()).hexdigest()[:12]
    return ChosenTracker(name, f"{name}-{digest}", make(options, folder))
