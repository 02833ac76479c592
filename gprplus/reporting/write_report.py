"""Run folders in, files out: results.csv, results.md and report.html."""

from collections.abc import Sequence
from pathlib import Path

from gprplus.core.errors import ReportError
from gprplus.core.files.folders import discard_if_empty, hold_folder, is_held
from gprplus.core.files.paths import AnyPath, as_list
from gprplus.core.files.workdir import write_text
from gprplus.core.storage.address import is_address
from gprplus.core.storage.remote_path import as_path
from gprplus.core.storage.upload import uploaded_folder
from gprplus.reporting.pages.markdown import report_markdown
from gprplus.reporting.pages.report_page import render_page
from gprplus.reporting.run_results import AGAIN, read_run_results
from gprplus.reporting.summary_tables import summary_csv
from gprplus.statistics.levels.level_estimands import require_estimand

KIND = "reports"  # of folder, as its mark states
REPORT = "report.html"
DEPTHS = ("*/summary.parquet", "*/*/summary.parquet")


def report(
    runs: AnyPath | Sequence[AnyPath], output: AnyPath | None = None, *, estimand: str | None = None
) -> list[Path]:
    """Write report.html, results.csv and results.md of each run folder; the files, three a folder.

    `runs` are folders of the form SPLIT/RECIPE, or folders that hold such ones. Files go into the
    run folder itself, or into the folder `output`, which may be an address in object storage (a
    folder SPLIT/RECIPE inside it when there are several runs). `estimand` (own, transfer or mixed)
    is what the verdict answers first; None: what the benchmark was given.

    Raises:
        ReportError: there is nothing finished to report on, a benchmark is running in one of the
            folders, or another process writes reports to `output`.
    """
    require_estimand(estimand, ReportError)
    folders, output = expand_folders(as_list(runs)), None if output is None else as_path(output)
    busy = next((folder for folder in folders if is_held(folder)), None)
    if busy:
        raise ReportError(
            f"A benchmark is running in {busy}, and its tables change. Report when it has finished."
        )
    if output is not None and (output.suffix or output.is_file()):
        raise ReportError(
            f"{output} looks like a file; three files are written, so give a folder with -o."
        )
    if output is None:
        return write_reports(folders, estimand=estimand)
    many = len(folders) > 1
    places = [output / folder.parent.name / folder.name if many else output for folder in folders]
    if is_address(output):
        with uploaded_folder(output, REPORT) as local:
            inside = [local / place.relative_to(output) for place in places]
            files = write_reports(folders, inside, estimand)
        return [output / file.relative_to(local) for file in files]
    with hold_folder(output, KIND, ReportError, adopt=True) as real:
        try:
            return write_reports(folders, places, estimand)
        finally:
            discard_if_empty(real)


def write_reports(
    folders: Sequence[Path], places: Sequence[Path] | None = None, estimand: str | None = None
) -> list[Path]:
    """Write the reports of run folders into `places`, by default into the folders themselves."""
    written = []
    for folder, place in zip(folders, places or folders, strict=True):
        outcome = read_run_results(folder, estimand)
        texts = {
            REPORT: render_page(outcome),
            "results.csv": summary_csv(
                outcome.summary, outcome.effect_tables["contrasts"], outcome.arms
            ),
            "results.md": report_markdown(
                outcome.summary, outcome.effect_tables, outcome.experiment, outcome.queries
            ),
        }
        for name, text in texts.items():
            write_text(place / name, text)
            written.append(place / name)
    return written


def expand_folders(runs: Sequence[Path]) -> list[Path]:
    """Return run folders in the given order; a folder with finished ones is replaced by them, else
    ReportError."""
    folders: list[Path] = []
    for run in runs:
        own = any((run / name).is_file() for name in ("benchmark.json", "summary.parquet"))
        inside = (
            [run] if own else sorted({path.parent for depth in DEPTHS for path in run.glob(depth)})
        )
        if not inside:
            raise ReportError(
                f"{run} holds no finished benchmark: no summary.parquet in it or in a SPLIT/RECIPE"
                f" folder. {AGAIN}"
            )
        folders += inside
    return list(dict.fromkeys(folders))
