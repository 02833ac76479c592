"""The arguments of build-manifest, as a record keeps them for printed commands."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BuildArguments:
    """The options of build-manifest that the request of a data set leaves open; `layout` may be a .toml file."""

    layout: str = "auto"
    name: str | None = None
