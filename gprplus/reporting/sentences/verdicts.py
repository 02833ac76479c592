"""Verdicts: the results in words, limited to what the intervals support.

Four rules. A word follows from the interval that is printed with it, and that interval holds for
the whole declared family (`list_findings`). An interval that contains 0 is "not distinguishable",
and "equal" only within the margin that was declared beforehand. A comparison names its reference.
If a network was trained from scratch, or tested on engine renders, the conclusion states it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gprplus.reporting import formatting
from gprplus.reporting.arm_labels import (
    OWN_TEST_SET,
    UNTRAINED,
    against_phrase,
    arm_phrase,
    kind_phrases,
    level_label,
    sentence_subject,
    target_phrase,
)
from gprplus.reporting.basis import basis_targets, describe_basis
from gprplus.reporting.experiment import Experiment
from gprplus.reporting.findings import ContrastFinding, Row, headline_finding, list_findings
from gprplus.reporting.sentences.estimand_sentences import (
    mixed_prefix,
    own_sentence,
    transfer_sentence,
)
from gprplus.reporting.sentences.logit_sentence import scale_sentences
from gprplus.reporting.sentences.sensitivity_sentence import sensitivity_sentence
from gprplus.reporting.sentences.verdict_support import (
    control_sentence,
    few_identities_warning,
    few_seeds_warning,
    floor_sentence,
    floor_warning,
)
from gprplus.schema.split_record import SplitRecord

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Verdict:
    """A conclusion about one target: the headline (one line for each estimand), supporting
    sentences, warnings that limit the conclusion whatever the intervals are, and its basis.
    """

    headline: str
    support: list[str] = field(default_factory=list)
    basis: str = ""
    warnings: list[str] = field(default_factory=list)

    @property
    def details(self) -> str:
        """Return all that follows the headline, except the basis."""
        return " ".join([*self.support, *self.warnings])

    def __str__(self) -> str:
        return " ".join(filter(None, [self.headline, self.details, self.basis]))


def verdict_paragraphs(
    summary: "pa.Table",
    contrasts: "pa.Table",
    about: Experiment,
    levels: "pa.Table | None" = None,
    sensitivity: "pa.Table | None" = None,
    logit: "pa.Table | None" = None,
) -> str:
    """The verdict on a summary table (schema.SUMMARY) as one paragraph; with several targets, one
    paragraph for each, those that were named before the split's own test set.

    `contrasts` (schema.CONTRASTS) holds what the design declared to be compared, `levels`
    (schema.LEVELS) the scores of each level by itself, `sensitivity` (schema.SENSITIVITY)
    differences with other settings, `logit` (schema.LOGIT) effects on the logit scale.
    """
    rows, tests = summary.to_pylist(), contrasts.to_pylist()
    names, cells = basis_targets(rows), [] if levels is None else levels.to_pylist()
    again, odds = ([] if one is None else one.to_pylist() for one in (sensitivity, logit))
    paragraphs = [
        str(
            verdict_of(
                verdicts_of(rows, name),
                verdicts_of(tests, name),
                about,
                cells if name == OWN_TEST_SET else [],
                verdicts_of(again, name),
                verdicts_of(odds, name),
            )
        )
        for name in names
    ]
    return "\n\n".join(
        paragraphs
        if len(paragraphs) == 1
        else [f"On {target_phrase(n)}: {s}" for n, s in zip(names, paragraphs, strict=True)]
    )


def verdicts_of(rows: Sequence[Row], target: str) -> list[Row]:
    """Rows of one target."""
    return [row for row in rows if row["target"] == target]


def verdict_of(
    rows: Sequence[Row],
    contrasts: Sequence[Row],
    about: Experiment,
    levels: Sequence[Row] = (),
    sensitivity: Sequence[Row] = (),
    logit: Sequence[Row] = (),
) -> Verdict:
    """The verdict on one target, from its summary rows, its contrasts, its rows of
    schema.SENSITIVITY and schema.LOGIT and, of the split's own test set, those of schema.LEVELS.
    """
    split = about.split
    trained = {row["arm"]: row for row in rows if row["arm"] != UNTRAINED}
    floor = next((row for row in rows if row["arm"] == UNTRAINED), None)
    if not trained:
        return Verdict("Nothing was trained, so there is nothing to compare.")
    name = next((row["reference"] for row in trained.values() if row["reference"]), split.reference)
    reference = trained.get(name)
    found = list_findings(contrasts)
    compared = headline_finding(found, split)
    rests = describe_basis(next(iter(trained.values())), compared, about)
    if reference is None or not compared:
        return Verdict(
            _without_reference(list(trained.values()), split, name),
            floor_sentence(floor),
            rests,
            floor_warning(reference, floor),
        )
    text, support = _compare(compared, split, reference["arm"])
    first, others = _estimands(text, found, levels, about, reference["arm"])
    support = others + support + _secondary_sentences(found, split)
    support += scale_sentences(logit, contrasts)
    support += control_sentence(found, trained, reference, split) + floor_sentence(floor)
    support += sensitivity_sentence(sensitivity, split)
    warnings = [
        *floor_warning(reference, floor),
        *few_identities_warning(reference),
        *few_seeds_warning(compared),
    ]
    return Verdict(first, support, rests, warnings)


def _estimands(
    mixed: str,
    found: Sequence[ContrastFinding],
    levels: Sequence[Row],
    about: Experiment,
    reference: str,
) -> tuple[str, list[str]]:
    """The headline, and sentences after it: with tests of single levels all three estimands, else
    `mixed` alone.

    The one that `about` names comes first; where it names none, the three together are the
    headline.
    """
    split = about.split
    own, transfer = (
        own_sentence(found, split, reference),
        transfer_sentence(found, levels, split, reference),
    )
    if not (own or transfer):
        return mixed, []
    texts = {
        "own": own,
        "transfer": transfer,
        "mixed": mixed_prefix(split, reference) + _lower(mixed),
    }
    first = about.estimand or ""
    if not texts.get(first):
        return "\n".join(filter(None, texts.values())), []
    return texts[first], [text for name, text in texts.items() if text and name != first]


def _compare(
    found: Sequence[ContrastFinding], split: SplitRecord, reference: str
) -> tuple[str, list[str]]:
    """The headline over a family of differences, and the count of its outcomes."""
    gains = sorted((one for one in found if one.outcome == "gain"), key=_difference, reverse=True)
    losses = sorted((one for one in found if one.outcome == "loss"), key=_difference)
    open_ = [one for one in found if one.outcome in ("unclear", "same")]
    against = against_phrase(found[0].family, reference, split)
    what, many = kind_phrases(found[0].family, [one.name for one in found], split)
    most = f", the most of {len(found)} {many}" if len(found) > 1 else ""
    tally = _outcome_counts(found, split)
    if gains:
        text = f"{_change(gains[0], split)} {_over(gains[0], against, most)}"
        if losses:
            text += f"; {_lower(_change(losses[0], split))} ({_ends(losses[0])})"
        return f"{text}.", tally
    if losses:
        text = f"{_change(losses[0], split)} {_over(losses[0], against, most)}"
        if len(found) > 1:
            text += (
                f"; no {what} beats it"
                if len(losses) == len(found)
                else f"; no {what} is shown to beat it"
            )
        return f"{text}.", tally
    if open_:
        mixed = 0 < sum(one.outcome == "same" for one in found) < len(found)
        return _undecided(open_, split, against, what), tally if mixed else []
    return _without_interval(found, split, against), []


def _without_interval(found: Sequence[ContrastFinding], split: SplitRecord, against: str) -> str:
    """List differences without an interval, without a conclusion."""
    widest = max(found, key=lambda one: abs(one.difference))
    why = (
        "With one seed there is no interval" if widest.seeds == 1 else "No interval could be formed"
    )
    more = "more" if widest.difference > 0 else "less"
    who = sentence_subject(widest.family, widest.name, split)
    gap = f"{who} scored {formatting.magnitude(widest.difference)} points of mAP {more}"
    return f"{why}, so there is no conclusion: {gap} than {against}, which can be chance."


def _undecided(
    found: Sequence[ContrastFinding], split: SplitRecord, against: str, what: str
) -> str:
    """State that no difference is shown: all equal within the margin, or the widest gap with its
    interval."""
    widest = max(found, key=lambda one: abs(one.difference))
    named = sentence_subject(widest.family, widest.name, split)
    figures = f"{formatting.signed_points(widest.difference)} points of mAP, {widest.interval} "
    figures += formatting.signed_interval(widest.low, widest.high)
    equal = f"equal to {against} within {formatting.magnitude(widest.margin)} points"
    same = all(one.outcome == "same" for one in found)
    if len(found) == 1:
        return (
            f"{_upper(named)} is {equal if same else f'not distinguishable from {against}'}:"
            f" {figures}."
        )
    sentence = (
        f"Every {what} is {equal}" if same else f"No {what} is distinguishable from {against}"
    )
    return f"{sentence}; the widest gap, {named}, is {figures}."


def _change(one: ContrastFinding, split: SplitRecord) -> str:
    """Begin the sentence, such as "Training on foggy alone loses 2.1 points of mAP"."""
    verb = "gains" if one.difference > 0 else "loses"
    small = f", less than the margin of {formatting.magnitude(one.margin)}," if one.small else ""
    who = _upper(sentence_subject(one.family, one.name, split))
    return f"{who} {verb} {formatting.magnitude(one.difference)} points of mAP{small}"


def _over(one: ContrastFinding, against: str, most: str) -> str:
    """End it, such as "against the same-budget mixture, the most of 7 weathers, simultaneous 95%
    interval 1.2 to 3.0".
    """
    return f"against {against}{most}, {one.interval} {_ends(one)}"


def _ends(one: ContrastFinding) -> str:
    """The ends of a decided difference without signs, the smaller first."""
    low, high = sorted((abs(one.low or 0.0), abs(one.high or 0.0)))
    return f"{formatting.magnitude(low)} to {formatting.magnitude(high)}"


def _outcome_counts(found: Sequence[ContrastFinding], split: SplitRecord) -> list[str]:
    """Count the members of the family that lose, win, are equal within the margin, or are
    undecided."""
    if len(found) < 2:
        return []
    what = kind_phrases(found[0].family, [one.name for one in found], split)[1]
    groups = {
        name: [one for one in found if one.outcome == name]
        for name in ("loss", "gain", "same", "unclear")
    }
    every = f"Both {what}" if len(found) == 2 else f"All {len(found)} {what}"
    for name, verb in (("loss", "lose against it"), ("gain", "beat it")):
        if len(groups[name]) == len(found):
            return [f"{every} {verb}."]
    margin = formatting.magnitude(found[0].margin)
    tails = {
        "loss": (" loses against it", " lose against it"),
        "gain": (" beats it", " beat it"),
        "same": (
            f" is equal to it within {margin} points",
            f" are equal to it within {margin} points",
        ),
        "unclear": (" is not distinguishable from it", " are not distinguishable from it"),
    }
    parts = []
    for name, group in groups.items():
        if group:
            names = formatting.join_names([level_label(one.name, split) for one in group])
            examples = f" ({names})" if name in ("same", "unclear") else ""
            parts.append(f"{len(group)}{tails[name][len(group) > 1]}{examples}")
    return [f"Of {len(found)} {what}, {formatting.join_names(parts)}."]


def _secondary_sentences(found: Sequence[ContrastFinding], split: SplitRecord) -> list[str]:
    """Return secondary results: the levels against as many random ones, interactions of a
    factorial."""
    sentences = []
    chosen = [one for one in found if one.family == "attribute effect" and one.outcome != "unknown"]
    if chosen:
        parts = [f"{level_label(one.name, split)} {_decided(one)}" for one in chosen]
        once = "; drawn once, so it omits the variance of the draw" if chosen[0].draws == 1 else ""
        sentences.append(f"Against as many random levels, {formatting.join_names(parts)}{once}.")
    apart = [one for one in found if one.family == "additivity" and one.outcome != "unknown"]
    if apart:
        far = [one for one in apart if one.outcome in ("gain", "loss")]
        parts = [f"{level_label(one.name, split)} {_decided(one)}" for one in far]
        sentences.append(
            f"Against what its levels add up to, {formatting.join_names(parts)}."
            if parts
            else "No cell is shown to depart from what its levels add up to."
        )
    pairs = [one for one in found if one.family == "interactions" and one.outcome != "unknown"]
    shown = [
        f"{formatting.crossed_name(one.name)} {_decided(one)}"
        for one in pairs
        if one.outcome in ("gain", "loss")
    ]
    if pairs:
        sentences.append(
            f"Interaction: {formatting.join_names(shown)}." if shown else "No interaction is shown."
        )
    return sentences


def _decided(one: ContrastFinding) -> str:
    """Format, such as "loses 2.1 (1.0 to 3.2)", or "is undecided (-1.0 to +2.2)"."""
    if one.outcome in ("gain", "loss"):
        return (
            f"{'gains' if one.difference > 0 else 'loses'} {formatting.magnitude(one.difference)}"
            f" ({_ends(one)})"
        )
    text = (
        f"is equal within {formatting.magnitude(one.margin)}"
        if one.outcome == "same"
        else "is undecided"
    )
    return f"{text} ({formatting.signed_interval(one.low, one.high)})"


def _without_reference(rows: Sequence[Row], split: SplitRecord, reference: str | None) -> str:
    """Scores without a comparison, because the reference is missing or is all there is."""
    best = max(rows, key=lambda row: row["mAP"])
    span = formatting.format_interval(best["mAP_low"], best["mAP_high"])
    scored = f"{formatting.format_points(best['mAP'])} points of mAP" + (
        "" if span == formatting.DASH else f", 95% interval {span}"
    )
    absent = "the reference arm has no finished run"
    if len(rows) == 1:
        why = "it is the only arm" if best["arm"] == reference else absent
        return (
            f"{_upper(arm_phrase(best['arm'], split))} scores {scored}; {why}, so there is nothing"
            " to compare it with."
        )
    there = any(row["arm"] == reference for row in rows)
    why = "what the design compares is not all finished" if there else absent
    return (
        f"The highest of {len(rows)} arms, {arm_phrase(best['arm'], split)}, scores {scored}; "
        f"{why}, so differences have no verdict."
    )


def _difference(one: ContrastFinding) -> float:
    return one.difference


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
