"""What a benchmark was given, kept beside its request so that a report can print the command."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gprplus.core.commands import Word, record_command, relative_command
from gprplus.schema.arguments import BUILT_IN


@dataclass(frozen=True)
class Arguments:
    """The arguments of one call; `command` are the words of the command of which this benchmark is a part (study)."""

    output: Path
    recipe: str | Path
    backbone: str | None = None
    weights: str | None = None
    steps: int | None = None
    epochs: float | None = None
    compile: str | None = None
    device: str = "auto"
    margin: float = 1.0
    rerank: bool = False
    estimand: str | None = None
    sensitivity: bool = False
    targets: Mapping[str, Path] = field(default_factory=dict)
    roots: Mapping[str, Path] = field(default_factory=dict)
    command: Sequence[Word] = ()

    def record(self, folder: Path, earlier: Mapping[str, Any]) -> dict[str, Any]:
        """Keys of benchmark.json in `folder`, with targets of `earlier` calls (schema.arguments.BenchmarkArguments)."""
        if self.command:
            return {"command": record_command(self.command, folder)}
        before = earlier.get("arguments") or {}
        weights = None if self.weights is None else str(self.weights)
        said: dict[str, Any] = {
            "output": relative_command(self.output, folder),
            "recipe": _kept(self.recipe, folder),
            "backbone": self.backbone,
            "weights": weights if weights is None or weights in BUILT_IN else relative_command(Path(weights), folder),
            "steps": self.steps,
            "epochs": self.epochs,
            "compile": self.compile,
            "device": self.device,
            "margin": self.margin,
            "rerank": self.rerank or before.get("rerank", False),
            "estimand": self.estimand,
            "sensitivity": self.sensitivity or before.get("sensitivity", False),
        }
        for name in ("targets", "roots"):
            now = {key: relative_command(Path(path), folder) for key, path in getattr(self, name).items()}
            said[name] = {**before.get(name, {}), **now}
        return {"arguments": said}


def _kept(name: str | Path, folder: Path) -> str:
    """The name of a shipped declaration, or the path of a TOML file."""
    return relative_command(Path(name), folder) if Path(name).suffix == ".toml" else str(name)
