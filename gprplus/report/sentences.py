"""What the figures say, in words, and no more than they say.

Three rules. An interval of a difference that contains 0 is "not distinguishable", never "equal". A comparison names
what it is against. What was trained from scratch, or tested on engine renders, says so beside the conclusion.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from gprplus import declared
from gprplus.report import words
from gprplus.report.mismatch import Contrast
from gprplus.report.phrases import SELF, UNTRAINED, arm_phrase, is_control, reference_phrase, short, target_phrase

if TYPE_CHECKING:
    import pyarrow as pa

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Verdict:
    """A conclusion about one target: the sentence to remember, what else belongs to it, and what it rests on."""

    headline: str
    support: list[str] = field(default_factory=list)
    basis: str = ""

    def __str__(self) -> str:
        return " ".join(filter(None, [self.headline, *self.support, self.basis]))


def verdict(summary: "pa.Table", info: Mapping[str, Any]) -> str:
    """The verdict on a summary table (schema.SUMMARY) as one paragraph; with several targets, one paragraph for each.

    `info` is what split.json says: attribute, design, arms and reference are used, and each may be absent.
    """
    rows = summary.to_pylist()
    names = targets(rows)
    said = [str(judge([row for row in rows if row["target"] == name], info)) for name in names]
    return "\n\n".join(
        said if len(said) == 1 else [f"On {target_phrase(n)}: {s}" for n, s in zip(names, said, strict=True)]
    )


def targets(rows: Sequence[Row]) -> list[str]:
    """The targets of summary rows, the split's own test set first, then by name; without its further tests."""
    names = {row["target"] for row in rows if not row["target"].startswith(f"{SELF}:")}
    return sorted(names, key=lambda name: (name != SELF, name))


def outcome(row: Row) -> Literal["gain", "loss", "unclear", "unknown"]:
    """What the interval of a row's difference in mAP says: it lies above 0, below it, around it, or there is none."""
    low, high = row["mAP_difference_low"], row["mAP_difference_high"]
    if low is None or high is None:
        return "unknown"
    return "gain" if low > 0 else "loss" if high < 0 else "unclear"


def judge(rows: Sequence[Row], info: Mapping[str, Any]) -> Verdict:
    """The verdict on the summary rows of one target."""
    trained = {row["arm"]: row for row in rows if row["arm"] != UNTRAINED}
    floor = next((row for row in rows if row["arm"] == UNTRAINED), None)
    if not trained:
        return Verdict("Nothing was trained, so there is nothing to compare.")
    name = next((row["reference"] for row in trained.values() if row["reference"]), info.get("reference"))
    reference = trained.get(name)
    basis = _basis(next(iter(trained.values())), info)
    compared = family(list(trained.values()), info, name)
    if reference is None or not compared:
        return Verdict(_alone(list(trained.values()), info, name), _floor(reference, floor), basis)
    headline, support = _compare(compared, info, reference)
    return Verdict(headline, support + _control(trained, reference) + _floor(reference, floor), basis)


def family(rows: Sequence[Row], info: Mapping[str, Any], reference: str | None) -> list[Row]:
    """What the experiment is about: single levels, else arms that leave one out, else ladder steps, else the rest."""
    rest = [row for row in rows if row["arm"] not in (UNTRAINED, reference)]
    for prefix in ("only-", "without-", "ids-"):
        chosen = [row for row in rest if row["arm"].startswith(prefix) and not _is_full(row["arm"])]
        if chosen:
            return chosen
    return [row for row in rest if not is_control(row["arm"])]


def _is_full(arm: str) -> bool:
    """Whether a ladder step holds all images of its people, so that size grows along with the number of people."""
    return arm.startswith("ids-") and not arm.removeprefix("ids-").isdigit()


