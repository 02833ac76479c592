"""`gprplus make-split`: a controlled experiment over one attribute."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gprplus.cli import options, parsing
from gprplus.cli.show import split as shown

if TYPE_CHECKING:
    from gprplus.ingest.inspection.compare_manifests import ManifestDifference


@click.command("make-split")
@click.option(
    "--attr", help="Attribute to measure: weather, gender, identity, ...; several, by commas, in a factorial."
)
@click.option(
    "--design",
    default=None,
    help="Kind of experiment (docs/designs.md).  [default: only; persons or identity where the attribute calls for it]",
)
@click.option("--manifest", type=options.LocalPath(), default=None, help="Manifest folder.  [default: WORK/manifest]")
@click.option(
    "--levels",
    callback=options.parse_list,
    help="Arms to build, separated by commas; a + joins levels into one arm. For identity: numbers of persons.",
)
@click.option(
    "--where",
    default=None,
    help="Use only images for which this holds, on both sides. `not is_exact_duplicate` drops all copies of a file, "
    "the first too.",
)
@click.option("--identities", type=int, default=None, help="Persons to train on.")
@click.option("--images-per-identity", type=int, default=None, help="Training images of each person in each arm.")
@click.option("--budget", type=int, default=None, help="Training images in each arm.")
@click.option(
    "--test-share",
    type=float,
    default=0.25,
    show_default=True,
    help="Share of persons kept for testing; 0: test on a --target.",
)
@click.option(
    "--missing",
    default="drop-stratum",
    show_default=True,
    help="Persons that lack combinations: drop-stratum, drop-identity, coarsen, weight or fail.",
)
@click.option(
    "--coarsen",
    multiple=True,
    callback=parsing.parse_pairs,
    metavar="ATTR=MAP",
    help="Levels that --missing coarsen merges: viewpoint_deg=30, or weather=sunny+clouds/foggy+overcast.",
)
@click.option(
    "--min-retention",
    type=float,
    default=0.1,
    show_default=True,
    help="Refuse when a smaller share of images can be matched.",
)
@click.option("--controls/--no-controls", default=True, show_default=True, help="Add random arms of the same size.")
@click.option(
    "--draws",
    type=int,
    default=1,
    show_default=True,
    help="Arms of each random control, a training each. Beside them every deal draws the controls anew.",
)
@click.option(
    "--deals",
    type=int,
    default=5,
    show_default=True,
    help="How often the arms are drawn: training seed k trains on deal k, so that intervals hold the luck of the draw.",
)
@click.option("--full", is_flag=True, help="Add the arm `full`: everything on the train side, of whatever size.")
@click.option(
    "--restrict",
    multiple=True,
    callback=parsing.parse_restrictions,
    metavar="ATTR=LEVEL+LEVEL",
    help="factorial: what a restricted factor is restricted to; identity=N is a factor too. Once for each.",
)
@click.option(
    "--generators",
    callback=options.parse_list,
    default=None,
    help="factorial: a fraction of all combinations, such as D=ABC; factors are A, B, C, ... in order.",
)
@click.option(
    "--arm",
    "arms",
    multiple=True,
    callback=parsing.parse_arms,
    metavar="'NAME: ATTR=LEVEL+LEVEL identities=N images=N matched'",
    help="declared: one arm, every part but the name optional. Once for each.",
)
@click.option("--reference", default=None, help="declared: the arm that differences are taken to.  [default: first]")
@click.option(
    "--cross/--no-cross",
    default=None,
    help="Test queries of each level in galleries of each level, all else fixed.  [default: where possible, else each "
    "level in its own gallery]",
)
@click.option(
    "--apart-deg",
    type=int,
    default=None,
    help="cross: least angle between query and true match.  [default: two steps of the viewpoints, at most 90]",
)
@click.option("--removal", is_flag=True, help="Test without the true matches at the query's own level.")
@click.option(
    "--audit",
    default="rows",
    show_default=True,
    help="How closely the split is looked at: none (what must hold), rows (its tables), pixels (a sample too).",
)
@options.seed_option
@click.option(
    "--from",
    "record",
    type=options.LocalPath(),
    help="Rebuild the split of somebody's split.json, and check that its rows are the same.",
)
@click.option("--study", "declared", help="Make every split that a study declares: a STUDY.toml, or a shipped name.")
@options.output_option
@options.work_option
@options.force_option
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
    as_json: bool,
    **request: Any,
) -> None:
    """Build a controlled experiment over one attribute.

    Its arms are training sets of equal size that differ in that attribute alone, each person and every other factor
    matched; all are tested on the same persons, whom none of them has seen. Default output: WORK/splits/ATTR, with
    -DESIGN behind it where one is named.

    With --from, the request is read from a split.json, which may come from elsewhere: the split is rebuilt from your
    manifest, and kept only when it has the same rows (exit code 0; else 1, with what differs).

    \b
    Examples, one a design:
      gprplus make-split --attr=weather
      gprplus make-split --attr=weather --levels sunny+clouds,foggy -o work/splits/dry
      gprplus make-split --attr=illumination --where "weather in (sunny, clouds) and 30 <= viewpoint_deg <= 150"
      gprplus make-split --attr=gender
      gprplus make-split --attr=identity --levels 8,16,48
      gprplus make-split --attr=weather --cross --removal
      gprplus make-split --attr=weather --design without
      gprplus make-split --attr=weather --design path --levels sunny:foggy
      gprplus make-split --attr=identity --design budget --levels 8x24,16x12,32x6
      gprplus make-split --attr=weather --design scaling --levels sunny+clouds
      gprplus make-split --attr=weather,illumination --design factorial --restrict weather=sunny+clouds
          --restrict illumination=forenoon
      gprplus make-split --attr=weather --design full
      gprplus make-split --attr=weather --design declared
          --arm "all" --arm "mild: weather=sunny+clouds identities=12"
      gprplus make-split --from theirs/split.json
      gprplus make-split --study first_look
    """
    if record is not None and declared is not None:
        raise click.UsageError("--from and --study each say what to make; give one of them.")
    if record is not None:
        _rebuild(context, record, manifest, output, work, as_json)
    elif declared is not None:
        _of_study(context, declared, manifest, output, work, as_json)
    elif attr is None:
        raise click.UsageError("Missing option '--attr' (or '--from' or '--study').")
    else:
        from gprplus.splits.make import default_name, make_split

        output = output or work / "splits" / default_name(attr, request["design"])
        split = make_split(manifest or work / "manifest", attr, output=output, **request)
        shown.as_json(split) if as_json else shown.as_text(split)


_PLACES = ("manifest", "record", "declared", "output", "work", "force", "as_json")


def _asked(context: click.Context) -> dict[str, Any]:
    """What the command line itself says about the split, by name of the option."""
    given = click.core.ParameterSource.COMMANDLINE
    return {
        name: value
        for name, value in context.params.items()
        if name not in _PLACES and context.get_parameter_source(name) is given
    }


def _rebuild(
    context: click.Context, record: Path, manifest: Path | None, output: Path | None, work: Path, as_json: bool
) -> None:
    from gprplus.cli import console
    from gprplus.cli.show import differences
    from gprplus.core.errors import SplitError
    from gprplus.splits.rebuild import read_split_record, rebuild_split

    info, asked = read_split_record(record)
    for name, value in _asked(context).items():
        said = ",".join(asked.factors) if name == "attr" and asked.factors else getattr(asked, name)
        if (tuple(value) if isinstance(value, list) else value) != said:
            option = f"--{name.replace('_', '-')}"
            raise click.UsageError(
                f"{record} was made with {option} {differences.format_cell(said)}; leave {option} out."
            )
    folder = output or work / "splits" / str(info["name"])
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
            f"equal: {found.split.path} has the rows of {record} (fingerprint {info['fingerprint'][:12]}...)"
        )


def _reason(found: "Sequence[ManifestDifference]") -> str:
    """What most likely made the rows differ, in half a sentence."""
    what = {one.what for one in found}
    if "manifest" in what:
        return "it was made of another manifest (`gprplus inspect --diff` of the two tells more)"
    if any(name.startswith("version of gprplus") for name in what):
        return "it was made by another version of gprplus"
    return "the manifest is the same, so that the record was altered or the draw has changed"


def _of_study(
    context: click.Context, name: str, manifest: Path | None, output: Path | None, work: Path, as_json: bool
) -> None:
    from gprplus.cli.console import print_json
    from gprplus.experiments.study_file import make_study_splits, read_study

    given = _asked(context)
    if given:
        raise click.UsageError(f"--study says what to make; leave --{next(iter(given)).replace('_', '-')} out.")
    plan, _ = read_study(name)
    source, folder = manifest or work / plan.manifest, output or work / "splits"
    made = make_study_splits(plan, source, folder, force=context.params["force"])
    if as_json:
        print_json({"study": plan.study.name, "splits": [{"path": str(split.path), **split.info} for split in made]})
        return
    for split in made:
        shown.as_text(split)
