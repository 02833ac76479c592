"""gprplus layouts."""

from pathlib import Path

import click

from gprplus.cli import console, options
from gprplus.core.commands import line

SHOWN = 10


@click.group("layouts", invoke_without_command=True)
@options.as_json
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """List the known layouts, or try one on a folder.

    \b
    Examples:
      gprplus layouts
      gprplus layouts show gprplus > mine.toml
      gprplus layouts try mine.toml my/renders
    """
    if context.invoked_subcommand:
        return
    from gprplus.ingest.layouts.load import shipped

    known = shipped()
    if as_json:
        console.dump(
            {
                layout.name: {"title": layout.title, "licence": layout.licence, "status": layout.status}
                for layout in known
            }
        )
        return
    rows = [[layout.name, layout.title, layout.licence, layout.status] for layout in known]
    console.table(["layout", "title", "licence", "status"], rows)


@command.command("show")
@click.argument("name")
def show(name: str) -> None:
    """Print the TOML of a layout, to be copied and changed."""
    from gprplus.core.declarations import read

    console.say(read("layouts", name).path.read_text(encoding="utf-8").rstrip("\n"))


@command.command("try")
@click.argument("name")
@click.argument("folder", type=options.LocalPath())
@options.as_json
def try_layout(name: str, folder: Path, as_json: bool) -> None:
    """Show how a layout reads a folder or archive: ten parsed rows, and what does not fit.

    NAME is a layout, the path of a TOML file, or auto. No file is opened (but to settle between two layouts).
    """
    from gprplus.ingest.inspection.layout_preview import trial

    tried = trial(folder, name)
    if as_json:
        console.dump(tried.as_dict())
        return
    console.say(f"{tried.matched:,} of {tried.files:,} files fit the layout '{tried.layout}'.")
    if tried.rows:
        columns = [key for key in tried.rows[0] if any(row[key] not in (None, False) for row in tried.rows)]
        console.table(columns, [[row[key] for key in columns] for row in tried.rows])
    for sentence in (*tried.unknown, *tried.doubts):
        console.say(sentence)
    if tried.left_out:
        console.say(tried.left_out)
    for path, why in tried.misses:
        console.say(f"{path} {why}.")
    if not tried.matched and name != "auto":
        console.say(f"Which layout does fit? {line(['layouts', 'try', 'auto', folder])}")
