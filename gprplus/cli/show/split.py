"""Output of make-split about a split."""

import shlex
from typing import TYPE_CHECKING

from gprplus.core import typed
from gprplus.schema.split_record import RANDOM_IMAGES, ArmRecord, FactorialFacts, SplitRecord

if TYPE_CHECKING:
    from gprplus.splits import Split


def print_split_json(split: "Split") -> None:
    """The whole record of a split."""
    from gprplus.cli.console import print_json

    print_json({"path": str(split.path), "made": split.made, **typed.as_json(split.record)})


def print_split(split: "Split") -> None:
    """The arms as a table, the test set, what was matched, what to beware of."""
    from gprplus.cli.console import print_line, print_note, print_result, print_table
    from gprplus.reporting.formatting import pluralize

    record = split.record
    done = "made" if split.made else "there already, for the same request"
    mixed = len(record.arms_of_kind("cell")) or len(record.levels)
    rows = [
        [name, f"{arm.images:,}", f"{arm.identities:,}", _levels(arm, mixed)]
        for name, arm in record.arms.items()
    ]
    print_table(
        ["arm", "images", "identities", "levels"],
        rows,
        title=f"{split.path} ({done})",
        right=(1, 2),
    )
    test = record.test
    if test.identities:
        rule = f"{test.protocol} rule" if test.protocol != "no-camera" else "no camera rule"
        print_result(
            f"test: {pluralize(test.identities, 'other identity', 'other identities')},"
            f" {pluralize(test.queries, 'query', 'queries')}, {test.gallery:,} in the gallery"
            f" ({rule})"
        )
    kinds = [one.kind for one in record.tests.values()]
    if kinds:
        levels = {
            "cross": "of query level against gallery level",
            "level": "of a level in its own gallery",
            "removal": "of removed matches",
        }
        print_result(
            "tests: "
            + ", ".join(
                f"{kinds.count(kind)} {what}" for kind, what in levels.items() if kind in kinds
            )
        )
    within = record.audit.matched_within
    matched = f"; {record.retention:.1%} of the candidate images could be matched" if within else ""
    print_result(f"reference arm: {record.reference}{matched}")
    if record.deals > 1:
        print_result(f"deals: {deal_counts(record)}")
    if record.factorial:
        _factorial(record.factorial)
    for warning in record.warnings:
        print_note(f"Warning: {warning}")
    needed = "" if test.identities else " --target NAME=FOLDER"
    print_line(f"next: gprplus benchmark {shlex.quote(str(split.path))}{needed}")


def deal_counts(record: SplitRecord) -> str:
    """List arms with several deals, such as "2 of mix; ..."; empty if there are none."""
    from gprplus.reporting.formatting import join_names

    dealt = {name: len(arm.deals) for name, arm in record.arms.items() if arm.deals}
    if not dealt:
        return ""
    what = "every arm" if len(dealt) == len(record.arms) else join_names(list(dealt))
    return f"{max(dealt.values())} of {what}; training seed k trains on deal k"


def _factorial(facts: FactorialFacts) -> None:
    from gprplus.cli.console import print_result

    for letter, factor in facts.factors.items():
        to = factor.restricted
        kept = f"{to:,} identities" if isinstance(to, int) else ", ".join(map(str, to))
        print_result(f"factor {letter}: {factor.attribute}, restricted to {kept}")
    if not facts.generators:
        print_result("resolution: full, no effect is aliased with another")
        return
    relation = f"{', '.join(facts.generators)} (I = {' = '.join(facts.defining)})"
    print_result(
        f"resolution: {facts.resolution}, by {relation}; what is measured is the sum of an effect"
        " and its aliases"
    )
    for effect, others in facts.aliases.items():
        print_result(f"  {' = '.join([effect, *others])}")


def _levels(arm: ArmRecord, compared: int) -> str:
    """Describe the levels of an arm; `compared` levels or cells are mixed."""
    if arm.kind == RANDOM_IMAGES:
        return "whatever the draw gave"
    if arm.kind in ("ids", "ids-all"):
        return "all images" if arm.kind == "ids-all" else "images spread evenly"
    if arm.kind == "mix":
        return f"all {compared}, dealt evenly"
    if arm.kind == "full" or not arm.levels:
        return "all there are"
    return ", ".join(map(str, arm.levels))
