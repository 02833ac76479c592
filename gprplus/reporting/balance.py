"""The split's audit and warnings, as terms and values to be read."""

from collections.abc import Mapping
from typing import Any

from gprplus.evaluation import query_copies
from gprplus.reporting import formatting
from gprplus.reporting.provenance import Block, flatten_record, term_label
from gprplus.reporting.run_results import RunResults

PAIRS = 8  # of the strongest associations are shown
HIDDEN: tuple[str, ...] = (
    "scope",
    "information",
    "information_with_arm",
    "information_given_identity",
    "constant_within_identity",
)
HIDDEN += ("association_p", "association_with_arm_p")


def balance_warnings(run: RunResults) -> list[str]:
    """The warnings of the split and of its targets' copies, and what the page itself has to leave out."""
    said = [str(warning) for warning in run.info.get("warnings") or ()]
    for name, facts in run.info["targets"].items():
        if facts.get("copies"):
            said += query_copies.copy_warnings(name, facts["copies"], facts["queries"], facts["protocol"])
    if run.split is None:
        said.append(
            "The split folder is not where benchmark.json says (key split_path), so pictures, balance and the split's "
            "own warnings are left out."
        )
    return said


def balance_audit(run: RunResults) -> list[Block]:
    """The split's audit in blocks; parts that this page does not know are shown as they are."""
    found = dict(run.info.get("audit") or {})
    blocks: list[Block] = [
        ("Matching", _matching(run.info.get("retention"), found.pop("matched_within", ()), found.pop("matching", {}))),
        ("Images of each person", _each_person(found.pop("arms", {}))),
        ("Association of arm and attribute (Cramer's V)", _sorted(found.pop("association_with_arm", {}))),
        ("Largest differences between arms (standard deviations)", _differences(found.pop("differences", {}))),
        ("The same before levels were merged", _differences(found.pop("differences_before_merging", {}))),
        ("Variance inflation among attributes", _inflated(found.pop("collinearity", {}))),
        ("Strongest associations in training (Cramer's V)", _sorted(found.pop("association", {}), PAIRS)),
        (
            "Strongest associations inside a person (Cramer's V)",
            _sorted(found.pop("association_given_identity", {}), PAIRS),
        ),
        ("Aliases", [_alias(alias) for alias in found.pop("aliases", ())]),
        ("On both sides", _shared(found.pop("leakage", {}))),
    ]
    blocks.append(("Queries that can be answered", _answerable(found.pop("test", {}).get("answerable") or {})))
    blocks.append(("What gives a level away (people held out)", _told(found.pop("shortcuts", {}))))
    blocks.append(("What a level does to the picture", _moved(found.pop("manipulation", {}))))
    for name in HIDDEN:
        found.pop(name, None)
    blocks += [
        (term_label(name).capitalize(), list(flatten_record(value if isinstance(value, Mapping) else {name: value})))
        for name, value in found.items()
    ]
    return [block for block in blocks if block[1]]


def _matching(retention: float | None, within: Any, counts: Mapping[str, Any]) -> list[tuple[str, str]]:
    lines = []
    if within and retention is not None:
        lines.append(("kept", f"{100 * retention:.1f}% of the images that could be matched"))
        lines.append(("within", formatting.join_names([formatting.attribute_noun(str(name)) for name in within])))
    return lines + [
        (name, formatting.format_count(int(value)) if value.isdigit() else value)
        for name, value in flatten_record(counts)
    ]


