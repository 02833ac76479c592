"""A sentence on whether the effects of a family hold on the logit scale."""

from collections.abc import Mapping, Sequence
from typing import Any

from gprplus.reporting import formatting

Row = Mapping[str, Any]

NOUNS = {
    "main effects": "main effect",
    "interactions": "interaction",
    "Shapley": "Shapley value",
    "additivity": "departure",
}


def logit_sentence(logit: Sequence[Row], contrasts: Sequence[Row]) -> str:
    """Describe rows of schema.LOGIT of one family and target, next to its rows of
    schema.CONTRASTS; empty if nothing is known.

    Up to two interactions are described one by one, other families by the effects that change.
    """
    points = {row["contrast"]: row for row in contrasts}
    known = [row for row in logit if row["holds"] is not None and row["contrast"] in points]
    if not known:
        return ""
    noun = NOUNS[known[0]["family"]]
    one_by_one = known[0]["family"] == "interactions" and len(known) < 3
    named = known if one_by_one else [row for row in known if not row["holds"]]
    parts = [
        f"the {noun} of {_name(row)} {_change(row, points[row['contrast']])} ({_ends(row)})"
        for row in named
    ]
    rest = len(known) - len(named)
    if rest:
        parts.append(_kept(rest, noun, bool(parts)))
    sentence = f"On the logit scale of mAP {formatting.join_names(parts)}."
    if any(row["verdict"] == "undecided" and not row["holds"] for row in known):
        sentence += " Such an effect can come from the scale of the score alone."
    return sentence


def _kept(count: int, noun: str, others: bool) -> str:
    """The effects that do not change, after those that do (`others`) or alone."""
    if count == 1:
        return f"the {'other ' * others}{noun} keeps its sign and significance"
    which = f"the other {count}" if others else "both" if count == 2 else f"all {count}"
    return f"{which} {noun}s keep their sign and significance"


def _name(row: Row) -> str:
    """A contrast by its factors, or by the name of its arm."""
    name: str = row["contrast"]
    return name if row["family"] == "additivity" else formatting.crossed_name(name)


def scale_sentences(logit: Sequence[Row], contrasts: Sequence[Row]) -> list[str]:
    """The sentence of each family of departures from adding up of which an effect excludes 0, in
    points or in logits, from all rows of one target."""
    found = []
    for family in ("interactions", "additivity"):
        rows, points = (
            [row for row in table if (row["metric"], row["family"]) == ("mAP", family)]
            for table in (logit, contrasts)
        )
        if any(row["verdict"] in ("higher", "lower") for row in (*rows, *points)):
            found.append(logit_sentence(rows, points))
    return [sentence for sentence in found if sentence]


def _change(row: Row, points: Row) -> str:
    shown, before = (one["verdict"] in ("higher", "lower") for one in (row, points))
    if shown and before:
        return "also excludes 0" if row["holds"] else "excludes 0 with the other sign"
    if shown or before:
        return "excludes 0, unlike in points" if shown else "no longer excludes 0"
    return "includes 0 as well"


def _ends(row: Row) -> str:
    span = logit_interval(row["family_low"], row["family_high"])
    return f"{signed_logit(row['value'])}, {span}"


def signed_logit(value: float) -> str:
    """A difference of logits with its sign.

    >>> signed_logit(-0.405)
    '−0.41'
    """
    return f"{value:+.2f}".replace("-", "−")


def logit_interval(low: float | None, high: float | None) -> str:
    """An interval of a difference of logits; a dash without one."""
    if low is None or high is None:
        return formatting.DASH
    return f"{signed_logit(low)} to {signed_logit(high)}"
