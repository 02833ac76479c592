"""gprplus report."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gprplus.cli import console, options
from gprplus.cli.click_options import click_options
from gprplus.cli.topics import TopicCommand
from gprplus.core.benchmark_options import BenchmarkOptions
from gprplus.core.options import Options, same_option

if TYPE_CHECKING:
    from gprplus.statistics.power import NoiseEstimate, PowerPoint

PLANNING = "Planning"


@dataclass(frozen=True)
class ReportOptions(Options):
    """The options of benchmark that a report repeats, and the difference that is planned for."""

    estimand: str | None = same_option(BenchmarkOptions, "estimand")
    margin_points: float = same_option(
        BenchmarkOptions,
        "margin_points",
        group=PLANNING,
        help="With --plan: the difference to detect, in points of mAP.",
    )


@click.command("report", cls=TopicCommand)
@click.argument("runs", nargs=-1, type=options.LocalPath())
@click_options(ReportOptions)
@options.topic_option(
    "--plan",
    group=PLANNING,
    is_flag=True,
    help="Print how many seeds and identities are needed to detect a difference; write nothing.",
)
@options.stored_output_option
@options.work_option
@options.json_option
def command(
    runs: tuple[Path, ...],
    work: Path,
    output: Path | None,
    estimand: str | None,
    plan: bool,
    margin_points: float,
    as_json: bool,
) -> None:
    """Write the HTML, CSV and Markdown of finished runs.

    RUNS are run folders (SPLIT/RECIPE) or folders that contain them; by default every finished one
    under WORK/runs. With --plan, print instead how many seeds and identities are needed to detect
    one point of mAP: from the noise of the runs or, without any run, from stated assumptions.

    \b
    Examples:
      gprplus report work/runs/weather/quick -o page
      gprplus report --plan --margin 0.5
    """
    if plan:
        print_plans(runs, work, margin_points / 100, as_json)
        return
    from gprplus.reporting import report
    from gprplus.reporting.run_results import read_run_results
    from gprplus.reporting.sentences.verdicts import verdict_paragraphs
    from gprplus.reporting.write_report import expand_folders

    folders = expand_folders(list(runs) or [work / "runs"])
    files = report(folders, output, estimand=estimand)
    outcomes = [read_run_results(folder, estimand) for folder in folders]
    verdicts = [
        verdict_paragraphs(
            outcome.summary,
            outcome.effect_tables["contrasts"],
            outcome.experiment,
            outcome.effect_tables.get("levels"),
            outcome.effect_tables.get("sensitivity"),
            outcome.effect_tables.get("logit"),
        )
        for outcome in outcomes
    ]
    if as_json:
        made = [
            {
                "run": str(folder),
                "verdict": verdict,
                "files": [str(path) for path in files[3 * i : 3 * i + 3]],
            }
            for i, (folder, verdict) in enumerate(zip(folders, verdicts, strict=True))
        ]
        console.print_json({"reports": made})
        return
    for outcome, verdict in zip(outcomes, verdicts, strict=True):
        console.print_result(f"{outcome.name}: {verdict}")
    for path in files:
        console.print_line(str(path))


def print_plans(runs: tuple[Path, ...], work: Path, margin: float, as_json: bool) -> None:
    """Print a plan for each finished run, or one from assumptions where there is none and none was
    named."""

    from gprplus.core.errors import ReportError
    from gprplus.reporting.power_plan import measured_noise, plan_lines, power_plan
    from gprplus.reporting.run_results import AGAIN, read_run_results
    from gprplus.reporting.write_report import expand_folders
    from gprplus.statistics.levels.level_estimands import count_estimands

    folders = (
        expand_folders(list(runs) or [work / "runs"])
        if runs or any((work / "runs").glob("*/*/summary.parquet"))
        else []
    )
    measured: dict[str, tuple[list[dict[str, Any]], int]] = {}
    for outcome in map(read_run_results, folders):
        rows = (
            outcome.effect_tables["components"].to_pylist()
            if "components" in outcome.effect_tables
            else []
        )
        rows = [row for row in rows if row["metric"] == "mAP"]
        for target in dict.fromkeys(row["target"] for row in rows):
            shared = count_estimands(
                row["family"] for row in outcome.contrasts if row["target"] == target
            )
            measured[f"{outcome.name}, {target}"] = (
                [row for row in rows if row["target"] == target],
                shared,
            )
    measurable = {
        name: (rows, shared) for name, (rows, shared) in measured.items() if measured_noise(rows)
    }
    if folders and not measurable:
        raise ReportError(
            "No run here has enough data on noise: two arms with two seeds each are needed, and"
            f" scores that vary over two identities or more. {AGAIN}"
        )
    made = []
    for name, (rows, shared) in (measurable or {"assumptions": ([], 1)}).items():
        headers, lines, caption = plan_lines(rows, margin, shared)
        found, persons, steps = power_plan(rows, margin, shared) or (None, 0, [])
        about = {"run": name, "noise": _json_record(found) if found else None, "people": persons}
        made.append(about | {"steps": [_json_record(step) for step in steps]})
        if not as_json:
            console.print_table(headers, lines, title=name, right=range(len(headers)))
            console.print_result(caption)
    if as_json:
        console.print_json({"margin": margin, "plans": made})


# Keys of the JSON output that differ from the names of the fields.
_JSON_KEYS = {"arm_identity": "arm_person", "identities": "persons", "std_error": "error"}


def _json_record(values: "NoiseEstimate | PowerPoint") -> dict[str, Any]:
    from dataclasses import asdict

    return {_JSON_KEYS.get(name, name): value for name, value in asdict(values).items()}
