"""Verdict whether the searched subset is nearer to a target than the controls, in words and as a
page."""

from collections.abc import Sequence

import pyarrow as pa

from gprplus.analysis.output import analysis_markdown
from gprplus.analysis.record import Difference
from gprplus.analysis.subset_search.arms import OTHER_TARGET
from gprplus.analysis.subset_search.differences import is_nearest

CHANCE = {
    "random-images": "random images",
    "random-levels": "the searched mixture with its levels renamed at random",
    "even": "an even mix of all cells",
}


def control_name(method: str) -> str:
    """A control in words.

    >>> control_name("wrong-mall"), control_name("random-images")
    ('the subset searched for mall', 'random images')
    """
    return CHANCE.get(method) or f"the subset searched for {method.removeprefix(OTHER_TARGET)}"


def format_thousandths(value: float) -> str:
    """A squared discrepancy x 1000; what is not 0 is not printed as 0.

    >>> format_thousandths(0.0081), format_thousandths(-0.00002), format_thousandths(0.0)
    ('8.1', '-0.02', '0.0')
    """
    return f"{1000 * value:.1f}" if abs(value) >= 5e-5 or value == 0 else f"{1000 * value:.1g}"


def format_interval(one: Difference) -> str:
    """The ends of the interval of a difference x 1000.

    >>> known, unknown = Difference("even", 0.003, -0.002, 0.0081), Difference("even", 0.003, None, None)
    >>> format_interval(known), format_interval(unknown)
    ('-2.0 to 8.1', 'none')
    """
    return (
        "none"
        if one.low is None or one.high is None
        else f"{format_thousandths(one.low)} to {format_thousandths(one.high)}"
    )


def search_sentence(target: str, found: Sequence[Difference]) -> str:
    """Return one or two sentences: the searched subset is nearest, or the controls that are not
    shown to be farther."""
    if not found:
        return (
            f"The search for {target} has no intervals for its controls. Search again with --force."
        )
    if is_nearest(found):
        return f"The searched subset is nearer to {target} than each control."
    rest = [one for one in found if not one.farther]
    opening = f"No subset is shown to be nearer to {target} than the controls."
    if all(one.low is None for one in rest):
        return f"{opening} The held-out identities are too few for intervals."
    parts = [
        f"{control_name(one.control)} by {format_thousandths(one.value)} ({format_interval(one)})"
        for one in rest
    ]
    return f"{opening} Not shown to be farther than the searched subset: {'; '.join(parts)}."


def search_page(target: str, rivals: pa.Table, found: Sequence[Difference]) -> str:
    """The table columns.RIVALS as Markdown, the controls with their intervals, and the sentence."""
    lines = ["| control | farther by, x 1000 | simultaneous 95% interval |", "| --- | --- | --- |"]
    lines += [
        f"| {one.control} | {format_thousandths(one.value)} | {format_interval(one)} |"
        for one in found
    ]
    return (
        analysis_markdown("rivals", rivals)
        + "\n"
        + "\n".join(lines)
        + f"\n\n{search_sentence(target, found)}\n"
    )
