"""Whether what was found for a target is the target's own: what was chosen without it must lie farther off."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from gprplus.analysis.pages import markdown
from gprplus.analysis.search.arms import SEARCHED, WRONG

CHANCE = {
    "random-images": "random images",
    "random-levels": "the same mixture with its levels renamed by chance",
    "even": "an even mix of all cells",
}


def nearer(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Controls among rows of columns.RIVALS that lie nearer to the held-out target than the searched subset, in words.

    >>> nearer([{"method": m, "held_out": d} for m, d in [("wrong-mall", 0.1), ("searched", 0.2), ("even", 0.3)]])
    ['what was searched for mall']
    """
    mine = next(row["held_out"] for row in rows if row["method"] == SEARCHED)
    ahead = [row["method"] for row in rows if row["held_out"] < mine]
    wrong = [f"what was searched for {name.removeprefix(WRONG)}" for name in ahead if name.startswith(WRONG)]
    return wrong + [CHANCE[name] for name in ahead if name in CHANCE]


def warning(target: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """One sentence where a control lies nearer; empty where none does."""
    found = nearer(rows)
    if not found:
        return ""
    named = " and ".join(filter(None, [", ".join(found[:-1]), found[-1]]))
    lies = "lies" if len(found) == 1 and "random images" not in found else "lie"
    return (
        f"{named[:1].upper()}{named[1:]} {lies} nearer to {target} than what was searched for {target} itself: nothing "
        f"was found that belongs to {target} in particular."
    )


def page(target: str, rivals: pa.Table) -> str:
    """The table columns.RIVALS as Markdown, and the sentence under it where there is one."""
    said = warning(target, rivals.to_pylist())
    return markdown("rivals", rivals) + (f"\n{said}\n" if said else "")
