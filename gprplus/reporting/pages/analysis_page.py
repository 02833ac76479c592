"""Page of an analysis: the nearest and farthest levels in words, plots with values, and tables."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gprplus import __version__
from gprplus.analysis.run_analysis import CAUTION, AnalysisResult
from gprplus.core.files.workdir import write_text
from gprplus.core.typed import as_json
from gprplus.reporting import formatting
from gprplus.reporting.figures.interval_plot import IntervalMark, IntervalPlot, by_value
from gprplus.reporting.pages.page_warnings import PageWarning, page_warnings
from gprplus.reporting.pages.template_environment import template_environment
from gprplus.reporting.printed_commands import start_shell
from gprplus.reporting.provenance import Block, flatten_record
from gprplus.reporting.sections.table_section import TableSection

PAGE = "analysis.html"
SHUFFLED = (
    "Line: 95% interval over identities. Band: range of shuffled levels. Blue: nearer to the target"
    " than an even mix of all levels; orange: farther; ring: neither is shown."
)
CHANCE = (
    "Line: 95% interval over identities. Band: range of the shuffled attribute. Full dot: more than"
    " chance."
)
RAW = "Line: 95% interval over identities. Distances of images of a level to those of the target."

Row = Mapping[str, Any]


@dataclass(frozen=True)
class AnalysisPage:
    """All values of the template."""

    question: str
    name: str
    answer: Sequence[str]
    support: Sequence[str]
    warnings: Sequence[PageWarning]
    facts: Sequence[tuple[str, str]]
    plots: Sequence[IntervalPlot]
    tables: Sequence[TableSection]
    provenance: Sequence[Block]
    commands: Sequence[str]
    version: str = __version__
    kind: str = "gprplus analysis"

    @property
    def contents(self) -> Iterator[tuple[str, str]]:
        """The sections of the page by the name of their anchor."""
        yield "answer", "Answer"
        for i, plot in enumerate(self.plots, 1):
            yield f"plot-{i}", plot.title
        if self.tables:
            yield "tables", "Tables"
        if self.commands:
            yield "again", "Run it again"
        yield "provenance", "Provenance"


def write_analysis_page(found: AnalysisResult, command: str = "") -> Path:
    """Write analysis.html into the folder of an analysis; `command` makes the analysis again."""
    path = found.path / PAGE
    template = template_environment().get_template("analysis.html.j2")
    write_text(path, template.render(page=build_analysis_page(found, command)))
    return path


def build_analysis_page(found: AnalysisResult, command: str = "") -> AnalysisPage:
    """Collect the content of the page of one target."""
    info = found.info
    plots = [
        *_distance_plots(found),
        *_loss_plots(found),
        *_effect_plots(found),
        *_importance(found),
    ]
    drawn = {"distances", "effects", "importance"} & set(found.tables)
    return AnalysisPage(
        question=f"Which levels are near to {info['target']}?",
        name=f"{info['target']}, {info['request']['mode']} mode",
        answer=[_sentence(plot) for plot in plots if plot.legend == SHUFFLED]
        or [_sentence(plot) for plot in plots[:1]],
        support=list(_support(info, plots)),
        warnings=page_warnings([CAUTION, *_shared(info), *info["notes"], *info.get("bias", [])]),
        facts=_facts(info),
        plots=plots,
        tables=[_table(name, found) for name in found.tables if name not in drawn],
        provenance=[
            ("Request", list(flatten_record(as_json(info["request"])))),
            ("Versions", list(flatten_record(info.get("versions", {})))),
        ],
        commands=[*start_shell(), command] if command else [],
    )


def _facts(info: Row) -> list[tuple[str, str]]:
    crossed = info["crossed"] or {}
    facts = [
        ("images of the target", formatting.format_count(info["target_images"])),
        ("identities of the target", formatting.format_count(info["target_identities"])),
    ]
    if crossed:
        facts += [
            ("complete identities", formatting.format_count(crossed["identities"])),
            ("crossed cells", formatting.format_count(crossed["cells"])),
        ]
    return facts


def _shared(info: Row) -> list[str]:
    count = info["shared_people"]
    return (
        [f"Source and target share {count:,} identities, so all distances are slightly too small."]
        if count
        else []
    )


def _sentence(plot: IntervalPlot) -> str:
    """State the nearest and the farthest level with their intervals."""
    first, last = plot.marks[0], plot.marks[-1]
    near, far = (f"{plot.show(mark.value)} ({plot.span(mark)})" for mark in (first, last))
    counts = [sum(mark.outcome == name for mark in plot.marks) for name in ("gain", "loss")]
    text = f"{plot.title} ({plot.unit}): {first.label} is nearest, {near}; {last.label} is farthest, {far}"
    if plot.legend == SHUFFLED:
        text += (
            f". {counts[0]} of {len(plot.marks)} are nearer than an even mix, {counts[1]} farther"
        )
    return f"{text}."


def _support(info: Row, plots: Sequence[IntervalPlot]) -> Iterator[str]:
    shares = next((plot for plot in plots if plot.title.startswith("Sources")), None)
    if shares is not None:
        most = shares.marks[0]
        yield (
            f"The largest source of the distance of an image is {most.label}:"
            f" {shares.show(most.value)} of its variance ({shares.span(most)})."
        )
    for attribute, alike in (info.get("luminance_agreement") or {}).items():
        if alike is not None:
            yield (
                f"On luminance alone the levels of {formatting.attribute_noun(attribute)} rank with"
                f" correlation {alike:.2f} to this order."
            )
    for guess in info.get("accuracy", []):
        if guess["correlation"] is not None:
            yield (
                f"Rank correlation with mAP over {guess['arms']:,} trained arms, {guess['guess']}:"
                f" {guess['correlation']:.2f}."
            )


def _distance_plots(found: AnalysisResult) -> Iterator[IntervalPlot]:
    rows = [row for row in found.distances.to_pylist() if row["measure"] == "energy"]
    for attribute in found.info["request"]["attributes"]:
        for kind, main in (found.info.get("main") or {}).items():
            mine = [r for r in rows if r["attribute"] == attribute and r["features"] == main]
            marks = [
                IntervalMark(
                    r["value"], r["distance"], r["low"], r["high"], r["null_low"], r["null_high"]
                )
                for r in mine
            ]
            if marks:
                noun = formatting.attribute_noun(attribute)
                note = (
                    f"{mine[0]['images']:,} images a level of {mine[0]['identities']:,} identities,"
                    " the same under the same other conditions at every level."
                )
                title, unit = f"{noun[:1].upper()}{noun[1:]}", f"debiased energy distance, {kind}"
                yield IntervalPlot(title, note, unit, SHUFFLED, by_value(marks), _decimals)


def _loss_plots(found: AnalysisResult) -> Iterator[IntervalPlot]:
    if found.info["request"]["mode"] != "paper":
        return
    rows = found.tables["losses"].to_pylist()
    for attribute, kept in found.info["kept"].items():
        mine = [row for row in rows if row["attribute"] == attribute]
        marks = [IntervalMark(r["value"], r["total"], r["low"], r["high"]) for r in mine]
        noun = formatting.attribute_noun(attribute)
        note = f"The cut rule keeps {formatting.join_names(list(map(str, kept)))}."
        title = f"{noun[:1].upper()}{noun[1:]}"
        yield IntervalPlot(title, note, "VGG-19 loss", RAW, by_value(marks), _decimals)


def _effect_plots(found: AnalysisResult) -> Iterator[IntervalPlot]:
    rows = found.tables["effects"].to_pylist() if "effects" in found.tables else []
    rows = [row for row in rows if row["score"] == "debiased" and row["order"] <= 2]
    for kind in dict.fromkeys(row["features"] for row in rows):
        mine = [row for row in rows if row["features"] == kind]
        marks = [
            IntervalMark(
                formatting.crossed_name(r["effect"]),
                r["share"],
                r["low"],
                r["high"],
                None if r["null_high"] is None else 0.0,
                r["null_high"],
            )
            for r in mine
        ]
        note = "Shares of the variance of the distance of an image, over the complete identities."
        ordered = by_value(marks, largest_first=True)
        title = "Sources" if kind == "all" else f"Sources, {kind}"
        yield IntervalPlot(title, note, "share of variance", CHANCE, ordered, _percent)


def _importance(found: AnalysisResult) -> Iterator[IntervalPlot]:
    rows = found.tables["importance"].to_pylist() if "importance" in found.tables else []
    for kind in dict.fromkeys(row["features"] for row in rows):
        marks = [
            IntervalMark(
                formatting.attribute_noun(r["attribute"]),
                r["drop"],
                r["low"],
                r["high"],
                r["null_low"],
                r["null_high"],
            )
            for r in rows
            if r["features"] == kind
        ]
        note = "Decrease of R² of a boosted model on held-out identities when an attribute is scrambled."
        title = "Importance" if kind == "all" else f"Importance, {kind}"
        ordered = by_value(marks, largest_first=True)
        yield IntervalPlot(title, note, "decrease of R²", CHANCE, ordered, _decimals)


def _table(name: str, found: AnalysisResult) -> TableSection:
    table = found.tables[name]
    rows = [[_cell(value) for value in row.values()] for row in table.to_pylist()]
    return TableSection(name[:1].upper() + name[1:], "", table.column_names, rows, name)


def _cell(value: Any) -> str:
    if value is None:
        return formatting.DASH
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _decimals(value: float) -> str:
    return f"{value:.3f}".replace("-", formatting.MINUS)


def _percent(value: float) -> str:
    return f"{100 * value:.1f}%".replace("-", formatting.MINUS)
