"""The audit of a split in words and tables, the worst first: what `inspect SPLIT` shows."""

from collections.abc import Mapping, Sequence

from gprplus.cli import console
from gprplus.schema.audit import (
    AliasAudit,
    AnswerableCounts,
    ArmAudit,
    Audit,
    BalanceDifference,
    Inflation,
    Leakage,
)

INFLATED = 5  # variance inflation of a degree of freedom, from which it is reported
SHOWN = 8  # rows of a table: the others are milder


def print_audit(found: Audit) -> None:
    """Print the audit of a split; unchecked items are reported as such, not as zero."""
    console.print_result("")
    for arm in _uneven(found.arms or {}):
        console.print_result(arm)
    _differences(found.differences or {})
    merged = found.differences_before_merging or {}
    if any(about and about.largest != 0 for about in merged.values()):
        console.print_result("Before levels were merged to be matched:")
        _differences(merged)
    _associations(found)
    for sentence in (*_aliases(found.aliases), *_collinear(found.collinearity or {})):
        console.print_result(sentence)
    _answerable(found.test.answerable)
    _looks(found)
    console.print_result(_leaks(found.leakage))
    if found.cost:
        cost = found.cost
        console.print_result(
            f"Looking at {cost.images:,} images ({cost.megabytes} MB) took {cost.seconds} s."
        )
    elif found.scope == "rows":
        console.print_result(
            "Pixels were not checked; make the split again with --audit=pixels for that."
        )


def _aliases(found: Sequence[AliasAudit]) -> list[str]:
    """List functional relations; the inverse of a declared one-to-one function is redundant."""
    declared = {(alias.attribute, *alias.of) for alias in found if alias.declared}
    sentences = []
    for alias in found:
        if (*alias.of, alias.attribute) in declared:
            continue
        origin = "as declared" if alias.declared else "which no layout declares"
        sentences.append(f"{alias.attribute} follows from {' and '.join(alias.of)}, {origin}.")
    return sentences


def _uneven(arms: Mapping[str, ArmAudit]) -> list[str]:
    """List arms with unequal numbers of images of their identities, or missing cells, the most
    unequal first."""
    found = []
    for name, about in arms.items():
        each, cells = about.images_per_identity, about.cells
        if each.min < each.max:
            text = (
                f"{name}: {each.min:,} to {each.max:,} images of an identity (Gini {each.gini:.2f})"
            )
            found.append((-each.gini, f"{text}."))
        if cells and cells.filled < cells.cells:
            empty = cells.cells - cells.filled
            crossing = " x ".join(cells.factors)
            found.append(
                (
                    -empty / cells.cells,
                    f"{name}: {empty:,} of {cells.cells:,} cells of {crossing} are empty.",
                )
            )
    return [sentence for _, sentence in sorted(found)][:SHOWN]


def _differences(found: Mapping[str, BalanceDifference | None]) -> None:
    apart = [(name, about) for name, about in found.items() if about and about.largest != 0]
    apart.sort(key=lambda pair: -(pair[1].largest or float("inf")))
    rows = [
        [
            name,
            "wholly" if about.largest is None else f"{about.largest:.2f}",
            about.level or "",
            *(
                f"{100 * share:.0f}% {arm}"
                for share, arm in zip(about.shares or (), about.between or (), strict=True)
            ),
        ]
        for name, about in apart[:SHOWN]
    ]
    if rows:
        console.print_table(
            ["attribute", "sd apart", "level", "most", "least"], rows, "Arms differ in", right=(1,)
        )
    elif found:
        console.print_result("The compared arms agree in every other attribute.")


def _associations(audit: Audit) -> None:
    found = (audit.association, audit.information, audit.association_given_identity)
    tables = [table or {} for table in found]
    worst = {pair: max(table.get(pair) or 0 for table in tables) for pair in tables[0]}
    ranked = sorted(
        (pair for pair in worst if worst[pair] >= 0.05), key=lambda pair: (-worst[pair], pair)
    )
    chance = audit.association_p or {}
    rows = [
        [
            pair.replace(", ", " and "),
            *(_figure(table.get(pair)) for table in tables),
            _figure(chance.get(pair), 3),
        ]
        for pair in ranked[:SHOWN]
    ]
    if rows:
        heads = ["attributes", "Cramer's V", "information", "V within an identity", "p of V"]
        console.print_table(heads, rows, "Associations in the train set (0-1)", right=(1, 2, 3, 4))
    elif worst:
        console.print_result("No two attributes go together in the train set.")


def _figure(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _collinear(found: Mapping[str, Inflation]) -> list[str]:
    """List attributes whose effects the design matrix cannot separate, or hardly, the worst
    first."""
    sentences = []
    aliased = [name for name, about in found.items() if about.gvif is None]
    if aliased:
        sentences.append(
            f"No separate effect of {', '.join(aliased)}: the other attributes add up to it."
        )
    inflated = {
        n: about.gvif ** (1 / about.df) for n, about in found.items() if about.gvif is not None
    }
    high = sorted(
        (name for name, times in inflated.items() if times > INFLATED),
        key=lambda name: -inflated[name],
    )
    if high:
        text = ", ".join(f"{name} {inflated[name]:.1f}" for name in high[:SHOWN])
        sentences.append(
            "Effects are hard to separate from those of the other attributes (variance inflation:"
            f" {text})."
        )
    return sentences


def _answerable(found: Mapping[str, AnswerableCounts]) -> None:
    rows = [
        [name, f"{about.kept:,}", f"{about.excluded:,}", next(iter(about.reasons), "")]
        for name, about in sorted(found.items(), key=lambda item: -item[1].excluded)
    ]
    if rows:
        console.print_table(
            ["protocol", "answered", "not", "main reason"], rows, "Queries", right=(1, 2)
        )


def _looks(audit: Audit) -> None:
    probes = [
        (attr, name, about)
        for attr, found in (audit.shortcuts or {}).items()
        for name, about in found.items()
    ]
    probes.sort(key=lambda probe: probe[2].chance - probe[2].accuracy)
    rows: Sequence[Sequence[str]] = [
        [
            attr,
            name,
            f"{100 * about.accuracy:.0f}%",
            f"{100 * about.chance:.0f}%",
            "yes" if about.above else "no",
        ]
        for attr, name, about in probes
    ]
    if rows:
        heads = ["level of", "predicted from", "right", "chance", "above"]
        console.print_table(heads, rows, "Shortcuts that reveal a level", right=(2, 3))
    for attr, found in (audit.manipulation or {}).items():
        rows = [
            [name, f"{100 * about.explained:.0f}%", *_ends(about.means), f"{about.overlap:.2f}"]
            for name, about in sorted(found.items(), key=lambda item: -item[1].explained)
        ]
        if rows:
            heads = ["measure", "explained", "least", "most", "least overlap"]
            console.print_table(heads, rows, f"What {attr} does to the picture", right=(1, 4))


def _ends(means: Mapping[str, float]) -> list[str]:
    ranked = sorted(means.items(), key=lambda item: item[1])
    return [f"{level} {mean:.2f}" for level, mean in (ranked[0], ranked[-1])]


def _leaks(leakage: Leakage) -> str:
    counts = {"identities": leakage.identities, "files byte for byte": leakage.digests}
    sentences = [
        f"{what}: {'not checked' if count is None else count}" for what, count in counts.items()
    ]
    near = leakage.near_duplicates
    found = f"{near.count:,} of {near.looked_at:,}" if near else "not checked"
    return (
        f"In both train set and test set: {'; '.join([*sentences, f'near duplicates: {found}'])}."
    )
