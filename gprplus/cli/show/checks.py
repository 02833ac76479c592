"""Results of the checks of a manifest, as tables and images; `build-manifest --checks` and
`inspect` print them."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from gprplus.cli import console
from gprplus.core.commands import command_line
from gprplus.core.errors import escape

if TYPE_CHECKING:
    from gprplus.ingest.checks.findings import FlaggedImage
    from gprplus.ingest.tables.manifest import Manifest

LISTED, OF_EACH = 20, 8  # number of listed images of one check; of each, if all are listed


def print_findings(manifest: "Manifest") -> None:
    """Print one line for each check: the number of flagged images, and the dataset with the largest
    share."""
    from gprplus.ingest.checks.findings import list_findings

    several = len(manifest.datasets) > 1
    found = list_findings(manifest)
    rows = [
        [
            about.check,
            f"{about.flagged:,}",
            f"{about.share:.1%}",
            *(
                [
                    f"{about.worst_share:.1%} of {about.worst_dataset}"
                    if about.worst_dataset
                    else "-"
                ]
                if several
                else []
            ),
            "-" if about.worst is None else f"{about.worst:.2f}",
        ]
        for about in found
    ]
    heads = ["check", "flagged", "share", *(["worst share"] if several else []), "lowest score"]
    console.print_table(heads, rows, title="Checks", right=range(1, len(heads)))
    for about in found:
        if about.common:
            console.print_result(about.sentence)
    if any(about.flagged and not about.common for about in found):
        most = max((about for about in found if not about.common), key=lambda about: about.flagged)
        show = command_line(
            ["inspect", manifest.path, "--issues", most.check, "--sheet", "worst.png"]
        )
        console.print_line(f"`{show}` draws the worst of a check.")


def print_issues(
    manifest: "Manifest", words: Sequence[str], sheet: Path | None, columns: int, as_json: bool
) -> None:
    """List flagged images, the worst first, and draw them if a sheet is requested."""
    from gprplus.ingest.checks.findings import list_findings, list_issues

    listed: dict[str, list[FlaggedImage]] = {}
    for word in words:
        listed |= list_issues(
            manifest, word, LISTED if word not in ("all",) and len(words) == 1 else OF_EACH
        )
    found = {about.check: about for about in list_findings(manifest)}
    if as_json:
        console.print_json(
            {name: [asdict(issue) for issue in those] for name, those in listed.items()}
        )
    else:
        for name in found:
            if name in listed:
                _table(found[name].sentence, listed[name])
            elif found[name].common:
                console.print_result(found[name].sentence)
        if not listed:
            console.print_result("Nothing to list.")
    if sheet:
        _draw(manifest, listed, sheet, columns)


def _table(title: str, those: "Sequence[FlaggedImage]") -> None:
    like = any(issue.like_path for issue in those)
    rows = [
        [
            f"{issue.score:.3f}",
            escape(issue.path),
            *([escape(issue.like_path or "")] if like else []),
        ]
        for issue in those
    ]
    console.print_result(title)
    console.print_table(["score", "image", *(["looks like"] if like else [])], rows)


def _draw(
    manifest: "Manifest", listed: "dict[str, list[FlaggedImage]]", sheet: Path, columns: int
) -> None:
    from gprplus.cli.show.formatting import save_image
    from gprplus.core.contact_sheet import contact_sheet
    from gprplus.core.errors import ManifestError
    from gprplus.ingest.checks.examples import worst_images

    if not listed:
        raise ManifestError(
            f"No check of {manifest.path} has anything to draw: --sheet needs flagged images."
        )
    drawn = worst_images(manifest, listed, columns)
    heads, title = [""] * drawn.columns, f"Worst first, {manifest.path}"
    save_image(
        contact_sheet(drawn.cells, drawn.rows, heads, title=title, captions=drawn.captions), sheet
    )
    console.print_note(f"Wrote {sheet}.")
