"""gprplus layouts."""

from pathlib import Path

import click

from gprplus.cli import console, options
from gprplus.core.commands import command_line

SHOWN = 10


@click.group("layouts", invoke_without_command=True)
@options.json_option
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """List the known layouts, or try one on a folder.

    \b
    Examples:
      gprplus layouts
      gprplus layouts show gprplus > mine.toml
      gprplus layouts new my/renders > mine.toml
      gprplus layouts try mine.toml my/renders
    """
    if context.invoked_subcommand:
        return
    from gprplus.ingest.layouts.load import shipped_layouts

    known = shipped_layouts()
    if as_json:
        console.print_json(
            {
                layout.name: {
                    "title": layout.title,
                    "licence": layout.licence,
                    "status": layout.status,
                }
                for layout in known
            }
        )
        return
    rows = [[layout.name, layout.title, layout.licence, layout.status] for layout in known]
    console.print_table(["layout", "title", "licence", "status"], rows)


@command.command("forms")
@options.json_option
def print_forms(as_json: bool) -> None:
    """List the forms of native engine output that build-manifest recognises."""
    from gprplus.cropping.forms.registry import all_forms

    forms = all_forms()
    if as_json:
        console.print_json(
            {
                name: {
                    "title": form.title,
                    "scope": form.scope.value,
                    "identities": list(form.identities),
                }
                for name, form in forms.items()
            }
        )
        return
    console.print_table(
        ["form", "output of", "ids are unique in a", "--identity"],
        [
            [name, form.title, form.scope.value, " ".join(form.identities)]
            for name, form in forms.items()
        ],
    )


@command.command("show")
@click.argument("name")
def print_layouts(name: str) -> None:
    """Print the TOML of a layout, to be copied and changed."""
    from gprplus.core.declarations import load_declaration

    console.print_line(
        load_declaration("layouts", name).path.read_text(encoding="utf-8").rstrip("\n")
    )


@command.command("new")
@click.argument("folder", type=options.StoredPath())
@click.option(
    "-o", "--output", type=options.LocalPath(), metavar="FILE.toml", help="Write the layout here."
)
def propose(folder: Path, output: Path | None) -> None:
    """Propose a layout for the names in a folder or archive, as TOML with a comment on each guess.

    What is alike in every name becomes literal text; what varies becomes a group. No file is opened.
    Read the comments, correct what is wrong, and check it with `gprplus layouts try`.
    """
    from gprplus.ingest.inspection.layout_proposal import propose_for_folder

    found = propose_for_folder(folder)
    if output is None:
        console.print_line(found.toml.rstrip("\n"))
    else:
        from gprplus.core.files.workdir import atomic_write

        with atomic_write(output) as temporary:
            Path(temporary).write_text(found.toml, encoding="utf-8")
    for guess in found.guesses:
        console.print_note(guess)
    console.print_note(f"{found.fitting:,} of {found.names:,} names fit.")
    if output is not None:
        console.print_result(
            f"Wrote {output}; `{command_line(['layouts', 'try', output, folder])}` shows ten rows."
        )


@command.command("try")
@click.argument("name")
@click.argument("folder", type=options.StoredPath())
@options.json_option
def try_layout(name: str, folder: Path, as_json: bool) -> None:
    """Show how a layout reads a folder or archive: ten parsed rows, and names that do not match.

    NAME is a layout, the path of a TOML file, or auto. No file is opened (except to decide between
    two layouts).
    """
    from gprplus.ingest.inspection.layout_preview import preview_layout

    tried = preview_layout(folder, name)
    if as_json:
        console.print_json(tried.as_dict())
        raise SystemExit(0 if tried.matched else 1)
    console.print_result(
        f"{tried.matched:,} of {tried.files:,} files fit the layout '{tried.layout}'."
    )
    if tried.rows:
        columns = [
            key for key in tried.rows[0] if any(row[key] not in (None, False) for row in tried.rows)
        ]
        console.print_table(columns, [[row[key] for key in columns] for row in tried.rows])
    for sentence in (*tried.unknown, *tried.doubts):
        console.print_result(sentence)
    if tried.left_out:
        console.print_result(tried.left_out)
    for path, why in tried.misses:
        console.print_line(f"{path} {why}.")
    if not tried.matched and name != "auto":
        console.print_line(
            f"Which layout does fit? {command_line(['layouts', 'try', 'auto', folder])}"
        )
    if not tried.matched:
        raise SystemExit(1)
