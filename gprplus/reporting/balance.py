"""The split's audit and warnings, as terms and values to be read."""

from collections.abc import Mapping, Sequence

from gprplus.core.typed import as_json
from gprplus.evaluation import query_copies
from gprplus.reporting import formatting
from gprplus.reporting.provenance import Block, flatten_record, term_label
from gprplus.reporting.run_results import RunResults
from gprplus.schema.audit import (
    AliasAudit,
    AnswerableCounts,
    ArmAudit,
    Audit,
    BalanceDifference,
    Inflation,
    Leakage,
    Manipulation,
    Shortcut,
)

PAIRS = 8  # of the strongest associations are shown


def balance_warnings(run: RunResults) -> list[str]:
    """The warnings of the split and of its targets' copies, and what the page itself has to leave
    out."""
    sentences = [*run.split.warnings, *target_warnings(run)]
    if run.split_folder is None:
        sentences.append(
            "The split folder is not at the path in benchmark.json (key split_path), so images,"
            " balance and the warnings of the split are left out."
        )
    return sentences


def target_warnings(run: RunResults) -> list[str]:
    """The warnings of the targets' copies."""
    return [
        sentence
        for name, target in run.benchmark.targets.items()
        if isinstance(target.copies, dict) and target.copies
        for sentence in query_copies.copy_warnings(
            name, target.copies, target.queries, target.protocol
        )
    ]


def balance_audit(run: RunResults) -> list[Block]:
    """The split's audit in blocks; none where the split is not at hand."""
    if run.split_folder is None:
        return []
    found = run.split.audit
    blocks: list[Block] = [
        ("Matching", _matching(run.split.retention, found)),
        ("Images of each identity", _each_person(found.arms or {})),
        (
            "Association of arm and attribute (Cramer's V)",
            _sorted(found.association_with_arm or {}),
        ),
        (
            "Largest differences between arms (standard deviations)",
            _differences(found.differences or {}),
        ),
        (
            "The same before levels were merged",
            _differences(found.differences_before_merging or {}),
        ),
        ("Variance inflation among attributes", _inflated(found.collinearity or {})),
        (
            "Strongest associations in training (Cramer's V)",
            _sorted(found.association or {}, PAIRS),
        ),
        (
            "Strongest associations within an identity (Cramer's V)",
            _sorted(found.association_given_identity or {}, PAIRS),
        ),
        ("Aliases", [_alias(alias) for alias in found.aliases]),
        ("In both train set and test set", _shared(found.leakage)),
        ("Queries that can be answered", _answerable(found.test.answerable)),
        (
            "Shortcuts that reveal a level (held-out identities)",
            _difference_rows(found.shortcuts or {}),
        ),
        ("What a level does to the picture", _moved(found.manipulation or {})),
        ("Left out", list(flatten_record(found.left_out))),
        ("Cost", list(flatten_record(as_json(found.cost) if found.cost else {}))),
    ]
    return [block for block in blocks if block[1]]


def _matching(retention: float, found: Audit) -> list[tuple[str, str]]:
    lines = []
    if found.matched_within:
        lines.append(("kept", f"{100 * retention:.1f}% of the images that could be matched"))
        lines.append(
            (
                "within",
                formatting.join_names(list(map(formatting.attribute_noun, found.matched_within))),
            )
        )
    return lines + [
        (name, formatting.format_count(int(value)) if value.isdigit() else value)
        for name, value in flatten_record(found.matching)
    ]


def _each_person(arms: Mapping[str, ArmAudit]) -> list[tuple[str, str]]:
    """Return the number of images of each identity by arm."""
    lines = []
    for arm, facts in arms.items():
        each = facts.images_per_identity
        spread = f"{each.min:,} to {each.max:,}, median {each.median:g}"
        lines.append((arm, formatting.format_count(each.min) if each.min == each.max else spread))
    alike = len(lines) > 1 and len({text for _, text in lines}) == 1
    return [("every arm", lines[0][1])] if alike else lines


def _sorted(values: Mapping[str, float | None], most: int | None = None) -> list[tuple[str, str]]:
    """Known values, largest first."""
    known = sorted(
        ((value, name) for name, value in values.items() if value is not None),
        key=lambda v: (-v[0], v[1]),
    )
    rows = [(_pair(name), f"{value:.2f}") for value, name in known[:most] if value >= 0.005]
    return (
        [*rows, ("all others" if rows else "every one", "0.00")]
        if most is None and len(rows) < len(known)
        else rows
    )


