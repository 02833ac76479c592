"""Run folders in, files out: results.csv, results.md and report.html."""

from collections.abc import Sequence
from pathlib import Path

from gprplus.errors import ReportError
from gprplus.report.html import render
from gprplus.report.markdown import as_markdown
from gprplus.report.outcome import AGAIN, read
from gprplus.report.tables import as_csv
from gprplus.runs import write_text

DEPTHS = ("*/summary.parquet", "*/*/summary.parquet")


def report(runs: Sequence[Path], output: Path | None = None) -> list[Path]:
    """Write report.html, results.csv and results.md of each run folder; the files, three a folder.

    `runs` are folders of the form SPLIT/RECIPE, or folders that hold such ones. Files go into the run folder itself,
    or into the folder `output` (a folder SPLIT/RECIPE inside it when there are several runs). Raises ReportError when
    there is nothing finished to report on.
    """
    folders = expand(runs)
    if output is not None and (output.suffix or output.is_file()):
        raise ReportError(f"{output} looks like a file; three files are written, so give a folder with -o.")
    written = []
    for folder in folders:
        place = folder if output is None else output if len(folders) == 1 else output / folder.parent.name / folder.name
        outcome = read(folder)
        texts = {
            "report.html": render(outcome),
            "results.csv": as_csv(outcome.summary, outcome.judged["contrasts"], outcome.arms),
            "results.md": as_markdown(outcome.summary, outcome.judged, outcome.info, outcome.queries),
        }
        for name, text in texts.items():
            write_text(place / name, text)
            written.append(place / name)
    return written


def expand(runs: Sequence[Path]) -> list[Path]:
    """Run folders in the order given; a folder that holds finished ones stands for them, else ReportError."""
    folders: list[Path] = []
    for run in runs:
        own = any((run / name).is_file() for name in ("benchmark.json", "summary.parquet"))
        inside = [run] if own else sorted({path.parent for depth in DEPTHS for path in run.glob(depth)})
        if not inside:
            raise ReportError(
                f"{run} holds no finished benchmark: no summary.parquet in it or in a SPLIT/RECIPE folder. {AGAIN}"
            )
        folders += inside
    return list(dict.fromkeys(folders))
