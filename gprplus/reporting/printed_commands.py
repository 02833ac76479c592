"""Commands that reproduce a manifest, a split and a benchmark from their records.

The first lines go to the current directory and put this installation of gprplus on the path, so
that the lines run as printed in a new shell. If a manifest or split no longer exists, a comment
states it.
"""

import shlex
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from gprplus.core.benchmark_options import BenchmarkOptions, read_arguments
from gprplus.core.commands import Word, command_line, read_command, resolve_command
from gprplus.core.errors import ManifestError, ReportError
from gprplus.core.files.workdir import read_json
from gprplus.core.spelling import spelled
from gprplus.evaluation.targets import base_name, is_own_test_set
from gprplus.ingest.options import read_ingest_options
from gprplus.reporting.run_results import RunResults
from gprplus.schema.manifest_record import manifest_record
from gprplus.splits import command_options
from gprplus.splits.selection.exclusions import TABLE as EXCLUDE_TABLE


def printed_commands(run: RunResults) -> list[str]:
    """Lines for a new shell: the directory to work in, then build-manifest, make-split and
    benchmark or run-external, or study."""
    start = [*start_shell(), *manifest_commands(run)]
    words = read_command(run.benchmark.command, run.folder)
    if words:
        split = [] if words[0] == "study" else [split_command(run)]
        return [*start, *split, command_line(words)]
    return [*start, split_command(run), command_line(["benchmark", *_benchmark(run)])]


def export_commands(run: RunResults) -> list[tuple[str, str]]:
    """Each arm with one line for a new shell that exports its images; none without the split."""
    if run.split_folder is None:
        return []
    split = resolve_command(".", run.split_folder)
    place = split.parents[1] / "exports" / "market1501"
    found = []
    for arm in run.arms:
        words: list[Word] = ["export", split, "--to", "market1501", "--arm", arm]
        line = command_line([*words, "-o", place / f"{split.name}-{arm}"])
        found.append((arm, " && ".join([*start_shell(), line])))
    return found


def start_shell() -> list[str]:
    """Return the lines that prepare a new shell: the current directory, which the paths of the other
    lines are relative to, and the folder of the command `gprplus` on the path."""
    lines = [f"cd {shlex.quote(str(Path.cwd()))}"]
    programs = Path(sys.executable).parent
    if (programs / "gprplus").is_file():
        lines.append(f"export PATH={shlex.quote(str(programs))}:$PATH")
    return lines


def manifest_commands(run: RunResults) -> Iterator[str]:
    """Yield one build-manifest command for each dataset."""
    place = _manifest_folder(run)
    if place is None:
        yield "# The split is not at the recorded path, so the command for its manifest is unknown."
        return
    try:
        info = read_json(place / "manifest.json", ReportError, "a manifest")
        record = manifest_record(info, place / "manifest.json")
    except (ReportError, ManifestError):
        known = run.split.manifest.fingerprint
        yield (
            f"# The manifest (fingerprint {known}) is not at the recorded path, so its command is"
            " unknown."
        )
        return
    checks = record.checks.names if record.checks else []
    for name, dataset in record.datasets.items():
        given = read_ingest_options(name, dataset, place)
        words: list[Word] = ["build-manifest"]
        words += [] if given.table else [resolve_command(dataset.request["root"], place)]
        words += [*spelled(given), "-o", place]
        last = name == list(record.datasets)[-1]
        yield command_line([*words, *(["--checks", ",".join(checks)] if checks and last else [])])


def _manifest_folder(run: RunResults) -> Path | None:
    return resolve_command(run.split.manifest.path, run.split_folder) if run.split_folder else None


def split_command(run: RunResults) -> str:
    """Return make-split with every option that is not the default, or from its record where options
    cannot spell it; excluded images are those of the split, whatever the manifest excludes now."""
    request, manifest = run.split.request, _manifest_folder(run)
    if run.split_folder is None or manifest is None or not request.get("attr"):
        return "# The split is not at the recorded path, so its command is unknown."
    words = command_options.command_options(request)
    scope = run.split.audit.scope
    audit = ["--audit", scope] if scope in ("none", "pixels") and words else []
    where = resolve_command(".", run.split_folder)
    command: list[Word] = ["make-split"]
    command += words or ["--from", where / "split.json"]
    if words and request.get("exclusions"):
        command += ["--exclude", where / EXCLUDE_TABLE]
    return command_line([*command, *audit, "--manifest", manifest, "-o", where])


def _benchmark(run: RunResults) -> Iterator[Word]:
    split = (
        resolve_command(".", run.split_folder)
        if run.split_folder
        else Path("work/splits") / run.rows[0]["split"]
    )
    kept = run.benchmark.arguments
    output, options = (
        read_arguments(kept, run.folder, ReportError)
        if kept
        else (run.folder.parents[1], _earlier(run))
    )
    seeds = len(set(run.results.column("seed").to_pylist()))
    yield split
    yield from spelled(replace(options, seeds=seeds), keep=("recipe",))
    yield from ("-o", output)


def _earlier(run: RunResults) -> BenchmarkOptions:
    """Infer arguments from a record without them. A target's folder of images is used for its
    manifest."""
    request, targets = run.benchmark.request, run.benchmark.targets
    places = {
        base_name(name): list(target.roots.values())
        for name, target in targets.items()
        if not is_own_test_set(name)
    }
    mode = request.get("compute.compile") or None
    return BenchmarkOptions(
        recipe=str(run.rows[0]["recipe"]),
        backbone=request.get("backbone"),
        weights=request.get("weights"),
        steps=request.get("steps"),
        epochs=request.get("epochs"),
        compile=mode if mode != "no" else None,
        rerank=any(base_name(name) != name for name in targets),
        targets={
            name: resolve_command(roots[0], run.folder) for name, roots in places.items() if roots
        },
    )
