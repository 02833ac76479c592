"""gprplus inspect."""

from pathlib import Path
from typing import Any

import click

from gprplus.cli import console, options
from gprplus.cli.show import audit
from gprplus.cli.show import split as shown
from gprplus.cli.show.formatting import format_counts, save_image
from gprplus.core import typed


@click.command("inspect")
@click.argument("path", required=False, type=options.LocalPath())
@options.work_option
@click.option(
    "--sheet",
    type=options.LocalPath(),
    default=None,
    help="Draw a contact sheet into this .png or .jpg.",
)
@click.option(
    "--by",
    default=None,
    help=(
        "Attribute whose levels are the rows of the sheet.  [default: weather, or the first that is"
        " known; the arms of a split]"
    ),
)
@click.option(
    "--arm",
    "arms",
    multiple=True,
    metavar="ARM",
    help="Arm of a split that the sheet shows. Can be repeated.  [default: all arms]",
)
@click.option(
    "--columns",
    type=click.IntRange(1, 100),
    default=8,
    show_default=True,
    help="Columns of the sheet.",
)
@click.option(
    "--diff",
    nargs=2,
    type=options.LocalPath(),
    metavar="A B",
    help="Compare two manifests or two splits.",
)
@click.option(
    "--issues",
    is_flag=False,
    flag_value="all",
    default=None,
    callback=options.parse_checks,
    metavar="[CHECK]",
    help=(
        "List the images that a check flagged, the worst first, or the worst of all checks; --sheet"
        " draws them. Put PATH before it."
    ),
)
@click.option(
    "--to-table",
    type=options.LocalPath(),
    metavar="FILE",
    help=(
        "Write the images of a dataset as a .csv, .parquet or .jsonl table, which `build-manifest"
        " --table` reads."
    ),
)
@click.option("--dataset", metavar="NAME", help="Dataset of the table.  [default: the only one]")
@options.json_option
def command(
    path: Path | None,
    work: Path,
    sheet: Path | None,
    by: str | None,
    arms: tuple[str, ...],
    columns: int,
    diff: tuple[Path, Path] | None,
    issues: list[str] | None,
    to_table: Path | None,
    dataset: str | None,
    as_json: bool,
) -> None:
    """Show the content and the problems of a manifest or split.

    PATH is a manifest folder (by default work/manifest) or a split folder.

    \b
    Examples:
      gprplus inspect
      gprplus inspect --sheet weathers.png --by weather
      gprplus inspect work/splits/weather --json
      gprplus inspect work/splits/weather --sheet arms.png --arm mix --arm only-foggy
      gprplus inspect --issues dark --sheet dark.png
      gprplus inspect --diff work/manifest theirs/manifest
      gprplus inspect --to-table images.csv
    """
    if dataset is not None and to_table is None:
        raise click.UsageError("--dataset is for --to-table; leave it out.")
    if diff:
        if path or sheet or issues or to_table:
            raise click.UsageError(
                "--diff A B compares two folders and does nothing else; leave the rest out."
            )
        _diff(*diff, as_json)
        return
    path = path or work / "manifest"
    if (path / "split.json").is_file() and not issues and not to_table:
        _split(path, as_json)
        if sheet:
            _draw_arms(path, sheet, arms, by, columns)
        return
    if arms:
        raise click.UsageError("--arm is for the sheet of a split; leave it out.")
    from gprplus.ingest import Manifest, inspect

    manifest = Manifest.open(path)
    if to_table:
        _to_table(manifest, to_table, dataset, as_json)
        return
    if issues:
        from gprplus.cli.show.checks import print_issues

        print_issues(manifest, issues, sheet, columns, as_json)
        return
    found = inspect(manifest)
    if as_json:
        console.print_json(typed.as_json(found))
    else:
        _show(found)
        if found.checks:
            from gprplus.cli.show.checks import print_findings

            console.print_result("")
            print_findings(manifest)
    if sheet:
        _draw(manifest, sheet, by or _first_known(manifest), columns)
        console.print_note(f"Wrote {sheet}.")


def _to_table(manifest: Any, path: Path, dataset: str | None, as_json: bool) -> None:
    from gprplus.core.commands import Word, command_line
    from gprplus.core.errors import first_few
    from gprplus.ingest.inspection.to_table import write_image_table
    from gprplus.ingest.options import read_ingest_options

    rows = write_image_table(manifest, path, dataset)
    name = dataset or next(iter(manifest.datasets))
    if as_json:
        console.print_json({"path": str(path), "dataset": name, "rows": rows})
        return
    words: list[Word] = ["build-manifest", "--table", path, "--root", manifest.roots()[name]]
    given = read_ingest_options(name, manifest.datasets[name], manifest.path)
    own: list[Word] = ["--attributes", given.attributes] if given.attributes else []
    protocol: list[Word] = ["--protocol", given.protocol] if given.protocol else []
    console.print_result(f"Wrote {rows:,} rows to {path}. This command reads them:")
    console.print_line(command_line([*words, *own, *protocol, "--name", name]))
    if manifest.datasets[name].attributes and not own:
        lost = first_few(sorted(manifest.datasets[name].attributes))
        console.print_note(
            f"Its layout declares {lost}: declare the same in a TOML file and add --attributes"
            " FILE.toml, or they are left out."
        )


