"""What make-split prints of a split."""

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gprplus.splits import Split


def as_json(split: "Split") -> None:
    """The whole record of a split."""
    from gprplus.cli.console import dump

    dump({"path": str(split.path), "made": split.made, **split.info})


def as_text(split: "Split") -> None:
    """The arms as a table, the test side, what was matched, what to beware of."""
    from gprplus.cli.console import note, say, table
    from gprplus.reporting.formatting import counted

    info = split.info
    done = "made" if split.made else "there already, for the same request"
    rows = [
        [name, f"{arm['images']:,}", f"{arm['identities']:,}", _levels(arm, len(info["levels"]))]
        for name, arm in info["arms"].items()
    ]
    table(["arm", "images", "identities", "levels"], rows, title=f"{split.path} ({done})", right=(1, 2))
    test = info["test"]
    if test["identities"]:
        judged = f"{test['protocol']} rule" if test["protocol"] != "no-camera" else "no camera rule"
        say(
            f"test: {counted(test['identities'], 'other identity', 'other identities')}, "
            f"{counted(test['queries'], 'query', 'queries')}, {test['gallery']:,} in the gallery ({judged})"
        )
    kinds = [facts["kind"] for facts in (info.get("tests") or {}).values()]
    if kinds:
        told = {
            "cross": "of query level against gallery level",
            "level": "of a level in its own gallery",
            "removal": "of removed matches",
        }
        say("tests: " + ", ".join(f"{kinds.count(kind)} {what}" for kind, what in told.items() if kind in kinds))
    matched = (
        ""
        if not info["audit"]["matched_within"]
        else f"; {info['retention']:.1%} of the candidate images could be matched"
    )
    say(f"reference arm: {info['reference']}{matched}")
    if split.deals > 1:
        say(f"deals: {deals(info)}")
    if info["design"] == "factorial":
        _factorial(info["factorial"])
    for warning in info["warnings"]:
        note(f"Warning: {warning}")
    needed = "" if test["identities"] else " --target NAME=FOLDER"
    say(f"next: gprplus benchmark {shlex.quote(str(split.path))}{needed}")


def deals(info: Mapping[str, Any]) -> str:
    """Which arms of split.json have several deals, and how many; empty where none has.

    >>> deals({"arms": {"only-sunny": {}, "mix": {"deals": [{}, {}]}}})
    '2 of mix; training seed k trains on deal k'
    """
    from gprplus.reporting.formatting import listed

    dealt = {name: len(arm["deals"]) for name, arm in info["arms"].items() if arm.get("deals")}
    if not dealt:
        return ""
    what = "every arm" if len(dealt) == len(info["arms"]) else listed(list(dealt))
    return f"{max(dealt.values())} of {what}; training seed k trains on deal k"


def _factorial(facts: dict[str, Any]) -> None:
    from gprplus.cli.console import say

    for letter, factor in facts["factors"].items():
        to = factor["restricted"]
        kept = f"{to:,} persons" if isinstance(to, int) else ", ".join(to)
        say(f"factor {letter}: {factor['attribute']}, restricted to {kept}")
    if not facts["generators"]:
        say("resolution: full, every effect can be told from every other")
        return
    relation = f"{', '.join(facts['generators'])} (I = {' = '.join(facts['defining'])})"
    say(f"resolution: {facts['resolution']}, by {relation}; what is measured is the sum of an effect and its aliases")
    for effect, others in facts["aliases"].items():
        say(f"  {' = '.join([effect, *others])}")


def _levels(arm: dict[str, Any], compared: int) -> str:
    if arm["kind"] == "random-images":
        return "whatever the draw gave"
    if arm["kind"].startswith("ids"):
        return "all images" if arm["kind"] == "ids-all" else "images spread evenly"
    if arm["kind"] == "mix":
        return f"all {compared}, dealt evenly"
    if arm["kind"] == "full" or not arm["levels"]:
        return "all there are"
    return ", ".join(arm["levels"])
