"""gprplus build-manifest."""

from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gprplus.cli import console, options
from gprplus.cli.click_options import click_options, given_options
from gprplus.cli.show.engine_crops import print_crops
from gprplus.cli.topics import TopicCommand
from gprplus.core import typed
from gprplus.core.commands import command_line, resolve_command
from gprplus.core.progress import progress_bar
from gprplus.core.shared_options import COMPUTE, PROTOCOLS
from gprplus.cropping.options import FormOptions
from gprplus.ingest.options import IngestOptions
from gprplus.schema.check_columns import GROUPS, checks_overview

if TYPE_CHECKING:
    from gprplus.cropping.native.crop_output import EngineCrops
    from gprplus.ingest.tables.manifest import Manifest


def checks_and_columns() -> str:
    """The checks and the columns of score and flag that each adds, one line a check."""
    lines = [f"  {name:17}{score:24}{flag}" for name, score, flag in checks_overview()]
    groups = ", ".join(
        f"{name} ({', '.join(checks)})" for name, checks in GROUPS.items() if name != "all"
    )
    head = f"  {'check':17}{'score, 1 is fine':24}flag"
    return (
        "\b\nChecks and the columns they add:\n"
        + "\n".join([head, *lines])
        + f"\n\nSeveral checks at once: {groups}."
    )


@click.command("build-manifest", cls=TopicCommand, epilog=checks_and_columns())
@click.argument("renders", nargs=-1, type=options.StoredPath())
@click_options(IngestOptions, callbacks={"checks": options.parse_checks})
@click_options(FormOptions)
@options.topic_option(
    "--shard",
    group=COMPUTE,
    default=None,
    metavar="I/N",
    help=(
        "Read only the I-th of N shards, here or on another machine. The same command without it"
        " merges them."
    ),
)
@options.output_option
@options.work_option
@options.on_option
@options.force_option
@options.json_option
def command(
    renders: tuple[Path, ...],
    work: Path,
    output: Path | None,
    shard: str | None,
    force: bool,
    as_json: bool,
    **values: Any,
) -> None:
    """Build a manifest from renders or from an engine's own output.

    RENDERS are folders, .tar, .tar.gz or .zip files, each one dataset; by default all under
    WORK/renders. Archives are read in place, also those in a folder. Folders and archives may be
    addresses in object storage (s3://, gs://, az://). Datasets that the manifest already has are
    kept, and only changed files are opened again.

    A folder of whole frames or videos with the annotations of an engine (Isaac Sim, SmartSpaces,
    Unity, MOTSynth, MOT, ...; `gprplus layouts forms`) is recognised, and the people are cut out of
    it into WORK/crops first.

    \b
    Examples:
      gprplus build-manifest
      gprplus build-manifest Market-1501-v15.09.15 -o market
      gprplus build-manifest randperson.tar -o work/randperson
      gprplus build-manifest s3://bucket/renders -o work/manifest
      gprplus build-manifest SmartSpaces/train --every 10 --min-height 80
      gprplus build-manifest my/renders --layout mine.toml --name mine
      gprplus build-manifest --table files.csv --root my/images
      gprplus build-manifest my/renders --attributes mine.toml --join poses.csv
      gprplus build-manifest my/renders --shard 2/8
      gprplus build-manifest ReID_Generator --engine-log generator_log.txt
      gprplus build-manifest my/renders --checks
      gprplus build-manifest --checks brightness,near-duplicate
    """
    from gprplus.ingest.build import build_manifest, build_shard
    from gprplus.ingest.layouts.detect import render_folders

    output = output or work / "manifest"
    names = {one.name for one in fields(FormOptions)}
    given = given_options(
        IngestOptions, {name: value for name, value in values.items() if name not in names}
    )
    forms = given_options(FormOptions, {name: values[name] for name in names})
    forms = replace(forms, crops=forms.crops or work / "crops")
    cut: dict[str, EngineCrops] = {}
    folders = renders or (() if given.table else render_folders(work / "renders"))
    with progress_bar("Reading") as progress:
        if shard:
            if given.checks:
                raise click.UsageError(
                    "--checks compares all images: give it to the build without --shard."
                )
            files = build_shard(folders, output, shard, given, force=force, progress=progress)
            _print_shard(output, shard, files, as_json)
            return
        manifest = build_manifest(
            folders,
            output,
            given,
            force=force,
            progress=progress,
            crops=forms,
            on_crops=lambda folder, crops: cut.update({str(folder): crops}),
        )
    if as_json:
        console.print_json(
            {
                "path": str(manifest.path),
                "rebuilt": manifest.rebuilt,
                "crops": {name: {"made": one.made, **one.record} for name, one in cut.items()},
                **typed.as_json(manifest.record),
            }
        )
        return
    for folder, crops in cut.items():
        print_crops(folder, crops)
    rows = [
        [
            about_name,
            about.layout,
            *(f"{count:,}" for count in (about.images, about.identities, about.rejected)),
        ]
        for about_name, about in manifest.datasets.items()
    ]
    console.print_table(
        ["dataset", "layout", "images", "identities", "rejected"], rows, right=(2, 3, 4)
    )
    for warning in manifest_warnings(manifest):
        console.print_note(warning)
    if manifest.record.checks:
        from gprplus.cli.show.checks import print_findings

        print_findings(manifest)
    console.print_result(
        f"Wrote {output}." if manifest.rebuilt else f"Nothing has changed: {output} stays as it is."
    )


def _print_shard(output: Path, shard: str, files: dict[str, int], as_json: bool) -> None:
    if as_json:
        console.print_json({"path": str(output), "shard": shard, "files": files})
    elif files:
        console.print_table(
            ["dataset", "files read"],
            [[name, f"{count:,}"] for name, count in files.items()],
            right=(1,),
        )
        console.print_result(
            f"Shard {shard} is finished. When all are, the same command without --shard makes"
            f" {output}."
        )
    else:
        console.print_result(f"Nothing has changed: {output} needs no shard.")


def manifest_warnings(manifest: "Manifest") -> list[str]:
    """Return warnings about a new manifest, one sentence each."""
    lines = []
    for name, about in manifest.datasets.items():
        if about.rejected:
            unread = about.unread_folders
            folders = f" and {unread:,} folder(s) with all that is in them" if unread else ""
            rejected = f"{about.rejected - unread:,} file(s){folders} are not in the manifest"
            lines.append(
                f"{name}: {rejected}; `{command_line(['inspect', manifest.path])}` lists the"
                " reasons."
            )
        lines += [f"{name}: {sentence}" for sentence in (*about.unknown, *about.losses)]
        if about.protocol:
            lines.append(f"{name}: protocol {about.protocol}: {PROTOCOLS[about.protocol]}.")
        if about.status == "withdrawn":
            lines.append(f"{name}: this dataset was withdrawn by its authors.")
        if about.unverified:
            kept = about.arguments.layout if about.arguments else ""
            layout = (
                resolve_command(kept, manifest.path) if kept.endswith(".toml") else about.layout
            )
            doubtful = f"the meaning of the codes of {', '.join(about.unverified)} is unconfirmed"
            lines.append(
                f"{name}: {doubtful}; `{command_line(['layouts', 'show', layout])}` prints the"
                " table that was used."
            )
    return lines
