"""The first scores of a benchmark, printed while its other seeds train."""

from typing import TYPE_CHECKING

from gprplus.cli.console import print_note

if TYPE_CHECKING:
    from gprplus.experiments.first_seed import FirstScores


def print_first_scores(found: "FirstScores") -> None:
    """Print the scores of the first seed on stderr; results on stdout are those of all seeds."""
    from gprplus.reporting.formatting import format_points, signed_points

    reference = found.scores.get(found.reference or "")
    versus = f"vs {found.reference}" if reference else ""
    width = max(map(len, found.scores))
    lines = [
        f"{found.folder}: seed {found.seed} is scored, {found.seeds - 1} more to come (no intervals"
        " yet)",
        f"  {'arm':{width}}     mAP  rank-1  {versus}".rstrip(),
    ]
    for arm, (mAP, rank1) in found.scores.items():
        difference = signed_points(mAP - reference[0]) if reference else ""
        difference = "" if arm == found.reference else difference
        points = f"{format_points(mAP):>6}  {format_points(rank1):>6}"
        lines.append(f"  {arm:{width}}  {points}  {difference:>{len(versus)}}".rstrip())
    print_note("\n".join(lines))
