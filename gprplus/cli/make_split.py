"""`gprplus make-split`: a controlled experiment over one attribute."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gprplus.cli import options
from gprplus.cli.click_options import click_options, given_options
from gprplus.cli.topics import TopicCommand
from gprplus.core import typed
from gprplus.core.options import options_of
from gprplus.splits.request import IMAGES, SplitRequest

if TYPE_CHECKING:
    from gprplus.ingest.inspection.compare_manifests import ManifestDifference

AGAIN = "From a record or study"


@click.command("make-split", cls=TopicCommand)
@click_options(SplitRequest, check=False)
@options.topic_option(
    "--manifest",
    group=IMAGES,
    type=options.LocalPath(),
    default=None,
    metavar="FOLDER",
    help="Manifest to take images from.  [default: WORK/manifest]",
)
@options.topic_option(
    "--from",
    "record",
    group=AGAIN,
    type=options.LocalPath(),
    metavar="SPLIT.json",
    help="Make the split that this split.json describes, and check that its rows are the same.",
)
@options.topic_option(
    "--study",
    "declared",
    group=AGAIN,
    metavar="STUDY",
    help="Make every split of a study: the name of a shipped one, or a STUDY.toml.",
)
@options.output_option
@options.work_option
@options.force_option
@options.on_option
@options.json_option
@click.pass_context
def command(
    context: click.Context,
    attr: str | None,
    manifest: Path | None,
    record: Path | None,
    declared: str | None,
    output: Path | None,
    work: Path,
    force: bool,
    as_json: bool,
    **request: Any,
) -> None:
    """Build a controlled experiment over one attribute.

    Its arms are training sets of equal size that differ in that attribute alone: identities and all
    other attributes are matched. All arms are tested on the same identities, which none of them has
    seen. The split goes to WORK/splits/ATTR, or ATTR-DESIGN where a design is named.

    With --from, the request is read from a split.json, which may come from another machine. The
    split is made from your manifest, and kept only if it has the same rows (exit code 0; else 1,
    with what differs).

    \b
    Examples:
      gprplus make-split --attr=weather
      gprplus make-split --attr=weather --levels sunny+clouds,foggy -o dry
      gprplus make-split --attr=illumination --where "weather = sunny"
      gprplus make-split --attr=gender
      gprplus make-split --attr=identity --levels 8,16,48
      gprplus make-split --attr=weather --cross-level-tests
      gprplus make-split --attr=weather --design without
      gprplus make-split --attr=weather --design path --levels sunny:foggy
      gprplus make-split --attr=identity --design budget --levels 8x24,16x12
      gprplus make-split --attr=weather --design scaling --levels sunny+clouds
      gprplus make-split --attr=weather,illumination --design factorial \\
          --restrict weather=sunny+clouds --restrict illumination=forenoon
      gprplus make-split --attr=weather,illumination --design cells
      gprplus make-split --attr=weather --design declared --arm all \\
          --arm "mild: weather=sunny+clouds identities=12"
      gprplus make-split --from theirs/split.json
      gprplus make-split --study first_look
    """
    if record is not None and declared is not None:
        raise click.UsageError("--from and --study exclude each other; give one of them.")
    if record is not None:
        _rebuild(context, record, manifest, output, work, as_json)
    elif declared is not None:
        _of_study(context, declared, manifest, output, work, as_json)
    elif attr is None:
        raise click.UsageError("Missing option '--attr' (or '--from' or '--study').")
    else:
        from gprplus.cli.show import split as shown
        from gprplus.splits.make import default_folder, make_split

        given = given_options(SplitRequest, {"attr": attr, **request})
        folder = output or default_folder(given, work)
        split = make_split(manifest or work / "manifest", output=folder, request=given, force=force)
        shown.print_split_json(split) if as_json else shown.print_split(split)


_PLACES = ("manifest", "record", "declared", "output", "work", "force", "as_json")


def _request(context: click.Context) -> dict[str, Any]:
    """Return the given options of the split, by name of the option."""
    given = click.core.ParameterSource.COMMANDLINE
    return {
        name: value
        for name, value in context.params.items()
        if name not in _PLACES and context.get_parameter_source(name) is given
    }


def _rebuild(
    context: click.Context,
    record: Path,
    manifest: Path | None,
    output: Path | None,
    work: Path,
    as_json: bool,
) -> None:
    from gprplus.cli import console
    from gprplus.cli.show import differences
    from gprplus.core.errors import SplitError
    from gprplus.splits.rebuild import read_split_record, rebuild_split

    theirs, request = read_split_record(record)
    for name, value in _request(context).items():
        shown_value = (
            ",".join(request.factors)
            if name == "attr" and request.factors
            else getattr(request, name)
        )
        if (tuple(value) if isinstance(value, list) else value) != shown_value:
            option = options_of(SplitRequest)[name].flag
            raise click.UsageError(
                f"{record} was made with {option} {differences.format_cell(shown_value)}; leave {option}"
                " out."
            )
    folder = output or work / "splits" / theirs.name
    source = manifest or work / "manifest"
    found = rebuild_split(record, source, output=folder, force=context.params["force"])
    equal = found.split is not None
    if as_json:
        data = {"equal": equal, "differences": differences.as_data(found.differences)}
        console.print_json(data | ({"path": str(folder)} if equal else {}))
    elif found.differences:
        differences.print_differences(found.differences, str(record), str(source))
    if found.split is None:
        raise SplitError(
            f"The split made of {source} is not the one that {record} describes: "
            f"{_reason(found.differences)}. Nothing was kept."
        )
    if not as_json:
        console.print_result(
            f"equal: {found.split.path} has the rows of {record} (fingerprint"
            f" {theirs.fingerprint[:12]}...)"
        )


def _reason(found: "Sequence[ManifestDifference]") -> str:
    """Return the most likely reason for different rows, in half a sentence."""
    what = {one.what for one in found}
    if "manifest" in what:
        return "it was made of another manifest (`gprplus inspect --diff` of the two shows details)"
    if any(name.startswith("version of gprplus") for name in what):
        return "it was made by another version of gprplus"
    return "the manifest is the same, so that the record was altered or the draw has changed"


def _of_study(
    context: click.Context,
    name: str,
    manifest: Path | None,
    output: Path | None,
    work: Path,
    as_json: bool,
) -> None:
    from gprplus.cli.console import print_json
    from gprplus.cli.show import split as shown
    from gprplus.experiments.studies.study_file import make_study_splits, read_study

    given = _request(context)
    if given:
        option = options_of(SplitRequest)[next(iter(given))].flag
        raise click.UsageError(f"--study declares the whole split; leave {option} out.")
    plan, _ = read_study(name)
    source, folder = manifest or work / plan.manifest, output or work / "splits"
    made = make_study_splits(plan.below(work), source, folder, force=context.params["force"])
    if as_json:
        found = [{"path": str(split.path), **typed.as_json(split.record)} for split in made]
        print_json({"study": plan.study.name, "splits": found})
        return
    for split in made:
        shown.print_split(split)
