"""`gprplus plan-renders`: which renders to make next."""

from pathlib import Path
from typing import Any

import click

from gprplus.cli import console, options
from gprplus.cli.click_options import click_options, given_options
from gprplus.cli.topics import TopicCommand
from gprplus.core.progress import progress_bar
from gprplus.planning.options import METHOD, PlanOptions

MOST_ROWS = 12  # cells that are printed


@click.command("plan-renders", cls=TopicCommand)
@options.topic_option(
    "--target",
    "targets",
    group=METHOD,
    multiple=True,
    callback=options.parse_named_paths,
    metavar="NAME=PATH",
    help="What the renders are for, and what to call it: a manifest, or a folder of images.",
)
@options.topic_option(
    "--budget",
    group=METHOD,
    metavar="N|NxM",
    required=True,
    help="Number of images, such as 800, or identities and images of each, such as 40x20.",
)
@options.topic_option(
    "--manifest",
    group=METHOD,
    type=options.LocalPath(),
    metavar="FOLDER",
    help="Manifest of images that exist.  [default: none]",
)
@click_options(PlanOptions)
@options.output_option
@options.work_option
@options.force_option
@options.json_option
def command(
    targets: dict[str, Path],
    budget: str,
    manifest: Path | None,
    output: Path | None,
    work: Path,
    force: bool,
    as_json: bool,
    **values: Any,
) -> None:
    """Plan which renders to make next, for a target.

    Weights all combinations of levels that the engine can draw, deals the budget to identities, and
    writes the plan with the reason for each combination as plan.parquet, plan.csv and plan.json to
    WORK/plans/NAME. `gprplus render --plan` draws it; any engine's script can read it.

    \b
    Examples:
      gprplus plan-renders --target mall=work/renders/mall --budget 40x20
      gprplus plan-renders --target mall=work/renders/mall --budget 800 \\
          --manifest work/manifest --method matched,holes
      gprplus plan-renders --target mall=work/renders/mall --budget 800 \\
          --from-runs work/runs/weather/quick --method effects,failures
      gprplus plan-renders --target mall=work/renders/mall --budget 800 \\
          --method descent --between --rare upper_colour,hat
    """
    from gprplus.planning import plan_renders

    given = given_options(PlanOptions, values)
    name = next(iter(targets), "renders")
    with progress_bar("Planning renders") as progress:
        found = plan_renders(
            budget,
            targets,
            output or work / "plans" / name,
            given,
            manifest=manifest,
            force=force,
            progress=progress,
        )
    line = _render_command(found.path, given)
    if as_json:
        info = found.plan.info
        console.print_json(
            {
                "path": str(found.path),
                "images": found.plan.images,
                "cells": found.plan.cells.num_rows,
                "identities": found.plan.identities.num_rows,
                "fingerprint": found.plan.fingerprint,
                "probes": info.get("probes", 0),
                "planned": info.get("planned", {}),
                "render": line,
            }
        )
        return
    _show(found.plan, line)


def _render_command(path: Path, given: PlanOptions) -> str:
    """The command that draws the plan, with every option that determines its pixels."""
    from gprplus.core.commands import Word, command_line

    words: list[Word] = ["render", "--plan", path]
    for flag, value, default in (
        ("--domain", given.domain, "engine"),
        ("--seed", given.seed, 0),
        ("--size", given.size, None),
    ):
        if value != default:
            words += [flag, str(value)]
    if given.same_people:
        words.append("--same-people")
    return command_line(words)


def _show(plan: Any, line: str) -> None:
    """Print the levels of a plan, its largest cells, and the command that draws it."""
    info = plan.info
    new = sum(1 for row in plan.rows if row.is_new)
    console.print_result(
        f"{plan.images:,} images of {plan.identities.num_rows:,} identities in {len(plan.rows):,}"
        f" of {info.get('candidate_cells', len(plan.rows)):,} cells, {new:,} of them new."
    )
    if info.get("probes"):
        console.print_result(f"{info['probes']:,} probes were rendered to find them.")
    rows = []
    for factor, counts in info.get("planned", {}).items():
        total = sum(counts.values())
        ordered = sorted(counts.items(), key=lambda one: -one[1])
        shown = ", ".join(f"{level} {count / total:.0%}" for level, count in ordered if count)
        if len(counts) > 1:
            rows.append([factor, shown])
    if rows:
        console.print_table(["factor", "share of the images"], rows)
    largest = plan.rows[:MOST_ROWS]
    cells = [
        [
            " ".join(str(level) for level in row.levels if level is not None),
            str(len(row.identities)),
            row.reason,
        ]
        for row in largest
    ]
    console.print_table(
        ["cell", "images", "reason"], cells, title=f"largest {len(largest)} cells", right=[1]
    )
    console.print_line(f"draw it with: {line}")
