"""An analysis with its pages, as the command and the library make it."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gprplus.analysis import run_analysis
from gprplus.analysis.options import AnalyzeOptions
from gprplus.analysis.run_analysis import AnalysisResult
from gprplus.core.commands import Word, command_line
from gprplus.core.files.paths import AnyPath
from gprplus.core.files.workdir import work_folder
from gprplus.core.options import combined
from gprplus.core.progress import Progress, no_progress
from gprplus.core.spelling import CannotSpell, spelled
from gprplus.core.storage.remote_path import as_path
from gprplus.reporting.pages.analysis_page import write_analysis_page

if TYPE_CHECKING:
    from gprplus.ingest import Manifest


def analyze(
    manifest: "AnyPath | Manifest",
    targets: Mapping[str, AnyPath],
    output: AnyPath | None = None,
    options: AnalyzeOptions | None = None,
    *,
    force: bool = False,
    progress: Progress = no_progress,
    **changes: Any,
) -> list[AnalysisResult]:
    """Measure the distance of each level of each crossed factor to each target, and the factors
    that cause the distance, and write a page of each target.

    Levels are compared on the same identities under the same other conditions. If a target has a
    train set, only that is used, so that no choice depends on test images. Writes
    OUTPUT/NAME/*.parquet, .csv, .md and .png, analysis.json and analysis.html.

    Args:
        manifest: a manifest or its folder.
        targets: manifests or folders of images by name; a manifest of such a folder is built in
            OUTPUT/../targets.
        output: folder of the analysis; by default WORK/analysis (WORK: $GPRPLUS_WORK, else work/).
        options: all options at once; the keywords below change single fields of it.
        force: replace the analysis of another request in the folder.
        progress: called with the number of images measured and of all images.

    Raises:
        AnalysisError: an attribute is not crossed, too few identities have all its levels, or
            features do not exist.
    """
    given = combined(AnalyzeOptions, options, changes, "analyze")
    place = work_folder() / "analysis" if output is None else Path(output)
    found = run_analysis.analyze(manifest, targets, place, given, force=force, progress=progress)
    again = _command(manifest, targets, place, given)
    for one in found:
        write_analysis_page(one, again)
    return found


def _command(
    manifest: "AnyPath | Manifest",
    targets: Mapping[str, AnyPath],
    place: Path,
    given: AnalyzeOptions,
) -> str:
    """Return the command line that makes the analysis again; empty where options cannot be
    spelled."""
    from gprplus.ingest import Manifest

    source = manifest.path if isinstance(manifest, Manifest) else as_path(manifest)
    words: list[Word] = ["analyze", "--manifest", source]
    for name, path in targets.items():
        words += ["--target", (name, as_path(path))]
    try:
        return command_line([*words, *spelled(given), "-o", place])
    except CannotSpell:
        return ""
