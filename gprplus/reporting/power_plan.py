"""Power plan: seeds and identities needed to detect one point, from the noise of finished runs or
typical values."""

from collections.abc import Mapping, Sequence
from typing import Any

from gprplus.reporting import formatting
from gprplus.statistics import power
from gprplus.statistics.variance_sum import NOTHING

ASSUMED_PERSONS = 750  # as many as Market-1501 searches for
ASSUMED_ARMS = 9


def measured_noise(rows: Sequence[Mapping[str, Any]]) -> power.NoiseEstimate | None:
    """Return the noise in rows of schema.COMPONENTS, of one target and metric; None if a component
    is missing, or the scores of arms do not vary."""
    variances = {row["component"]: row["variance"] for row in rows if row["variance"] is not None}
    if not {"arm x seed", "arm x person", "residual"} <= set(variances):
        return None
    if variances["arm x seed"] + variances["arm x person"] + variances["residual"] <= NOTHING:
        return None
    first = rows[0]
    source = (
        f"measured on {first['arms']} arms, {first['seeds']} seeds and {first['query_identities']}"
        " identities"
    )
    return power.noise_from_components(variances, source)


def power_plan(
    rows: Sequence[Mapping[str, Any]], margin: float = 0.01, estimands: int = 1
) -> tuple[power.NoiseEstimate, int, tuple[power.PowerPoint, ...]] | None:
    """Plan seeds and identities for rows of schema.COMPONENTS; without rows, from assumptions of
    typical size.

    `estimands` share the 5% in the verdict (`statistics.level_tables`).
    """
    if not rows:
        guessed = power.assumed_noise()
        return (
            guessed,
            ASSUMED_PERSONS,
            power.plan_power(guessed, ASSUMED_PERSONS, ASSUMED_ARMS, margin),
        )
    found = measured_noise(rows)
    if found is None:
        return None
    persons = max(2, round(rows[0]["effective_identities"]))
    level = 1 - (1 - power.LEVEL) / estimands
    return found, persons, power.plan_power(found, persons, rows[0]["arms"], margin, level)


def plan_lines(
    rows: Sequence[Mapping[str, Any]], margin: float = 0.01, estimands: int = 1
) -> tuple[list[str], list[list[str]], str]:
    """Headers, lines and a note: what each number of seeds sees, of mAP."""
    found = power_plan(rows, margin, estimands)
    if found is None:
        return [], [], ""
    noise, persons, steps = found
    arms = rows[0]["arms"] if rows else ASSUMED_ARMS
    point = formatting.magnitude(margin)
    headers = [
        "seeds",
        "standard error",
        "smallest seen",
        f"power for {point}",
        f"identities for {point}",
    ]
    lines = [
        [
            str(step.seeds),
            f"{100 * step.std_error:.2f}",
            f"{100 * step.smallest:.1f}",
            f"{step.power:.0%}",
            formatting.format_count(step.needed) if step.needed else "more seeds first",
        ]
        for step in steps
    ]
    shared = f" and {estimands} estimands" if estimands > 1 else ""
    weight = (
        f" of equal weight (the {formatting.format_count(rows[0]['query_identities'])} searched for"
        " have unequal numbers of queries)"
        if rows and persons != rows[0]["query_identities"]
        else ""
    )
    caption = (
        "A paired difference of one arm to the reference, in points of mAP, with"
        f" {formatting.format_count(persons)} query identities{weight}. Seen means that with 80%"
        f" probability its simultaneous 95% interval, over the differences of all {arms}"
        f" arms{shared}, excludes 0. The last column is the number of identities needed instead."
        f" Noise {noise.source}."
    )
    return headers, lines, caption
