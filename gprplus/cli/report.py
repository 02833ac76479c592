"""gprplus report."""

from pathlib import Path

import click

from gprplus.cli import console, options


@click.command("report")
@click.argument("runs", nargs=-1, type=click.Path(path_type=Path))
@options.work
@options.output
@options.as_json
def command(runs: tuple[Path, ...], work: Path, output: Path | None, as_json: bool) -> None:
    """Write the HTML, CSV and Markdown of finished runs.

    RUNS are run folders (SPLIT/RECIPE) or folders that hold such ones; without any, every finished one under work/runs.

    \b
    Example:
      gprplus report work/runs/weather/smoke -o page
    """
    from gprplus.report import report
    from gprplus.report.files import expand
    from gprplus.report.outcome import read
    from gprplus.report.sentences import verdict

    folders = expand(list(runs) or [work / "runs"])
    files = report(folders, output)
    outcomes = [read(folder) for folder in folders]
    verdicts = [verdict(outcome.summary, outcome.info) for outcome in outcomes]
    if as_json:
        made = [
            {"run": str(folder), "verdict": said, "files": [str(path) for path in files[3 * i : 3 * i + 3]]}
            for i, (folder, said) in enumerate(zip(folders, verdicts, strict=True))
        ]
        console.dump({"reports": made})
        return
    for outcome, said in zip(outcomes, verdicts, strict=True):
        console.say(f"{outcome.name}: {said}")
    for path in files:
        console.say(str(path))
