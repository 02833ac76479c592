"""Command lines that made something, as its record keeps them, so that a report can print them.

They are no part of the request that two runs are compared by. Paths are relative to the folder of the record.
"""

from dataclasses import dataclass, field

BUILT_IN = ("none", "imagenet")  # first weights that are no file


@dataclass(frozen=True)
class BuildArguments:
    """The options of build-manifest that the request of a data set leaves open; `layout` may be a .toml file."""

    layout: str = "auto"
    name: str | None = None


@dataclass(frozen=True)
class BenchmarkArguments:
    """The arguments of benchmark; `recipe` may be a .toml file, `weights` a file. `margin` is in points of mAP."""

    output: str
    recipe: str
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
    targets: dict[str, str] = field(default_factory=dict)
    roots: dict[str, str] = field(default_factory=dict)