def _compare(rows: Sequence[Row], info: Mapping[str, Any], reference: Row) -> tuple[str, list[str]]:
    """The headline over a family of differences, and the count of its outcomes."""
    gains = sorted((row for row in rows if outcome(row) == "gain"), key=_difference, reverse=True)
    losses = sorted((row for row in rows if outcome(row) == "loss"), key=_difference)
    unclear = [row for row in rows if outcome(row) == "unclear"]
    against = reference_phrase(reference["arm"], info)
    what = _kind(rows, info)[0]
    if gains:
        text = f"{_change(gains[0], info)} {_over(gains[0], against)}"
        if losses:
            text += f"; {_lower(_change(losses[0], info))} ({words.size(losses[0]['mAP_difference_high'])} to "
            text += f"{words.size(losses[0]['mAP_difference_low'])})"
        return f"{text}.", _tally(rows, gains, losses, unclear, info)
    if losses:
        text = f"{_change(losses[0], info)} {_over(losses[0], against)}"
        if len(rows) > 1:
            text += f"; no {what} beats it" if len(losses) == len(rows) else f"; no {what} is shown to beat it"
        return f"{text}.", _tally(rows, gains, losses, unclear, info)
    if unclear:
        return _undecided(unclear, info, against, what), []
    return _gossip(rows, info, against), []


def _gossip(rows: Sequence[Row], info: Mapping[str, Any], against: str) -> str:
    """Differences that have no interval: told, and not concluded from."""
    widest = max(rows, key=lambda row: abs(_difference(row)))
    why = "With one seed there is no interval" if widest["seeds"] == 1 else "No interval could be formed"
    more = "more" if _difference(widest) > 0 else "less"
    gap = f"{arm_phrase(widest['arm'], info)} scored {words.size(widest['mAP_difference'])} points of mAP {more}"
    return f"{why}, so nothing is concluded: {gap} than {against}, which may be luck."


def _undecided(rows: Sequence[Row], info: Mapping[str, Any], against: str, what: str) -> str:
    widest = max(rows, key=lambda row: abs(_difference(row)))
    span = words.signed_interval(widest["mAP_difference_low"], widest["mAP_difference_high"])
    figures = f"{words.signed(widest['mAP_difference'])} points of mAP, 95% interval {span}"
    if len(rows) == 1:
        return f"{_upper(arm_phrase(widest['arm'], info))} is not distinguishable from {against}: {figures}."
    return (
        f"No {what} is distinguishable from {against}; the widest gap, {arm_phrase(widest['arm'], info)}, is {figures}."
    )


def _change(row: Row, info: Mapping[str, Any]) -> str:
    """Such as "Training on foggy alone loses 2.1 points of mAP"."""
    verb = "gains" if _difference(row) > 0 else "loses"
    return f"{_upper(arm_phrase(row['arm'], info))} {verb} {words.size(row['mAP_difference'])} points of mAP"


def _over(row: Row, against: str) -> str:
    """Such as "against the same-budget mixture, 95% interval 1.2 to 3.0": ends without signs, the smaller first."""
    ends = sorted((abs(row["mAP_difference_low"]), abs(row["mAP_difference_high"])))
    return f"against {against}, 95% interval {words.size(ends[0])} to {words.size(ends[1])}"


def _tally(
    rows: Sequence[Row], gains: Sequence[Row], losses: Sequence[Row], unclear: Sequence[Row], info: Mapping[str, Any]
) -> list[str]:
    """How many of the family lose, win, or cannot be told apart."""
    if len(rows) < 2:
        return []
    what = _kind(rows, info)[1]
    every = f"Both {what}" if len(rows) == 2 else f"All {len(rows)} {what}"
    for group, verb in ((losses, "lose against it"), (gains, "beat it")):
        if len(group) == len(rows):
            return [f"{every} {verb}."]
    parts = []
    if losses:
        parts.append(f"{len(losses)} {_verb(losses, 'loses', 'lose')} against it")
    if gains:
        parts.append(f"{len(gains)} {_verb(gains, 'beats', 'beat')} it")
    if unclear:
        names = words.listed([short(row["arm"], info) for row in unclear])
        parts.append(f"{len(unclear)} {_verb(unclear, 'is', 'are')} not distinguishable from it ({names})")
    return [f"Of {len(rows)} {what}, {words.listed(parts)}."]


def _control(trained: Mapping[str, Row], reference: Row) -> list[str]:
    """What the random draw of the same size says about the luck of a draw."""
    control = next((row for arm, row in trained.items() if arm.startswith("random-images")), None)
    if control is None or outcome(control) == "unknown" or control["train_images"] != reference["train_images"]:
        return []
    span = words.signed_interval(control["mAP_difference_low"], control["mAP_difference_high"])
    figures = f"({words.signed(control['mAP_difference'])}, 95% interval {span})"
    if outcome(control) == "unclear":
        return [f"A random draw of the same size is not distinguishable from the reference {figures}."]
    return [
        f"A random draw of the same size differs from the reference {figures}: gaps of this size may be the draw's."
    ]