def _diff(first: Path, second: Path, as_json: bool) -> None:
    from gprplus.cli.show import differences
    from gprplus.core.errors import ManifestError
    from gprplus.ingest import Manifest
    from gprplus.ingest.inspection.compare_manifests import compare_manifests
    from gprplus.splits import Split
    from gprplus.splits.compare_splits import compare_splits

    splits = [(folder / "split.json").is_file() for folder in (first, second)]
    if any(splits) and not all(splits):
        split, other = (first, second) if splits[0] else (second, first)
        raise ManifestError(
            f"{split} is a split and {other} is none; --diff compares two splits or two manifests."
        )
    if all(splits):
        one, two = Split.open(first), Split.open(second)
        found, same = compare_splits(one, two), one.record.fingerprint == two.record.fingerprint
    else:
        left, right = Manifest.open(first), Manifest.open(second)
        found, same = compare_manifests(left, right), left.fingerprint == right.fingerprint
    if as_json:
        console.print_json({"same_rows": same, "differences": differences.as_data(found)})
        return
    if found:
        differences.print_differences(found, str(first), str(second))
    console.print_result("The rows are the same." if same else "The rows are not the same.")


def _show(found: Any) -> None:
    rows = [
        [
            name,
            about.layout,
            about.licence,
            about.status,
            *(f"{getattr(about, key):,}" for key in _COUNTS),
        ]
        for name, about in found.datasets.items()
    ]
    title = "Datasets (licence and status as the layout or renders.json declares them)"
    console.print_table(
        ["dataset", "layout", "licence", "status", *_COUNTS], rows, title=title, right=(4, 5, 6)
    )
    margins = [
        [
            name,
            len(counts),
            format_counts(counts)
            + (f"; junk: {format_counts(found.junk[name])}" if name in found.junk else ""),
        ]
        for name, counts in found.margins.items()
    ]
    margins += [[name, "", one.sentence] for name, one in found.numbers.items()]
    console.print_table(["attribute", "levels", "images"], margins, title="Images", right=(1,))
    if found.people:
        people = [
            [name, len(counts), format_counts(counts)] for name, counts in found.people.items()
        ]
        console.print_table(
            ["attribute", "levels", "identities"], people, title="Identities", right=(1,)
        )
    for cells in found.cells:
        crossing = " x ".join(cells.factors)
        console.print_result(
            f"{cells.dataset}: {crossing} makes {cells.cells:,} cells; {cells.missing:,} hold no"
            " image."
        )
    for alias in found.aliases:
        origin = "as its layout declares" if alias.declared else "which its layout does not declare"
        console.print_result(
            f"{alias.dataset}: {alias.attribute} is a function of {' and '.join(alias.of)}, {origin}."
        )
    console.print_result("\nProblems and notes:" if found.problems else "\nNo problem found.")
    for problem in found.problems:
        console.print_result(f"- {problem}")


_COUNTS = ("images", "identities", "rejected")


def _first_known(manifest: Any) -> str:
    """Return the default attribute of a sheet: weather, if the manifest has it."""
    known = list(manifest.record.levels)
    return "weather" if "weather" in known or not known else known[0]


def _draw(manifest: Any, sheet: Path, by: str, columns: int) -> None:
    from gprplus.core.contact_sheet import contact_sheet
    from gprplus.ingest.inspection.sample_grid import pick_grid

    cells = pick_grid(manifest, by, columns)
    save_image(
        contact_sheet(cells.cells, cells.rows, cells.columns, title=f"{by}, {manifest.path}"), sheet
    )


def _draw_arms(
    path: Path, sheet: Path, arms: tuple[str, ...], by: str | None, columns: int
) -> None:
    from gprplus.core.contact_sheet import contact_sheet
    from gprplus.reporting.split_sheet import arm_grid
    from gprplus.splits import Split

    split = Split.open(path)
    grid = arm_grid(split, arms, by, columns)
    title = f"{by or 'arms'}, {', '.join(arms) or 'all arms'}, {path}"
    save_image(contact_sheet(grid.cells, grid.rows, grid.columns, title=title), sheet)
    console.print_note(f"Wrote {sheet}.")


def _split(path: Path, as_json: bool) -> None:
    from gprplus.splits import Split

    split = Split.open(path)
    record = split.record
    if as_json:
        console.print_json(typed.as_json(record))
        return
    rows = [
        [name, arm.kind, ", ".join(map(str, arm.levels)), f"{arm.images:,}", f"{arm.identities:,}"]
        for name, arm in record.arms.items()
    ]
    console.print_result(
        f"{record.name}: the effect of {record.attribute}, by the design '{record.design}', seed"
        f" {record.seed}."
    )
    console.print_table(["arm", "kind", "levels", "images", "identities"], rows, right=(3, 4))
    test = record.test
    shared = f", fingerprint {test.fingerprint[:12]}..." if test.fingerprint else ""
    console.print_result(
        f"Test set: {test.identities:,} identities, {test.queries:,} queries, {test.gallery:,}"
        f" gallery rows, protocol {test.protocol}{shared}."
    )
    dealt = shown.deal_counts(record)
    if dealt:
        console.print_result(f"Deals: {dealt}; the table is of deal 0.")
    within = " x ".join(record.audit.matched_within)
    if within:  # arms that were written out one by one need not be matched
        console.print_result(
            f"Audit: {record.retention:.1%} of the candidate images could be matched within"
            f" {within}."
        )
    for warning in record.warnings:
        console.print_result(f"- {warning}")
    audit.print_audit(record.audit)
