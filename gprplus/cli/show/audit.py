"""The audit of a split in words and tables, the worst first: what `inspect SPLIT` shows."""

from collections.abc import Mapping, Sequence
from typing import Any

from gprplus.cli import console

INFLATED = 5  # variance inflation a degree of freedom, from which it is said
SHOWN = 8  # rows of a table: the others are milder
LEAKS = {"identities": "people", "digests": "files byte for byte"}


def print_audit(info: Mapping[str, Any]) -> None:
    """Print the audit of split.json; what was not looked at is said, not shown as zero."""
    audit = info["audit"]
    console.print_result("")
    for arm in _uneven(audit.get("arms", {})):
        console.print_result(arm)
    _differences(audit.get("differences", {}))
    if any(about and about["largest"] != 0 for about in audit.get("differences_before_merging", {}).values()):
        console.print_result("Before levels were merged to be matched:")
        _differences(audit["differences_before_merging"])
    _associations(audit)
    for sentence in (*_aliases(audit.get("aliases", ())), *_collinear(audit.get("collinearity", {}))):
        console.print_result(sentence)
    _answerable(audit.get("test", {}).get("answerable", {}))
    _looks(audit)
    console.print_result(_leaks(audit.get("leakage", {})))
    if "cost" in audit:
        cost = audit["cost"]
        console.print_result(f"Looking at {cost['images']:,} images ({cost['megabytes']} MB) took {cost['seconds']} s.")
    elif audit.get("scope", "rows") == "rows":
        console.print_result("No pixel was looked at; make the split again with --audit=pixels for that.")


def _aliases(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """What follows from what; the way back of a declared function that is one to one says nothing more."""
    declared = {(alias["attribute"], *alias["of"]) for alias in found if alias["declared"]}
    said = []
    for alias in found:
        if (*alias["of"], alias["attribute"]) in declared:
            continue
        told = "as declared" if alias["declared"] else "which no layout declares"
        said.append(f"{alias['attribute']} follows from {' and '.join(alias['of'])}, {told}.")
    return said


def _uneven(arms: Mapping[str, Any]) -> list[str]:
    """Arms whose people have unequal numbers of images, or that lack cells, the most uneven first."""
    found = []
    for name, about in arms.items():
        each, cells = about["images_per_identity"], about.get("cells")
        if each["min"] < each["max"]:
            told = f"{name}: {each['min']:,} to {each['max']:,} images a person (Gini {each['gini']:.2f})"
            found.append((-each["gini"], f"{told}."))
        if cells and cells["filled"] < cells["cells"]:
            empty = cells["cells"] - cells["filled"]
            crossing = " x ".join(cells["factors"])
            found.append(
                (-empty / cells["cells"], f"{name}: {empty:,} of {cells['cells']:,} cells of {crossing} are empty.")
            )
    return [sentence for _, sentence in sorted(found)][:SHOWN]


def _differences(found: Mapping[str, Any]) -> None:
    apart = [(name, about) for name, about in found.items() if about and about["largest"] != 0]
    apart.sort(key=lambda pair: -(pair[1]["largest"] or float("inf")))
    rows = [
        [
            name,
            "wholly" if about["largest"] is None else f"{about['largest']:.2f}",
            about["level"],
            *(f"{100 * share:.0f}% {arm}" for share, arm in zip(about["shares"], about["between"], strict=True)),
        ]
        for name, about in apart[:SHOWN]
    ]
    if rows:
        console.print_table(["attribute", "sd apart", "level", "most", "least"], rows, "Arms differ in", right=(1,))
    elif found:
        console.print_result("The compared arms agree in every other attribute.")


def _associations(audit: Mapping[str, Any]) -> None:
    names = ("association", "information", "association_given_identity")
    tables = [audit.get(name, {}) for name in names]
    worst = {pair: max(table.get(pair) or 0 for table in tables) for pair in tables[0]}
    ranked = sorted((pair for pair in worst if worst[pair] >= 0.05), key=lambda pair: (-worst[pair], pair))
    chance = audit.get("association_p", {})
    rows = [
        [pair.replace(", ", " and "), *(_figure(table.get(pair)) for table in tables), _figure(chance.get(pair), 3)]
        for pair in ranked[:SHOWN]
    ]
    if rows:
        heads = ["attributes", "Cramer's V", "information", "V inside a person", "p of V"]
        console.print_table(heads, rows, "What goes together on the train side (0-1)", right=(1, 2, 3, 4))
    elif worst:
        console.print_result("No two attributes go together on the train side.")


def _figure(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _collinear(found: Mapping[str, Any]) -> list[str]:
    """Attributes whose effects the design matrix cannot tell apart, or hardly, the worst first."""
    said = []
    aliased = [name for name, about in found.items() if about["gvif"] is None]
    if aliased:
        said.append(f"No separate effect of {', '.join(aliased)}: the other attributes add up to it.")
    inflated = {n: about["gvif"] ** (1 / about["df"]) for n, about in found.items() if about["gvif"] is not None}
    high = sorted((name for name, times in inflated.items() if times > INFLATED), key=lambda name: -inflated[name])
    if high:
        told = ", ".join(f"{name} {inflated[name]:.1f}" for name in high[:SHOWN])
        said.append(f"Effects are hard to tell from those of the other attributes (variance inflation: {told}).")
    return said


def _answerable(found: Mapping[str, Any]) -> None:
    rows = [
        [name, f"{about['kept']:,}", f"{about['excluded']:,}", next(iter(about["reasons"]), "")]
        for name, about in sorted(found.items(), key=lambda item: -item[1]["excluded"])
    ]
    if rows:
        console.print_table(["protocol", "answered", "not", "why most are not"], rows, "Queries", right=(1, 2))


def _looks(audit: Mapping[str, Any]) -> None:
    probes = [
        (attr, name, about) for attr, found in audit.get("shortcuts", {}).items() for name, about in found.items()
    ]
    probes.sort(key=lambda probe: probe[2]["chance"] - probe[2]["accuracy"])
    rows: Sequence[Sequence[str]] = [
        [
            attr,
            name,
            f"{100 * about['accuracy']:.0f}%",
            f"{100 * about['chance']:.0f}%",
            "yes" if about["above"] else "no",
        ]
        for attr, name, about in probes
    ]
    if rows:
        heads = ["level of", "told from", "right", "chance", "above"]
        console.print_table(heads, rows, "Told without a look at the person", right=(2, 3))
    for attr, found in audit.get("manipulation", {}).items():
        rows = [
            [name, f"{100 * about['explained']:.0f}%", *_ends(about["means"]), f"{about['overlap']:.2f}"]
            for name, about in sorted(found.items(), key=lambda item: -item[1]["explained"])
        ]
        if rows:
            heads = ["measure", "explained", "least", "most", "least overlap"]
            console.print_table(heads, rows, f"What {attr} does to the picture", right=(1, 4))


def _ends(means: Mapping[str, float]) -> list[str]:
    ranked = sorted(means.items(), key=lambda item: item[1])
    return [f"{level} {mean:.2f}" for level, mean in (ranked[0], ranked[-1])]


def _leaks(leakage: Mapping[str, Any]) -> str:
    said = [
        f"{LEAKS[name]}: {'not looked at' if leakage.get(name) is None else leakage[name]}"
        for name in LEAKS
        if name in leakage
    ]
    near = leakage.get("near_duplicates")
    said.append(
        f"near duplicates: {near['count']:,} of {near['looked_at']:,}" if near else "near duplicates: not looked at"
    )
    return f"On both sides: {'; '.join(said)}."