def _inflated(found: Mapping[str, Inflation]) -> list[tuple[str, str]]:
    """Return the variance inflation of each attribute by the others; 1 for a balanced crossed
    design."""
    lines = []
    for name, about in found.items():
        figures = [about.gvif, about.gvif_given_identity]
        whole, inside = (
            "none apart" if one is None else f"{one ** (1 / about.df):.2f}" for one in figures
        )
        lines.append((formatting.attribute_noun(name), f"{whole}; within an identity {inside}"))
    return lines


def _pair(name: str) -> str:
    return " and ".join(map(formatting.attribute_noun, name.split(", ")))


def _differences(found: Mapping[str, BalanceDifference | None]) -> list[tuple[str, str]]:
    """The level in which two arms differ most, attribute by attribute, the worst first; what agrees
    in one line."""
    apart = {name: about for name, about in found.items() if about and about.largest != 0}
    ranked = sorted(apart.items(), key=lambda item: (-(item[1].largest or float("inf")), item[0]))
    lines = []
    for name, about in ranked:
        (more, less), (high, low) = about.between or ("", ""), about.shares or (0.0, 0.0)
        size = "wholly" if about.largest is None else f"{about.largest:.2f}"
        text = f"{size}: {about.level} {100 * high:.0f}% in {more}, {100 * low:.0f}% in {less}"
        lines.append((formatting.attribute_noun(name), text))
    return (
        [*lines, ("all others" if lines else "every one", "0.00")]
        if len(lines) < len(found)
        else lines
    )


def _answerable(found: Mapping[str, AnswerableCounts]) -> list[tuple[str, str]]:
    """Return the number of usable queries under each protocol, and the reasons of the others."""
    lines = []
    for protocol, about in found.items():
        why = "; ".join(f"{count:,} {reason}" for reason, count in list(about.reasons.items())[:3])
        lines.append(
            (
                protocol,
                formatting.format_count(about.kept)
                + (f", {about.excluded:,} left out: {why}" if why else ""),
            )
        )
    return lines


def _alias(alias: AliasAudit) -> tuple[str, str]:
    how = "declared" if alias.declared else "found in the images"
    return (
        formatting.attribute_noun(alias.attribute),
        f"a function of {formatting.join_names(_nouns(alias.of))}, {how}",
    )


def _nouns(names: Sequence[str]) -> list[str]:
    return list(map(formatting.attribute_noun, names))


def _difference_rows(found: Mapping[str, Mapping[str, Shortcut]]) -> list[tuple[str, str]]:
    probes = [
        (attr, name, about) for attr, probes in found.items() for name, about in probes.items()
    ]
    probes.sort(key=lambda probe: probe[2].chance - probe[2].accuracy)
    return [
        (
            f"{formatting.attribute_noun(attr)} from {name}",
            f"{100 * about.accuracy:.0f}% right, chance {100 * about.chance:.0f}%",
        )
        for attr, name, about in probes
    ]


def _moved(found: Mapping[str, Mapping[str, Manipulation]]) -> list[tuple[str, str]]:
    looks = [(attr, name, about) for attr, looks in found.items() for name, about in looks.items()]
    looks.sort(key=lambda look: -look[2].explained)
    return [
        (
            f"{formatting.attribute_noun(attr)} on {name}",
            (
                f"explains {100 * about.explained:.0f}% of its spread;"
                f" {' and '.join(about.between)} overlap by {about.overlap:.2f}"
            ),
        )
        for attr, name, about in looks
    ]


def _shared(leakage: Leakage) -> list[tuple[str, str]]:
    lines = [
        ("identities", _counted(leakage.identities)),
        ("files, byte for byte", _counted(leakage.digests)),
    ]
    near = leakage.near_duplicates
    if near:
        text = f"{near.count:,} of {near.looked_at:,} test images, within {near.radius_bits} bits"
        lines.append((term_label("near_duplicates"), text))
    return lines


def _counted(count: int | None) -> str:
    return "not checked" if count is None else formatting.format_count(count)
