"""Give raw output of the GTA V generator the names of GPR+: `--help` says how."""

from pathlib import Path
from typing import Any

import click

from gprplus.cli import console, main, options
from gprplus.cli.click_options import click_options, given_options
from gprplus.cli.topics import TopicCommand
from gprplus.core.errors import first_few
from gprplus.core.progress import progress_bar
from gprplus.ingest.gta.rename_options import RenameOptions


@click.command(
    cls=TopicCommand,
)
@click.argument("raw", type=click.Path(path_type=Path))
@click_options(RenameOptions)
@options.topic_option(
    "-o", "--output", type=click.Path(path_type=Path), default=None, help="Folder of the result."
)
@options.dry_run_option
@options.force_option
@options.json_option
def command(
    raw: Path, output: Path | None, dry_run: bool, force: bool, as_json: bool, **given: Any
) -> None:
    """Write a RAW tree of the generator (v3.0, v3.1 or v3.14) under the names of GPR+.

    A published code is the raw one plus one. The doubled sunny pass W-1 has no published name and
    stays behind. Identities keep their four digits. _names.csv maps every name back, _rejected.csv
    lists what stayed behind.

    Nobody has published what c01 to c12 mean, and the generations number their cameras from another
    angle (v3.0 and v3.1 begin at the front, v3.14 sixty degrees later). --cameras degrees puts both
    into the order of FineGPR, which the layout gprplus declares; --cameras code keeps the
    generator's order, and renders.json says the degrees. Both are nominal: a picture may show an
    earlier camera. Look at one person: 90 is the front.

    \b
    Examples:
      python tools/gta_to_gprplus.py ReID_Generator --dry-run python tools/gta_to_gprplus.py
      ReID_Generator -o work/renders/gprplus --quality 90 python tools/gta_to_gprplus.py
      ReID_Generator -o work/renders/gprplus --cameras code --bytes keep
    """
    from gprplus.ingest.gta.rename import write_renamed
    from gprplus.ingest.gta.rename_plan import plan_renames

    if output is None and not dry_run:
        raise click.UsageError("-o says where the published tree goes (or ask for --dry-run).")
    asked = given_options(RenameOptions, given)
    if dry_run:
        found = plan_renames(raw, layout=asked.layout, cameras=asked.cameras)
        info: dict[str, Any] = {}
    else:
        with progress_bar("Writing") as progress:
            found, info = write_renamed(raw, output or raw, asked, force=force, progress=progress)
    if as_json:
        console.print_json(info or told(found))
        return
    show(found, info)
    if not dry_run:
        console.print_result(
            f"Wrote {info['images']:,} images of {people(info['identities'])} into {output}."
        )


def people(number: int) -> str:
    """A count of identities in words."""
    return f"{number:,} {'identity' if number == 1 else 'identities'}"


def told(found: Any) -> dict[str, Any]:
    """A plan as plain values."""
    counts = {
        "images": len(found.pairs),
        "doubled": len(found.doubled),
        "unnamed": len(found.unnamed),
    }
    listed = {"collisions": found.collisions, "partial": found.partial, "degrees": found.degrees}
    return {"layout": found.layout.name, "identities": found.identities, **counts, **listed}


def show(found: Any, info: dict[str, Any]) -> None:
    """The plan as a table, with examples, and what it leaves behind."""
    console.print_result(
        f"{found.layout.title}: {len(found.pairs):,} images of {people(found.identities)}."
    )
    console.print_table(["raw", "published"], [list(pair) for pair in found.pairs[:3]])
    cameras = ", ".join(f"c{code}={degrees}" for code, degrees in found.degrees.items())
    console.print_result(f"Cameras in degrees (nominal): {cameras}.")
    if found.doubled:
        console.print_result(
            f"- {len(found.doubled):,} images of the doubled sunny pass W-1 stay behind."
        )
    if found.unnamed:
        path, why = found.unnamed[0]
        console.print_result(
            f"- {len(found.unnamed):,} files have no raw name, such as {path}, which {why}."
        )
    if found.collisions:
        shown = first_few(
            [f"{name} from {' and '.join(raws)}" for name, raws in found.collisions.items()]
        )
        console.print_result(f"- {len(found.collisions):,} names are claimed twice: {shown}.")
    if found.partial:
        shown = first_few([f"{who} ({count:,})" for who, count in found.partial.items()])
        console.print_result(
            f"- {people(len(found.partial))} with fewer than {found.per_identity:,} images:"
            f" {shown}."
        )
    if info.get("unreadable"):
        console.print_result(
            f"- {info['unreadable']:,} files cannot be read: _rejected.csv says why."
        )


if __name__ == "__main__":
    main(command)
