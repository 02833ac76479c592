"""`gprplus study`: a declared study end to end."""

from pathlib import Path

import click

from gprplus.cli import console, options


@click.command("study")
@click.argument("name", metavar="STUDY.toml")
@options.work
@click.option("--manifest", type=click.Path(path_type=Path), help="Manifest in the place of the one the study names.")
@options.target
@options.root
@options.device
@click.option("--jobs", type=click.IntRange(min=1), default=None, help="Runs at once.  [default: cores; 1 on a GPU]")
@options.dry_run
@options.output
@options.force
@options.as_json
def command(
    name: str,
    work: Path,
    manifest: Path | None,
    targets: dict[str, Path],
    roots: dict[str, Path],
    device: str,
    jobs: int | None,
    dry_run: bool,
    output: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Run a declared study end to end.

    Makes the study's splits, trains and scores every arm and seed that is missing, and writes the reports. STUDY.toml
    is a file, or the name of a shipped study such as first_look. Stopped and started again, it goes on where it was.
    Everything goes to WORK/studies/NAME.

    \b
    Example:
      gprplus study first_look --dry-run
      gprplus study first_look
    """
    from gprplus.cli.benchmark import as_data, show, show_plan
    from gprplus.study import study

    with console.progress("Training and scoring") as progress:
        found = study(
            name,
            output=output,
            work=work,
            manifest=manifest,
            targets=targets,
            roots=roots,
            device=device,
            jobs=jobs,
            dry_run=dry_run,
            force=force,
            progress=progress,
        )
    if as_json:
        console.dump({"study": found.plan.study.name, "path": str(found.path), **as_data(found.outcome)})
        return
    console.say(found.plan.study.question)
    if dry_run:
        show_plan(found.outcome.plan)
        return
    show(found.outcome)
    console.say(f"study: {found.path}")
