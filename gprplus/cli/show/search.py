"""Output of `gprplus analyze --budget`: the subset, the results of other methods, and the next
step."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gprplus.cli import console

if TYPE_CHECKING:
    from gprplus.analysis import SearchResult

METHODS = {
    "searched": "searched: convex weights of cells",
    "coordinate": "coordinate: one distribution a factor",
    "greedy": "greedy: leave levels out",
    "threshold": "threshold: levels under the mean",
    "random-levels": "searched, levels renamed by chance",
    "random-images": "random images",
    "even": "even: every cell alike",
}


def print_search(found: "SearchResult", target: Path) -> None:
    """Print one target's search; `target` is where the target is, for the line to type next."""
    from gprplus.analysis.subset_search.run_search import viewpoint_margins

    info = found.info
    people, images = info["request"]["budget"]
    halves = info["target_images"]
    title = (
        f"Subsets for {info['target']}: {people:,} identities x {images:,} images. Squared"
        f" discrepancy x 1000 to the {halves['held_out']:,} held-out target images"
    )
    rivals = found.baselines.to_pylist()
    cells = [
        [
            METHODS.get(row["method"])
            or f"searched for {row['method'].removeprefix('wrong-')}, another target",
            f"{1000 * row['held_out']:.1f}",
            f"{1000 * row['low']:.1f} to {1000 * row['high']:.1f}",
            f"{1000 * row['fitted']:.1f}",
            f"{row['cells']:,}",
        ]
        for row in rivals
    ]
    headers = [
        "chosen by",
        "held out",
        "95% interval",
        f"on the {halves['chosen_by']:,} chosen by",
        "cells",
    ]
    console.print_result(title)
    console.print_table(headers, cells, right=(1, 2, 3, 4))
    _controls(found)
    for name in info["left_out"]:
        console.print_note(
            f"Note: {name} is left out: the levels it keeps have too few images for the budget."
        )
    shares = viewpoint_margins(info["factors"], found.cells.to_pylist(), "images")
    for factor, levels in shares.items():
        total = sum(levels.values())
        ranked = sorted(levels.items(), key=lambda item: -item[1])
        console.print_result(
            f"searched, by {factor}: "
            + ", ".join(f"{level} {count / total:.0%}" for level, count in ranked)
        )
    stability = info["stability"]
    console.print_result(
        f"With resampled identities, {stability['l1']:.0%} of the weight moves and"
        f" {stability['jaccard']:.0%} of the cells stay the same."
    )
    _verdict(info, found, target)


def _controls(found: "SearchResult") -> None:
    """Print how much farther each control is, and whether the searched subset is shown to be
    nearest."""
    from gprplus.analysis.subset_search.verdict import (
        control_name,
        format_interval,
        format_thousandths,
    )

    rows = [
        [control_name(one.control), format_thousandths(one.value), format_interval(one)]
        for one in found.differences
    ]
    if rows:
        headers = ["control", "farther than searched by, x 1000", "simultaneous 95% interval"]
        console.print_table(headers, rows, right=(1, 2))
    console.print_result(found.verdict)


def _verdict(info: dict[str, Any], found: "SearchResult", target: Path) -> None:
    """Print that only a benchmark with the controls shows which training set is better."""
    state = "Wrote" if found.made else "Nothing to do: the same request is in"
    console.print_result(
        f"{state} {found.path} and the split {info['split']}: {', '.join(info['arms'])}"
    )
    if info["controls"]["wrong_target"]:
        console.print_result(
            "Only a benchmark with these controls shows whether `searched` is a better training"
            " set."
        )
        named = shlex.quote(f"{info['target']}={target}")
        console.print_result(
            f"next: gprplus benchmark {shlex.quote(info['split'])} --target {named}"
        )
    else:
        console.print_note(
            "Note: there is no control chosen for another target. Give a second --target before"
            f" you call a subset good for {info['target']} in particular."
        )
