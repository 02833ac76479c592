"""Findings of a verdict: the declared contrasts of a design, each with the interval of its family.

Every word of a verdict and every interval of a plot is derived from here, and these from
schema.CONTRASTS: max-|t| over the family, so that in 95 of 100 such experiments none of its
intervals misses. Intervals are classified in one place,
`statistics.multiplicity.classify_interval`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gprplus.reporting import formatting
from gprplus.schema.split_record import SplitRecord
from gprplus.statistics import multiplicity
from gprplus.statistics.levels.level_estimands import count_estimands

Row = Mapping[str, Any]

# Families that may carry a headline, and those of them that hold differences of one arm to the
# reference.
TO_REFERENCE = ("sufficiency", "necessity", "to the reference")
HEADLINES = (*TO_REFERENCE, "same size", "main effects")
TURNED = (
    "necessity",
)  # S(mix) - S(without): the sign is reversed to describe the effect of the arm
OUTCOMES = {
    "higher": "gain",
    "lower": "loss",
    "equivalent": "same",
    "undecided": "unclear",
    "unknown": "unknown",
}
JOINED = (
    "family",
    "family_low",
    "family_high",
    "p_max",
    "p_holm",
    "margin",
    "verdict",
)  # what `with_family_columns` adds to a row


@dataclass(frozen=True)
class ContrastFinding:
    """A contrast of mAP: a difference, the interval of its family, and the difference of each seed.

    `name` is an arm, or a factor of a factorial; `size` counts the family's contrasts that have
    intervals, `draws` the draws of a random control; ends are None with one seed. `shared`: the
    interval holds for other families too.
    """

    family: str
    name: str
    difference: float
    low: float | None
    high: float | None
    margin: float
    size: int
    draws: int
    seeds: int
    shared: bool = False

    @property
    def outcome(self) -> str:
        """Return the class of the interval: gain, loss, same (within the margin), unclear; unknown
        without interval."""
        return OUTCOMES[multiplicity.classify_interval(self.low, self.high, self.margin)]

    @property
    def small(self) -> bool:
        """Return True if the interval is completely within the margin."""
        return multiplicity.is_within_margin(self.low, self.high, self.margin)

    @property
    def interval(self) -> str:
        """Return the name of the interval: simultaneous, unless it holds for one contrast alone."""
        return "simultaneous 95% interval" if self.size > 1 or self.shared else "95% interval"


def list_findings(contrasts: Sequence[Row]) -> list[ContrastFinding]:
    """The contrasts of mAP (rows of schema.CONTRASTS of one target), in order; `necessity` as what
    an arm does."""
    rows = [row for row in contrasts if row["metric"] == "mAP"]
    sizes = {
        family: sum(row["family"] == family and row["family_low"] is not None for row in rows)
        for family in {row["family"] for row in rows}
    }
    shared = count_estimands(row["family"] for row in rows) > 1
    found = []
    for row in rows:
        value, low, high = orient(row)
        family = row["family"]
        found.append(
            ContrastFinding(
                family,
                row["contrast"],
                value,
                low,
                high,
                row["margin"],
                sizes[family],
                row["draws"],
                row["seeds"],
                shared,
            )
        )
    return found


def orient(row: Row) -> tuple[float, float | None, float | None]:
    """Value and ends of a contrast, with its sign such that more is better for the arm that it is
    named after."""
    value, low, high = row["value"], row["family_low"], row["family_high"]
    if row["family"] not in TURNED:
        return value, low, high
    return -value, None if high is None else -high, None if low is None else -low


def headline_finding(found: Sequence[ContrastFinding], split: SplitRecord) -> list[ContrastFinding]:
    """The family that the experiment is about.

    Of a ladder the rungs with as many images as the reference count; the others differ in size as
    well.
    """
    family = next((name for name in HEADLINES if any(one.family == name for one in found)), None)
    chosen = [one for one in found if one.family == family]
    ladder = [one for one in chosen if split.rung(one.name) and is_of_one_size(one.name, split)]
    return ladder or chosen


def is_of_one_size(arm: str, split: SplitRecord) -> bool:
    """Return True unless an arm is the rung of a ladder with another number of images than the
    reference."""
    rung, reference = split.rung(arm), split.rung(str(split.reference))
    if rung is None or rung.whole:
        return rung is None
    if reference is None or rung.images_each is None or reference.images_each is None:
        return True
    return rung.identities * rung.images_each == reference.identities * reference.images_each


def with_family_columns(rows: Sequence[Row], contrasts: Sequence[Row]) -> list[dict[str, Any]]:
    """Return rows of schema.SUMMARY with the verdict of the declared family on the difference to
    the reference (`JOINED`).

    Null for arms without such a family: the reference, the untrained baseline, arms of a control
    that has several. A control of one arm is a family by itself.
    """
    arms = {row["arm"] for row in rows}
    known: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in contrasts:
        if row["metric"] == "mAP" and (row["family"] in TO_REFERENCE or _one_arm(row, arms)):
            name = f"{row['contrast']}-1" if _one_arm(row, arms) else row["contrast"]
            _, low, high = orient(row)
            family = {
                "family_low": low,
                "family_high": high,
                "verdict": multiplicity.classify_interval(low, high, row["margin"]),
            }
            known[row["target"], name] = {key: row[key] for key in JOINED} | family
    empty = dict.fromkeys(JOINED)
    return [{**row, **(known.get((row["target"], row["arm"])) or empty)} for row in rows]


def _one_arm(row: Row, arms: Collection[str]) -> bool:
    """Return True if a contrast is that of random images with a single arm."""
    return row["family"] == "random images" and f"{row['contrast']}-2" not in arms


def outcome_of(row: Row) -> str:
    """Classify the difference of a joined row by the family's interval; "unknown" if it is in no
    family."""
    return OUTCOMES[row["verdict"] or "unknown"]


def verdict_text(row: Row) -> str:
    """The verdict on a contrast as a table prints it, from the interval of its family; a difference
    that is shown and small is both.
    """
    low, high, margin = row["family_low"], row["family_high"], row["margin"]
    word, size = multiplicity.classify_interval(low, high, margin), formatting.magnitude(margin)
    if word == "equivalent":
        return f"equal within {size}"
    return (
        f"{word}, by less than {size}"
        if word in ("higher", "lower") and multiplicity.is_within_margin(low, high, margin)
        else word
    )
