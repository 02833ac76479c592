"""Options that mean the same in every command."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from gprplus.cli.topics import TopicOption
from gprplus.core.files.safe_names import refuse_address
from gprplus.core.storage.address import is_address
from gprplus.core.storage.remote_path import as_path

COMPUTE = "Compute"


class LocalPath(click.Path):
    """A path on this machine, as a `Path`; an address such as s3://bucket/x is refused."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(path_type=Path, **kwargs)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        refuse_address(value)
        return super().convert(value, param, ctx)


class StoredPath(click.Path):
    """A path on this machine, as a `Path`, or an address such as s3://bucket/x, as a `RemotePath`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(path_type=Path, **kwargs)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        path = as_path(value)
        return path if is_address(path) else super().convert(path, param, ctx)


Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def topic_option(*names: str, group: str = "Output", **facts: Any) -> Decorator:
    """`click.option` with a topic."""
    return click.option(*names, cls=TopicOption, group=group, **facts)


def _enter_executor(context: click.Context, parameter: click.Parameter, place: str) -> None:
    """Click callback: what the command maps runs on `place` until the command ends."""
    if place != "local":
        from gprplus.core.executors.in_use import run_on

        context.with_resource(run_on(place))


work_option = topic_option(
    "--work",
    type=LocalPath(file_okay=False),
    envvar="GPRPLUS_WORK",
    default="work",
    show_default=True,
    help="Folder that everything goes under unless -o names another.",
)
on_option = topic_option(
    "--on",
    group=COMPUTE,
    metavar="PLACE",
    default="local",
    show_default=True,
    expose_value=False,
    callback=_enter_executor,
    help=(
        "Where the work runs: local, ray (the cluster of the environment, else one started here) or"
        " ray://HOST:PORT."
    ),
)
output_option = topic_option(
    "-o", "--output", type=LocalPath(), default=None, help="Folder of the result."
)
stored_output_option = topic_option(
    "-o",
    "--output",
    type=StoredPath(),
    default=None,
    help="Folder of the result, or its address in object storage (s3://, gs://, az://).",
)
force_option = topic_option(
    "--force", is_flag=True, help="Replace the result of another request in the output folder."
)
json_option = topic_option(
    "--json", "as_json", is_flag=True, help="Print one JSON object instead of text."
)
dry_run_option = topic_option(
    "--dry-run", is_flag=True, help="Print what would be done and what it would cost; do nothing."
)


def parse_list(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> list[str] | None:
    """Click callback: 'a,b c' -> ['a', 'b', 'c']; None stays None."""
    if value is None:
        return None
    items = [item for item in value.replace(",", " ").split() if item]
    if not items:
        raise click.BadParameter(
            "expected one or more names, separated by commas.", context, parameter
        )
    return items


def parse_checks(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> list[str] | None:
    """Click callback of an option with an optional value: a folder after it is the argument of the
    command."""
    items = parse_list(context, parameter, value)
    for item in items or []:
        if Path(item).is_dir():
            option = parameter.opts[0]
            raise click.BadParameter(
                f"'{item}' is a folder, not a check: put it before {option}, or write"
                f" {option}=all.",
                context,
                parameter,
            )
    return items


def parse_named_paths(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, Path]:
    """Click callback for a repeated NAME=PATH: ('market=data/market',) -> {'market':
    Path('data/market')}; PATH may be an address in object storage."""
    found: dict[str, Path] = {}
    for value in values:
        name, equals, path = value.partition("=")
        if not (name and equals and path):
            raise click.BadParameter(f"expected NAME=PATH, found '{value}'.", context, parameter)
        if not name.replace("-", "").replace("_", "").isalnum():
            raise click.BadParameter(
                f"a name has letters, digits, - and _ only, unlike '{name}'.", context, parameter
            )
        if name in found:
            raise click.BadParameter(f"the name '{name}' is given twice.", context, parameter)
        found[name] = as_path(path)
    return found