def _each_person(arms: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Per arm, how many images of each person it holds."""
    lines = []
    for arm, facts in arms.items():
        each = facts.get("images_per_identity") or {}
        if each:
            low, high = each["min"], each["max"]
            lines.append(
                (
                    arm,
                    formatting.format_count(low) if low == high else f"{low:,} to {high:,}, median {each['median']:g}",
                )
            )
    alike = len(lines) > 1 and len({text for _, text in lines}) == 1
    return [("every arm", lines[0][1])] if alike else lines


def _sorted(values: Mapping[str, float | None], most: int | None = None) -> list[tuple[str, str]]:
    """Known values, largest first."""
    known = sorted(((value, name) for name, value in values.items() if value is not None), key=lambda v: (-v[0], v[1]))
    said = [(_pair(name), f"{value:.2f}") for value, name in known[:most] if value >= 0.005]
    return [*said, ("all others" if said else "every one", "0.00")] if most is None and len(said) < len(known) else said


def _inflated(found: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str]]:
    """How much harder the other attributes make it to tell each one's effect; 1 where they are crossed evenly."""
    lines = []
    for name, about in found.items():
        figures = [about["gvif"], about["gvif_given_identity"]]
        whole, inside = ("none apart" if one is None else f"{one ** (1 / about['df']):.2f}" for one in figures)
        lines.append((formatting.attribute_noun(name), f"{whole}; inside a person {inside}"))
    return lines


def _pair(name: str) -> str:
    return " and ".join(map(formatting.attribute_noun, name.split(", ")))


def _differences(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The level in which two arms differ most, attribute by attribute, the worst first; what agrees in one line."""
    apart = {name: about for name, about in found.items() if about and about["largest"] != 0}
    ranked = sorted(apart.items(), key=lambda item: (-(item[1]["largest"] or float("inf")), item[0]))
    lines = []
    for name, about in ranked:
        (more, less), (high, low) = about["between"], about["shares"]
        size = "wholly" if about["largest"] is None else f"{about['largest']:.2f}"
        lines.append(
            (
                formatting.attribute_noun(name),
                f"{size}: {about['level']} {100 * high:.0f}% in {more}, {100 * low:.0f}% in {less}",
            )
        )
    return [*lines, ("all others" if lines else "every one", "0.00")] if len(lines) < len(found) else lines


def _answerable(found: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str]]:
    """How many queries each protocol can use, and what keeps the others out."""
    lines = []
    for protocol, about in found.items():
        why = "; ".join(f"{count:,} {reason}" for reason, count in list(about["reasons"].items())[:3])
        lines.append(
            (
                protocol,
                formatting.format_count(about["kept"]) + (f", {about['excluded']:,} left out: {why}" if why else ""),
            )
        )
    return lines


def _alias(alias: Mapping[str, Any]) -> tuple[str, str]:
    how = "declared" if alias.get("declared") else "found in the images"
    return formatting.attribute_noun(
        alias["attribute"]
    ), f"a function of {formatting.join_names(list(map(formatting.attribute_noun, alias['of'])))}, {how}"


def _told(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    probes = [(attr, name, about) for attr, probes in found.items() for name, about in probes.items()]
    probes.sort(key=lambda probe: probe[2]["chance"] - probe[2]["accuracy"])
    return [
        (
            f"{formatting.attribute_noun(attr)} from {name}",
            f"{100 * about['accuracy']:.0f}% right, chance {100 * about['chance']:.0f}%",
        )
        for attr, name, about in probes
    ]


def _moved(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    looks = [(attr, name, about) for attr, looks in found.items() for name, about in looks.items()]
    looks.sort(key=lambda look: -look[2]["explained"])
    return [
        (
            f"{formatting.attribute_noun(attr)} on {name}",
            f"explains {100 * about['explained']:.0f}% of its spread; {' and '.join(about['between'])} overlap by "
            f"{about['overlap']:.2f}",
        )
        for attr, name, about in looks
    ]


def _shared(leakage: Mapping[str, Any]) -> list[tuple[str, str]]:
    said = {"identities": "people", "digests": "files, byte for byte"}
    return [(said.get(name, term_label(name)), _counted(count)) for name, count in leakage.items()]


def _counted(count: Any) -> str:
    if isinstance(count, Mapping):  # near duplicates
        return f"{count['count']:,} of {count['looked_at']:,} test images, within {count['radius_bits']} bits"
    return "not looked at" if count is None else formatting.format_count(count)
