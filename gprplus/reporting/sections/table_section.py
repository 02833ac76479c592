"""A table of text under a title."""

from collections.abc import Sequence
from dataclasses import dataclass

CURVES, NOISE, PLAN = "curves", "noise", "plan"
POOLED, LEFT_OUT, DOSE, SENSITIVITY = "pooled", "left out", "dose", "sensitivity"


@dataclass(frozen=True)
class TableSection:
    """A table under a title, with a note before it; the first column is text, the rest figures.

    `kind` is the family of its contrasts, or one of CURVES, NOISE, PLAN, POOLED, LEFT_OUT, DOSE and
    SENSITIVITY; `target` is empty for a table over all targets. `name` is the title without the
    target.
    """

    name: str
    note: str
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    kind: str
    target: str = ""
    title: str = ""

    def __post_init__(self) -> None:
        if not self.title:
            object.__setattr__(self, "title", self.name)
