"""The interface of experiment trackers."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gprplus.core.errors import TrainingError, did_you_mean


@dataclass(frozen=True)
class TrackedRun:
    """A run as a tracker shows it.

    Args:
        name: unique in the project, such as weather/quick/only-foggy/seed0.
        benchmark: split and recipe, such as weather/quick.
        arm: the arm, or "report" for the run that holds the report.
        seed: the training seed; None for the report.
        config: the resolved recipe and the facts of the training set.
    """

    name: str
    benchmark: str
    arm: str
    seed: int | None = None
    config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def group(self) -> str:
        """Return the name that the seeds of an arm share."""
        return f"{self.benchmark}/{self.arm}"


class OpenRun(ABC):
    """An open run of a tracker. `id` is stored, so that a later command continues the run."""

    id: str

    @abstractmethod
    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Log values of a step of the training."""

    @abstractmethod
    def log_scores(self, step: int, scores: Mapping[str, float]) -> None:
        """Log final scores, by TARGET/METRIC, of a training of `step` steps."""

    @abstractmethod
    def add_report(self, page: Path, markdown: Path) -> None:
        """Add a report: as HTML page, and as Markdown."""

    @abstractmethod
    def flush(self) -> None:
        """Send or write what was logged so far."""

    @abstractmethod
    def close(self, *, finished: bool) -> None:
        """Flush and close the run; `finished` is False for a training that was stopped."""


class Tracker(ABC):
    """A destination of runs. The constructor imports the library and checks the options."""

    @abstractmethod
    def open_run(self, about: TrackedRun, known_id: str | None, step: int) -> OpenRun:
        """Start a run, or continue the one with `known_id`, of which steps up to `step` were
        logged."""


def parse_settings(name: str, text: str, known: Collection[str]) -> dict[str, str]:
    """Return options such as project=a,mode=offline as a dictionary. Raises TrainingError.

    >>> parse_settings("wandb", "project=a,mode=offline", ("project", "mode"))
    {'project': 'a', 'mode': 'offline'}
    """
    found = {}
    for part in filter(None, text.split(",")):
        key, equals, value = part.partition("=")
        if not (equals and value):
            raise TrainingError(f"--track {name}: expected NAME=VALUE, found '{part}'.")
        if key not in known:
            raise TrainingError(
                f"--track {name}: there is no option '{key}'. {did_you_mean(key, known)}"
            )
        found[key] = value
    return found


def missing_package(name: str, error: ImportError) -> TrainingError:
    """Return the error for a tracker that is not installed."""
    return TrainingError(
        f"--track {name} needs a package that is not installed ({error}). Install it with:"
        f" pip install {name}"
    )


def flat_config(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested settings with dotted names.

    >>> flat_config({"seed": 0, "recipe": {"optimizer": {"lr": 0.1}}})
    {'seed': 0, 'recipe.optimizer.lr': 0.1}
    """
    found: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            found |= flat_config(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found
