"""`gprplus make-split`: a controlled experiment over one attribute."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gprplus.cli import options

if TYPE_CHECKING:
    from gprplus.ingest.compare import Difference
    from gprplus.splits import Split


@click.command("make-split")
@click.option("--attr", help="Attribute to measure: weather, viewpoint_deg, gender, identity, ...")
@click.option(
    "--manifest", type=click.Path(path_type=Path), default=None, help="Manifest folder.  [default: WORK/manifest]"
)
@click.option(
    "--levels",
    callback=options.listed,
    help="Arms to build, separated by commas; a + joins levels into one arm. For identity: numbers of persons.",
)
@click.option("--where", default=None, help="Use only images for which this holds, on both sides.")
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
    help="Persons that lack combinations: drop-stratum, drop-identity or fail.",
)
@click.option(
    "--min-retention",
    type=float,
    default=0.1,
    show_default=True,
    help="Refuse when a smaller share of images can be matched.",
)
@click.option("--controls/--no-controls", default=True, show_default=True, help="Add random arms of the same size.")
@options.seed
@click.option(
    "--from",
    "record",
    type=click.Path(path_type=Path),
    help="Rebuild the split of somebody's split.json, and check that its rows are the same.",
)
@click.option("--study", "declared", help="Make every split that a study declares: a STUDY.toml, or a shipped name.")
@options.output
@options.work
@options.force
@options.as_json
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
    matched; all are tested on the same persons, whom none of them has seen. Default output: WORK/splits/ATTR.

    With --from, the request is read from a split.json, which may come from elsewhere: the split is rebuilt from your
    manifest, and kept only when it has the same rows (exit code 0; else 1, with what differs).

    \b
    Examples:
      gprplus make-split --attr=weather
      gprplus make-split --attr=weather --levels sunny+clouds,foggy -o work/splits/dry
      gprplus make-split --attr=illumination --where "weather in (sunny, clouds) and 30 <= viewpoint_deg <= 150"
      gprplus make-split --attr=identity --levels 8,16,48
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
        from gprplus.splits import make_split

        folder = output or work / "splits" / attr
        split = make_split(manifest or work / "manifest", attr, output=folder, **request)
        _show_json(split) if as_json else _show(split)


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
    from gprplus.cli import console, differences
    from gprplus.errors import SplitError
    from gprplus.splits.rebuild import read_record, rebuild_split

    info, asked = read_record(record)
    for name, value in _asked(context).items():
        said = getattr(asked, name)
        if (tuple(value) if isinstance(value, list) else value) != said:
            option = f"--{name.replace('_', '-')}"
            raise click.UsageError(f"{record} was made with {option} {differences.cell(said)}; leave {option} out.")
    folder = output or work / "splits" / str(info.get("name") or asked.attr)
    source = manifest or work / "manifest"
    found = rebuild_split(record, source, output=folder, force=context.params["force"])
    equal = found.split is not None
    if as_json:
        data = {"equal": equal, "differences": differences.as_data(found.differences)}
        console.dump(data | ({"path": str(folder)} if equal else {}))
    elif found.differences:
        differences.show(found.differences, str(record), str(source))
    if found.split is None:
        raise SplitError(
            f"The split made of {source} is not the one that {record} describes: "
            f"{_reason(found.differences)}. Nothing was kept."
        )
    if not as_json:
        console.say(f"equal: {found.split.path} has the rows of {record} (fingerprint {info['fingerprint'][:12]}...)")


def _reason(found: "Sequence[Difference]") -> str:
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
    from gprplus.cli.console import dump
    from gprplus.splits.studies import make_splits, read_study

    given = _asked(context)
    if given:
        raise click.UsageError(f"--study says what to make; leave --{next(iter(given)).replace('_', '-')} out.")
    plan, _ = read_study(name)
    source, folder = manifest or work / plan.manifest, output or work / "splits"
    made = make_splits(plan, source, folder, force=context.params["force"])
    if as_json:
        dump({"study": plan.study.name, "splits": [{"path": str(split.path), **split.info} for split in made]})
        return
    for split in made:
        _show(split)


def _show_json(split: "Split") -> None:
    from gprplus.cli.console import dump

    dump({"path": str(split.path), "made": split.made, **split.info})


def _show(split: "Split") -> None:
    from gprplus.cli.console import note, say, table

    info = split.info
    done = "made" if split.made else "there already, for the same request"
    rows = [
        [name, f"{arm['images']:,}", f"{arm['identities']:,}", _levels(arm, len(info["levels"]))]
        for name, arm in info["arms"].items()
    ]
    table(["arm", "images", "identities", "levels"], rows, title=f"{split.path} ({done})", right=(1, 2))
    test = info["test"]
    if test["identities"]:
        judged = f"{test['protocol']} rule" if test["protocol"] != "no-camera" else "no camera rule"
        say(
            f"test: {test['identities']:,} other identities, {test['queries']:,} queries, {test['gallery']:,} in the "
            f"gallery ({judged})"
        )
    matched = (
        "" if info["design"] == "identity" else f"; {info['retention']:.1%} of the candidate images could be matched"
    )
    say(f"reference arm: {info['reference']}{matched}")
    for warning in info["warnings"]:
        note(f"Warning: {warning}")
    say(f"next: gprplus benchmark {shlex.quote(str(split.path))}")


def _levels(arm: dict[str, Any], compared: int) -> str:
    if arm["kind"] == "random-images":
        return "whatever the draw gave"
    if arm["kind"].startswith("ids"):
        return "all images" if arm["kind"] == "ids-all" else "images spread evenly"
    if arm["kind"] == "mix":
        return f"all {compared}, dealt evenly"
    return ", ".join(arm["levels"])
