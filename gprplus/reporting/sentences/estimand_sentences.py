"""The estimands own level and transfer in words, and what each estimand favors by construction."""

from collections.abc import Sequence

from gprplus.reporting import formatting
from gprplus.reporting.arm_labels import (
    arm_phrase,
    kind_phrases,
    level_label,
    level_reference_phrase,
    reference_phrase,
)
from gprplus.reporting.findings import ContrastFinding, Row
from gprplus.schema.split_record import SplitRecord
from gprplus.statistics.levels.level_estimands import OWN, OWN_MEAN, TRANSFER, TRANSFER_MEAN, UNSEEN


def own_sentence(found: Sequence[ContrastFinding], split: SplitRecord, reference: str) -> str:
    """Own level: the mean over arms, how many arms gain and lose, and the widest difference; ""
    without such tests."""
    mean, each = _families(found, OWN_MEAN, OWN)
    if not each:
        return ""
    noun = _noun(split)
    where = f"query and gallery of the arm's own {noun}; favors the arm"
    return f"Own level ({where}): {_against(mean, each, split, reference)}."


def transfer_sentence(
    found: Sequence[ContrastFinding], levels: Sequence[Row], split: SplitRecord, reference: str
) -> str:
    """Transfer: the mean over arms, the worst level, and the arms among themselves; "" without such
    tests."""
    mean, each = _families(found, TRANSFER_MEAN, TRANSFER)
    if not each:
        return ""
    noun = _noun(split)
    seen = _phrase(reference, split)
    where = (
        f"query and gallery of one {noun} that is new to the arm and not to {seen}; favors {seen}"
    )
    text = f"Transfer ({where}): {_against(mean, each, split, reference)}{_worst(levels, split)}."
    return " ".join([text, *_among([one for one in found if one.family == UNSEEN], split)])


def mixed_prefix(split: SplitRecord, reference: str) -> str:
    """Return the content of the mixed gallery and the favored arm, as the beginning of its
    sentence."""
    seen = _phrase(reference, split)
    noun, counts = _noun(split), split.gallery_levels
    if not counts:
        return f"Mixed gallery (all levels of {noun}; favors {seen}): "
    total = sum(counts.values())
    shares = [
        f"{100 * count / total:.0f}" for count in (min(counts.values()), max(counts.values()))
    ]
    each = f"{' to '.join(dict.fromkeys(shares))}%"
    many = formatting.attribute_nouns(_noun(split))
    return f"Mixed gallery ({len(counts)} {many}, {each} each; favors {seen}): "


def _families(
    found: Sequence[ContrastFinding], mean: str, each: str
) -> tuple[ContrastFinding | None, list[ContrastFinding]]:
    return next((one for one in found if one.family == mean), None), [
        one for one in found if one.family == each
    ]


def _against(
    mean: ContrastFinding | None,
    each: Sequence[ContrastFinding],
    split: SplitRecord,
    reference: str,
) -> str:
    """Summarize, such as "the 7 weathers gain 8.1 points of mAP on average against the mixture (95%
    interval ...); ...".
    """
    against = level_reference_phrase(reference, split)
    if mean is None or len(each) == 1:
        return _compared(arm_phrase(each[0].name, split), each[0], against, many=False)
    text = _compared(f"the {_many(each, split)}", mean, against, many=True)
    if mean.low is None:
        return text
    widest = max(each, key=lambda one: abs(one.difference))
    return f"{text}; {_counts(each)}; the widest difference is {_named(widest, split)}"


def _compared(who: str, one: ContrastFinding, against: str, *, many: bool) -> str:
    """Describe one difference, of one arm or of `many` on average."""
    mean = " on average" if many else ""
    if one.low is None:
        signed = formatting.signed_points(one.difference)
        return (
            f"{who}: {signed} points of mAP{mean} against {against}; without an interval there is"
            " no conclusion"
        )
    held = f"{one.interval} {formatting.signed_interval(one.low, one.high)}"
    if one.outcome in ("gain", "loss"):
        verb = ("gain" if one.difference > 0 else "lose") + ("" if many else "s")
        return (
            f"{who} {verb} {formatting.magnitude(one.difference)} points of mAP{mean} against"
            f" {against} ({held})"
        )
    same = f"equal to {against} within {formatting.magnitude(one.margin)} points"
    outcome = same if one.outcome == "same" else f"not distinguishable from {against}"
    points = formatting.signed_points(one.difference)
    return f"{who} {'are' if many else 'is'} {outcome}{mean} ({points} points of mAP, {held})"


def _many(each: Sequence[ContrastFinding], split: SplitRecord) -> str:
    family = "sufficiency" if split.is_of_kind(each[0].name, "only") else "necessity"
    return f"{len(each)} {kind_phrases(family, [one.name for one in each], split)[1]}"


def _counts(each: Sequence[ContrastFinding]) -> str:
    """Count the arms that gain, lose, and are undecided."""
    groups = {word: sum(one.outcome == word for one in each) for word in ("gain", "loss")}
    rest = len(each) - sum(groups.values())
    verbs = {"gain": ("gains", "gain"), "loss": ("loses", "lose")}
    parts = [f"{n} {verbs[word][n > 1]}" for word, n in groups.items() if n]
    parts += [f"{rest} {'is' if rest == 1 else 'are'} undecided"] if rest else []
    return formatting.join_names(parts)


def _named(one: ContrastFinding, split: SplitRecord) -> str:
    return f"{level_label(one.name, split)} {_figures(one)}"


def _figures(one: ContrastFinding) -> str:
    return (
        f"{formatting.signed_points(one.difference)}"
        f" ({formatting.signed_interval(one.low, one.high)})"
    )


def _worst(levels: Sequence[Row], split: SplitRecord) -> str:
    """The level with the lowest difference among those that an arm was not trained on."""
    cells = [row for row in levels if row["metric"] == "mAP" and row["trained_on"] is False]
    known = [row for row in cells if row["difference"] is not None]
    if not known:
        return ""
    row = min(known, key=lambda one: one["difference"])
    ends = formatting.signed_interval(row["family_low"], row["family_high"])
    level = row["level"]
    if split.attribute:
        level = formatting.format_level(split.attribute, level, split.declared)
    where = f"{arm_phrase(row['arm'], split)}, searched in {level}"
    count = sum(row["metric"] == "mAP" and row["difference"] is not None for row in levels)
    held = f" (simultaneous over {count} cells: {ends})" if row["family_low"] is not None else ""
    return (
        f"; the worst level of {len(known)}: {where},"
        f" {formatting.signed_points(row['difference'])}{held}"
    )


def _among(unseen: Sequence[ContrastFinding], split: SplitRecord) -> list[str]:
    """Arms against each other on levels that neither was trained on, which favors none of them."""
    if not unseen or unseen[0].low is None:
        return []
    decided = [one for one in unseen if one.outcome in ("gain", "loss")]
    start = "Where neither arm was trained on the level, which favors none"
    if not decided:
        return [f"{start}, no arm is distinguishable from the others."]
    named = sorted(decided, key=lambda one: -one.difference)
    rest = len(unseen) - len(decided)
    left = f"; {rest} of {len(unseen)} {'is' if rest == 1 else 'are'} undecided" if rest else ""
    return [
        f"{start}: {formatting.join_names([_named(one, split) for one in named])} against the"
        f" others{left}."
    ]


def _phrase(reference: str, split: SplitRecord) -> str:
    is_mix = split.is_of_kind(reference, "mix")
    return "the mixture" if is_mix else reference_phrase(reference, split)


def _noun(split: SplitRecord) -> str:
    return formatting.attribute_noun(split.attribute or "level")
