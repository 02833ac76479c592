"""Contrasts of an experiment as tables with text: by family, curves, noise by source, all
targets."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gprplus.reporting import formatting
from gprplus.reporting.arm_labels import OWN_TEST_SET, target_phrase
from gprplus.reporting.findings import verdict_text
from gprplus.reporting.power_plan import plan_lines
from gprplus.reporting.sections.table_section import CURVES, NOISE, PLAN, SENSITIVITY, TableSection
from gprplus.reporting.sections.target_tables import dose_sections, pooled_sections
from gprplus.reporting.sentences.logit_sentence import (
    logit_interval,
    logit_sentence,
    signed_logit,
)
from gprplus.statistics.levels.level_estimands import OWN, TRANSFER, count_estimands

if TYPE_CHECKING:
    import pyarrow as pa

TABLES = ("contrasts", "components", "curves", "pooled", "left_out", "logit", "dose")
FAMILY_CAPTIONS = {
    "sufficiency": "Sufficiency: training on it alone, against the mixture of the same size.",
    "necessity": "Necessity: what the mixture loses when it is left out.",
    "attribute effect": (
        "Attribute effect: the levels chosen, against random sets of as many levels."
    ),
    "share curve": "Share curve: change of the score per whole way, from one arm to the next.",
    "slope": "Slope: change of the score over the whole path, least squares.",
    "main effects": "Main effects: what restricting a factor does, averaged over the others.",
    "interactions": "Interactions: half of how much one restriction changes what the other does.",
    "Shapley": (
        "Shapley values: what leaving an attribute free adds, over all orders; they add up to the"
        " total."
    ),
    "additivity": (
        "Additivity: the score of a cell, less what the means of its levels over all cells add up"
        " to. 0 where attributes only add up."
    ),
    "same size": "The levels chosen, against the mixture of the same size.",
    "against random images": "The levels chosen, against random images of the same size.",
    "random images": (
        "Random images, against the reference: the effect of equal shares of all levels."
    ),
    "to the reference": "Differences to the reference.",
    "own level": (
        "Own level: queries and gallery of one level that the arm was trained on. Favors the arm."
    ),
    "own level, mean": "Own level: the mean over all arms.",
    "transfer": (
        "Transfer: queries and gallery of one level that the arm was not trained on. Favors a"
        " reference that was."
    ),
    "transfer, mean": "Transfer: the mean over all arms.",
    "transfer, unseen by both": (
        "Transfer among the arms of some levels, each level where neither was trained on it: "
        "favors none."
    ),
}
FACTORS = ("main effects", "interactions", "Shapley")  # named after factors, not after arms


def table_sections(tables: "Mapping[str, pa.Table]") -> list[TableSection]:
    """The sections of a run's tables (`TABLES` by name, each may be absent), of mAP, target by
    target."""
    rows = {
        name: [one for one in tables[name].to_pylist() if one["metric"] == "mAP"] for name in tables
    }
    targets = list(
        dict.fromkeys(
            one["target"] for one in rows.get("contrasts", []) + rows.get("components", [])
        )
    )
    found: list[TableSection] = []
    for target in targets:
        mine = {
            name: [one for one in rows.get(name, []) if one.get("target") == target]
            for name in TABLES
        }
        where = "" if len(targets) == 1 else f", on {target_phrase(target)}"
        count = count_estimands(one["family"] for one in mine["contrasts"])
        sections = [
            *_contrasts(mine["contrasts"], mine["logit"]),
            *_curves(mine["curves"]),
            *_noise(mine["components"], count),
        ]
        found += [
            replace(section, target=target, title=section.name + where) for section in sections
        ]
    return [
        *found,
        *dose_sections(rows.get("dose", [])),
        *pooled_sections(rows.get("pooled", []), rows.get("left_out", [])),
        *_sensitivity(rows.get("sensitivity", [])),
    ]


def _contrasts(
    rows: Sequence[Mapping[str, Any]], logit: Sequence[Mapping[str, Any]]
) -> Iterator[TableSection]:
    for family in dict.fromkeys(row["family"] for row in rows):
        mine = [row for row in rows if row["family"] == family]
        margin = formatting.magnitude(mine[0]["margin"])
        headers = ["contrast", "points", "95% alone", "95% simultaneous", "p (max-t)", "p (Holm)"]
        headers += [f"p (within {margin})", "verdict"]
        shares = any(row["omega2"] is not None for row in mine)
        headers += ["omega²"] if shares else []
        lines = [_line(row) + ([_share(row["omega2"])] if shares else []) for row in mine]
        odds = {row["contrast"]: row for row in logit if row["family"] == family}
        if odds:
            headers += ["logit", "95% simultaneous"]
            lines = [
                [*line, *_odds(odds.get(row["contrast"]))]
                for line, row in zip(lines, mine, strict=True)
            ]
        note = " ".join(filter(None, [_note(family, mine), logit_sentence([*odds.values()], mine)]))
        yield TableSection(f"{family[:1].upper()}{family[1:]}", note, headers, lines, family)


def _odds(row: Mapping[str, Any] | None) -> list[str]:
    """A contrast of logits with its interval; dashes where a score is 0 or 1."""
    if row is None:
        return [formatting.DASH] * 2
    return [signed_logit(row["value"]), logit_interval(row["family_low"], row["family_high"])]


def _line(row: Mapping[str, Any]) -> list[str]:
    name = row["contrast"] + (f" (or {row['aliases']})" if row["aliases"] else "")
    if row["family"] in FACTORS:
        name = formatting.crossed_name(name)
    spans = [
        formatting.signed_interval(row[f"{of}low"], row[f"{of}high"]) for of in ("", "family_")
    ]
    chances = [format_probability(row[name]) for name in ("p_max", "p_holm", "p_equivalence")]
    return [name, formatting.signed_points(row["value"]), *spans, *chances, verdict_text(row)]


def _sensitivity(rows: Sequence[Mapping[str, Any]]) -> Iterator[TableSection]:
    if rows:
        first = rows[0]
        pair = f"{first['arm']} to {first['reference']}"
        note = f"The widest difference, of {pair}, with other settings of the training."
        headers = ["setting", "scored on", "points", "95% interval", "as it was", "sign"]
        lines = [
            [
                row["variant"],
                _scored_on(row),
                formatting.signed_points(row["value"]),
                formatting.signed_interval(row["low"], row["high"]),
                formatting.signed_points(row["base"]),
                "holds" if row["sign_holds"] else "changes",
            ]
            for row in rows
        ]
        yield TableSection("Sensitivity", note, headers, lines, SENSITIVITY)


def _scored_on(row: Mapping[str, Any]) -> str:
    if row["target"] != OWN_TEST_SET:
        return target_phrase(row["target"])
    return row["family"] if row["family"] in (OWN, TRANSFER) else "mixed gallery"


def format_probability(p: float | None) -> str:
    """A probability.

    >>> format_probability(0.0004), format_probability(0.04321), format_probability(None)
    ('<0.001', '0.043', '–')
    """
    return formatting.DASH if p is None else "<0.001" if p < 0.001 else f"{p:.3f}"


def _share(value: float | None) -> str:
    return formatting.DASH if value is None else f"{value:.2f}"


def _note(family: str, rows: Sequence[Mapping[str, Any]]) -> str:
    sentences = [FAMILY_CAPTIONS.get(family, "")]
    if len({row["formula"] for row in rows}) == 1 and family != "Shapley":
        sentences.append(f"Formula: {rows[0]['formula']}.")
    if any(row["draws"] == 1 for row in rows):
        sentences.append("The control was drawn once: the interval omits the variance of the draw.")
    if any(row["aliases"] for row in rows):
        sentences.append("Effects in brackets are aliased in this fraction.")
    if all(row["p"] is None for row in rows):
        why = "With one seed" if rows[0]["seeds"] == 1 else "With one identity or constant scores"
        sentences.append(f"{why} nothing is known of the noise.")
    return " ".join(filter(None, sentences))


def _curves(rows: Sequence[Mapping[str, Any]]) -> Iterator[TableSection]:
    if not rows:
        return
    margin, goal = formatting.magnitude(rows[0]["margin"]), rows[0]["goal"]
    headers = [
        "curve",
        "budgets",
        "images",
        "ceiling",
        "95% interval",
        "power",
        "95% interval",
        "reaches it at",
    ]
    lines = [
        [
            row["curve"],
            formatting.format_count(row["budgets"]),
            f"{row['smallest_images']:,}{formatting.DASH}{row['largest_images']:,}",
            formatting.format_points(row["ceiling"]),
            formatting.format_interval(row["ceiling_low"], row["ceiling_high"]),
            _share(row["power"]),
            (
                formatting.DASH
                if row["power_low"] is None
                else f"{row['power_low']:.2f}{formatting.DASH}{row['power_high']:.2f}"
            ),
            *[_reached(row)],
        ]
        for row in rows
    ]
    note = (
        "S(N) = c - b N^-p fitted to nested budgets, and the number of images at which it comes to"
        f" {goal} less {margin} points. A ceiling far above what was reached is extrapolation."
    )
    yield TableSection(
        "Growth with images",
        note,
        [*headers, "95% interval"],
        [[*line[:-1], *line[-1]] for line in lines],
        CURVES,
    )


def _reached(row: Mapping[str, Any]) -> tuple[str, str]:
    reach = "never" if row["reach"] is None else _images(row["reach"])
    if row["reach"] is not None and row["reach"] > row["largest_images"]:
        reach += " (beyond the data)"
    if row["reach_low"] is None:
        return reach, formatting.DASH if row["unreached"] is None else "no bound"
    high = "no bound" if row["reach_high"] is None else _images(row["reach_high"])
    return reach, f"{_images(row['reach_low'])} to {high}"


def _images(number: float) -> str:
    return f"{number:.1e}" if number >= 1e7 else formatting.format_count(round(number))


def _noise(rows: Sequence[Mapping[str, Any]], estimands: int) -> Iterator[TableSection]:
    if not rows:
        return
    lines = [
        [row["component"], *(_sd(row[end]) for end in ("variance", "low", "high"))] for row in rows
    ]
    note = (
        "Standard deviations in points of mAP, from all trained arms. Paired differences are affected by"
        " arm x seed, arm x person and the residual; person (the query identity) and seed affect"
        " all arms equally."
    )
    yield TableSection(
        "Where the noise comes from",
        note,
        ["source", "points", "at least", "at most"],
        lines,
        NOISE,
    )
    headers, planned, caption = plan_lines(rows, estimands=estimands)
    if planned:
        yield TableSection("What it takes to see one point", caption, headers, planned, PLAN)


def _sd(variance: float | None) -> str:
    return formatting.DASH if variance is None else f"{100 * math.sqrt(variance):.2f}"
