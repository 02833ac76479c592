"""`gprplus browse`: the local page over manifests, splits and runs."""

from pathlib import Path

import click

from gprplus.cli import console, options
from gprplus.cli.topics import TopicCommand

SERVER = "Server"


@click.command("browse", cls=TopicCommand)
@click.argument("paths", nargs=-1, type=options.LocalPath())
@options.topic_option(
    "--port",
    group=SERVER,
    type=click.IntRange(1, 65_535),
    default=None,
    help="Port on 127.0.0.1.  [default: a free one]",
)
@options.topic_option(
    "--no-open", group=SERVER, is_flag=True, help="Print the address and open no browser."
)
@options.work_option
@options.json_option
def command(
    paths: tuple[Path, ...], port: int | None, no_open: bool, work: Path, as_json: bool
) -> None:
    """Look at images, review checks, and compare splits and runs in a browser.

    PATHS are manifests, splits, runs or work folders; by default WORK. The page is served on this
    machine alone, under an address with a random token, until Ctrl-C. Excluded images are saved in
    the folder of the manifest; nothing else is written.

    \b
    Examples:
      gprplus browse
      gprplus browse work/manifest --port 8080 --no-open
      gprplus browse work/runs/weather/quick
    """
    from gprplus.explorer.guard import Guard
    from gprplus.explorer.server import open_socket, require_server, serve
    from gprplus.explorer.sources import find_sources
    from gprplus.explorer.workspace import Workspace

    require_server()
    space = Workspace(find_sources(list(paths) or [work]))
    listening = open_socket(port)
    guard = Guard(listening.getsockname()[1])
    if as_json:
        console.print_json({"url": guard.address, "sources": len(space.sources)})
    else:
        console.print_line(guard.address)
        console.print_note("Open this address in a browser of this machine; Ctrl-C ends the page.")
    if not no_open:
        import webbrowser

        webbrowser.open(guard.address)
    serve(space, guard, listening)