def _floor(reference: Row | None, floor: Row | None) -> list[str]:
    """What the same network scores before training, and a warning when training did not lift it."""
    if floor is None:
        return []
    text = f"Untrained, the same network scores {words.points(floor['mAP'])}."
    if reference is not None and outcome(floor) in ("unclear", "gain"):
        text += " Training is not shown to have lifted the reference above that, so these differences rest on little."
    return [text]


def _alone(rows: Sequence[Row], info: Mapping[str, Any], reference: str | None) -> str:
    """Scores without a comparison, because the reference is missing or is all there is."""
    best = max(rows, key=lambda row: row["mAP"])
    span = words.interval(best["mAP_low"], best["mAP_high"])
    scored = f"{words.points(best['mAP'])} points of mAP" + ("" if span == words.DASH else f", 95% interval {span}")
    if len(rows) == 1:
        why = "it is the only arm" if best["arm"] == reference else "the reference arm has no finished run"
        return (
            f"{_upper(arm_phrase(best['arm'], info))} scores {scored}; {why}, so there is nothing to compare it with."
        )
    return (
        f"The highest of {len(rows)} arms, {arm_phrase(best['arm'], info)}, scores {scored}; "
        "the reference arm has no finished run, so no difference is judged."
    )


def _basis(row: Row, info: Mapping[str, Any]) -> str:
    """How many seeds and people a conclusion rests on, where the network came from, and what it was tested on."""
    seeds = words.counted(row["seeds"], "seed")
    queries = words.counted(row["queries"], "query", "queries")
    people = words.counted(row["query_identities"], "person", "people")
    parts = [f"{seeds}, {queries} of {people}", *caveats([row], info)]
    return f"Basis: {'; '.join(parts)}."


def mismatch_sentence(found: Contrast | None, noun: str) -> str:
    """What the heat map says as a whole: whether it helps to have trained in the level of the query."""
    if found is None:
        return ""
    figures = (
        f"{words.points(found.own)} with the arm of their own {noun}, {words.points(found.other)} with those of another"
    )
    span = words.signed_interval(found.low, found.high)
    if found.low is None or found.high is None:
        return f"Queries score {figures}; without an interval nothing is concluded from that."
    paired = f"a difference of {words.signed(found.difference)}, 95% interval {span}"
    clear = found.low > 0 or found.high < 0
    return f"Queries score {figures}: {paired}{'' if clear else ', which is not distinguishable from none'}."


def caveats(rows: Sequence[Row], info: Mapping[str, Any]) -> list[str]:
    """What stands beside every conclusion about these rows: where the network came from, what it was tested on."""
    said = []
    for weights in sorted({row["weights"] or "none" for row in rows}):
        said.append("trained from scratch" if weights == "none" else f"starting from {weights} weights")
    for target in targets(rows):
        said.append(f"tested on {material(target, info)}")
    return said


def material(target: str, info: Mapping[str, Any]) -> str:
    """What a target's images are: the engine's own renders are named as such, other datasets by their title."""
    known = info if target == SELF else (info.get("targets") or {}).get(target) or {}
    datasets = known.get("datasets") or {}
    titles = {data.get("title") or name for name, data in datasets.items()}
    ours = declared.read("layouts", "engine").data["title"]
    others = sorted(titles - {ours})
    if ours in titles:
        return words.listed(["engine renders", *others]) + (", not on photographs" if not others else "")
    return words.listed(others) or target_phrase(target)


def _kind(rows: Sequence[Row], info: Mapping[str, Any]) -> tuple[str, str]:
    """What the compared arms are, one and many: ("single weather", "weathers"), rungs of a ladder, or just arms."""
    if info.get("attribute") and all(row["arm"].startswith(("only-", "without-")) for row in rows):
        return f"single {words.noun(info['attribute'])}", words.nouns(info["attribute"])
    return ("lower rung", "lower rungs") if all(row["arm"].startswith("ids-") for row in rows) else ("arm", "arms")


def _difference(row: Row) -> float:
    return row["mAP_difference"] or 0.0


def _verb(rows: Sequence[Row], one: str, many: str) -> str:
    return one if len(rows) == 1 else many


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
