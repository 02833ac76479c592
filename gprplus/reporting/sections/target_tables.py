"""Tables over targets: pooled effects, the same without each target, and the shares of a path."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gprplus.reporting import formatting
from gprplus.reporting.arm_labels import OWN_TEST_SET
from gprplus.reporting.findings import verdict_text
from gprplus.reporting.sections.table_section import DOSE, LEFT_OUT, POOLED, TableSection

Row = Mapping[str, Any]

NO_TARGET = "none"  # in place of the targets without which a verdict changes


def pooled_sections(rows: Sequence[Row], left_out: Sequence[Row]) -> Iterator[TableSection]:
    """The effects over all targets, and each of them without one target."""
    if not rows:
        return
    headers = [
        "contrast",
        "points",
        "95% interval",
        "between targets",
        "expected on another target",
    ]
    headers += ["without one target", "verdict changes without"] if left_out else []
    lines = []
    for row in rows:
        lines.append(
            [
                f"{row['contrast']} ({row['family']})",
                formatting.signed_points(row["value"]),
                formatting.signed_interval(row["low"], row["high"]),
                f"{100 * row['tau']:.1f}",
                formatting.signed_interval(row["expected_low"], row["expected_high"]),
                *(influence(rows_without(row, left_out)) if left_out else []),
            ]
        )
    note = (
        f"Random-effects means over {rows[0]['targets']} targets, without the split's own test set."
        " 'Expected on another target' is the interval that contains the effect on another such"
        " target with 95% probability."
    )
    yield TableSection("Over all targets", note, headers, lines, POOLED)
    if left_out:
        yield _left_out_section(left_out)


def rows_without(pooled: Row, left_out: Sequence[Row]) -> list[Row]:
    """The rows of schema.LEFT_OUT of one row of schema.POOLED."""
    keys = ("split", "recipe", "metric", "family", "contrast")
    return [row for row in left_out if all(row[key] == pooled[key] for key in keys)]


def influence(rows: Sequence[Row]) -> list[str]:
    """The range of an effect when each target is left out, and the targets without which the
    verdict is another one."""
    values = [row["value"] for row in rows]
    if not values:
        return [formatting.DASH] * 2
    turned = [row["without"] for row in rows if row["verdict"] != row["verdict_of_all"]]
    return [
        formatting.signed_interval(min(values), max(values)),
        formatting.join_names(turned) if turned else NO_TARGET,
    ]


def _left_out_section(rows: Sequence[Row]) -> TableSection:
    lines = [
        [
            f"{row['contrast']} ({row['family']})",
            row["without"],
            formatting.signed_points(row["value"]),
            formatting.signed_interval(row["low"], row["high"]),
            _verdict(row),
            "changes" if row["verdict"] != row["verdict_of_all"] else "holds",
        ]
        for row in rows
    ]
    left = rows[0]["targets"]
    few = {
        1: " One target is left: its effect and interval are those of that target alone.",
        2: (
            " Two targets are left, so that an interval has one degree of freedom between targets"
            " and is wide: compare the points as well."
        ),
    }
    note = "Each effect over all targets, estimated again without one target." + few.get(left, "")
    headers = ["contrast", "without", "points", "95% interval", "verdict", "over all targets"]
    return TableSection("Without each target", note, headers, lines, LEFT_OUT)


def _verdict(row: Row) -> str:
    ends = {"family_low": row["low"], "family_high": row["high"]}
    return (
        verdict_text({**row, **ends, "margin": 0.0}) if row["verdict"] != "equivalent" else "equal"
    )


def dose_sections(rows: Sequence[Row]) -> Iterator[TableSection]:
    """The score at each share of a path, target by target, with the best share."""
    if not rows:
        return
    shares = sorted({row["share"] for row in rows})
    lines = []
    for target in dict.fromkeys(row["target"] for row in rows):
        mine = [row for row in rows if row["target"] == target]
        score = {row["share"]: row["value"] for row in mine}
        lines.append(
            [
                "own test set" if target == OWN_TEST_SET else target,
                *(formatting.format_points(score.get(share)) for share in shares),
                *best_share(mine),
            ]
        )
    headers = ["scored on", *(f"{100 * share:g}%" for share in shares), "best", "95% set"]
    yield TableSection("Score against the share", DOSE_NOTE, headers, lines, DOSE)


DOSE_NOTE = (
    "The 95% set of the best share holds every share that no other one is shown to beat"
    " (multiple comparisons with the best, over identities and seeds). Only shares that an arm has"
    " are compared: the best can be between two of them."
)


def best_share(rows: Sequence[Row]) -> tuple[str, str]:
    """The best share of one target's rows of schema.DOSE, and its 95% set, in percent.

    >>> rows = [{"share": s, "best": s == 0.5, "may_be_best": s > 0.1} for s in (0, 0.25, 0.5)]
    >>> best_share(rows)
    ('50%', '25% to 50%')
    """
    best = next(f"{100 * row['share']:g}%" for row in rows if row["best"])
    if any(row["may_be_best"] is None for row in rows):
        return best, formatting.DASH
    kept = [at for at, row in enumerate(rows) if row["may_be_best"]]
    names = [f"{100 * rows[at]['share']:g}%" for at in kept]
    if len(kept) == len(rows):
        return best, "all shares"
    if len(kept) > 1 and kept[-1] - kept[0] == len(kept) - 1:
        return best, f"{names[0]} to {names[-1]}"
    return best, formatting.join_names(names)
