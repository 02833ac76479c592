"""Page of a benchmark: the verdict in words, the figures, and provenance.

The page is one file: no network, images are data URIs, and its one script is inline and optional.
Everything that comes from a file or a folder name is escaped.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from gprplus import __version__
from gprplus.reporting import balance, formatting, provenance
from gprplus.reporting.arm_labels import (
    OWN_TEST_SET,
    UNTRAINED,
    against_phrase,
    question_of,
    target_phrase,
)
from gprplus.reporting.basis import describe_caveats
from gprplus.reporting.contrast_tables import FAMILY_CAPTIONS, table_sections
from gprplus.reporting.cross_level import CrossLevelReport, cross_level_report
from gprplus.reporting.figures import plots
from gprplus.reporting.figures.arm_failures import TargetFailures, arm_failures
from gprplus.reporting.figures.dose_plot import DosePlot, build_dose_plot
from gprplus.reporting.figures.example_rankings import ExampleRankings, example_rankings
from gprplus.reporting.figures.samples import LevelSamples, draw_samples
from gprplus.reporting.findings import (
    ContrastFinding,
    Row,
    headline_finding,
    list_findings,
)
from gprplus.reporting.level_matrix import MATRIX, LevelMatrix, build_level_matrix, matrix_note
from gprplus.reporting.mismatch import mismatch_contrast, mismatch_sentence
from gprplus.reporting.pages.page_warnings import PageWarning, group_warnings, page_warnings
from gprplus.reporting.pages.template_environment import template_environment
from gprplus.reporting.printed_commands import export_commands, printed_commands
from gprplus.reporting.run_results import RunResults
from gprplus.reporting.sections.table_section import DOSE, TableSection
from gprplus.reporting.sentences.logit_sentence import logit_sentence
from gprplus.reporting.sentences.verdicts import Verdict, verdicts_of
from gprplus.reporting.summary_tables import summary_notes
from gprplus.schema.split_record import SplitRecord
from gprplus.statistics.levels.level_estimands import FAMILIES as LEVEL_FAMILIES

SECONDARY_FAMILIES = (
    "attribute effect",
    "interactions",
    "additivity",
    "Shapley",
)  # families drawn next to the headline's
TITLES = {
    "main effects": "What each restriction does",
    "interactions": "What one restriction changes about another",
    "additivity": "Where levels do more, or less, than add up",
    "Shapley": "How the total splits",
}


@dataclass(frozen=True)
class PlottedFamily:
    """A family of contrasts under a title, with what it is taken to, as a forest plot; and the
    tables of its statistics."""

    title: str
    note: str
    against: str
    plot: plots.ForestPlot
    families: tuple[str, ...]
    statistics: Sequence[TableSection] = ()


@dataclass(frozen=True)
class TargetSection:
    """Content of the page about one target. `suffix` distinguishes its sections from those of other
    targets."""

    where: str
    name: str
    suffix: str
    rows: Sequence[Row]
    verdict: Verdict
    reference: str | None
    caveat: str
    forests: Sequence[PlottedFamily]
    heat: plots.HeatMap | None
    mismatch: str
    matrix: LevelMatrix | None
    ladder: plots.LadderPlot | None
    failures: TargetFailures | None
    lists: ExampleRankings | None
    statistics: Sequence[TableSection]
    level_statistics: Sequence[TableSection]

    @property
    def groups(self) -> Iterator[tuple[str, list[Row]]]:
        """The table's bodies: the trained arms, then the untrained floor set apart."""
        yield "arms", [row for row in self.rows if row["arm"] != UNTRAINED]
        yield "floor", [row for row in self.rows if row["arm"] == UNTRAINED]


@dataclass(frozen=True)
class ReportPage:
    """All values of the template."""

    split: SplitRecord
    question: str
    name: str
    noun: str
    design: str
    facts: Sequence[tuple[str, str]]
    parts: Sequence[TargetSection]
    samples: LevelSamples | None
    crossed: CrossLevelReport | None
    dose: DosePlot | None
    dose_table: TableSection | None
    overall: Sequence[TableSection]
    warnings: Sequence[PageWarning]
    audit: Sequence[provenance.Block]
    provenance: Sequence[provenance.Block]
    commands: Sequence[str]
    exports: Sequence[tuple[str, str]]
    notes: Sequence[str]
    version: str
    matrix_title: str = MATRIX
    kind: str = "gprplus report"

    @property
    def contents(self) -> Iterator[tuple[str, str]]:
        """The sections of the page by the name of their anchor."""
        yield "verdict", "Verdict"
        if self.dose:
            yield "dose", "Shares"
        for part in self.parts:
            yield f"target{part.suffix}", "Results" if len(self.parts) == 1 else part.name
        if self.overall:
            yield "overall", "All targets"
        if self.crossed:
            yield "crossed", "Across levels"
        if self.samples:
            yield "images", "Images"
        yield "audit", "Balance"
        yield "again", "Run it again"
        yield "provenance", "Provenance"
        yield "notes", "Notes"

    def matrix_note(self, matrix: LevelMatrix) -> str:
        """Return the explanation of the matrix of arms and levels."""
        return matrix_note(matrix, self.split)


def render_page(run: RunResults) -> str:
    """The page of one run folder, as HTML."""
    return template_environment().get_template("page.html.j2").render(page=build_page(run))


def build_page(run: RunResults) -> ReportPage:
    """Collect the content of the page of one run folder."""
    tables = table_sections(run.effect_tables)
    parts = [
        _part(run, target, [one for one in tables if one.target == target])
        for target in run.targets
    ]
    return ReportPage(
        split=run.split,
        question=question_of(run.split),
        name=run.name,
        noun=_noun(run),
        design=_design(run),
        facts=_facts(parts[0]),
        parts=parts,
        samples=draw_samples(run),
        crossed=cross_level_report(run.rows, run.queries, run.split),
        dose=build_dose_plot(run.table("dose"), run.split),
        dose_table=next((one for one in tables if one.kind == DOSE), None),
        overall=[one for one in tables if one.target not in run.targets and one.kind != DOSE],
        warnings=_warnings(run, parts),
        audit=balance.balance_audit(run),
        provenance=provenance.provenance_blocks(run),
        commands=printed_commands(run),
        exports=export_commands(run),
        notes=summary_notes(run.rows),
        version=__version__,
    )


def _warnings(run: RunResults, parts: Sequence[TargetSection]) -> list[PageWarning]:
    """The warnings of the verdicts, each named after its targets if there are several, then those
    of the split."""
    found = [(part.where, text) for part in parts for text in part.verdict.warnings]
    own = group_warnings(found, "On ") if len(parts) > 1 else [text for _, text in found]
    return page_warnings([*own, *balance.balance_warnings(run)])


def _part(run: RunResults, target: str, tables: Sequence[TableSection]) -> TargetSection:
    rows, contrasts = run.rows_of(target), verdicts_of(run.contrasts, target)
    results = verdicts_of(run.results.to_pylist(), target)
    reference = next((row["reference"] for row in rows if row["reference"]), None)
    caveats = formatting.join_names(describe_caveats(rows, run.experiment))
    matrix = build_level_matrix(run.levels, run.split) if target == OWN_TEST_SET else None
    forests = [
        replace(
            one,
            note=" ".join(filter(None, [one.note, _logit(run, target, one.families)])),
            statistics=[table for table in tables if table.kind in one.families],
        )
        for one in _forests(
            list_findings(contrasts), results, run.split, reference or "the reference"
        )
    ]
    level_tables = [one for one in tables if matrix and one.kind in LEVEL_FAMILIES]
    placed = [table for one in forests for table in one.statistics] + level_tables
    return TargetSection(
        where=target_phrase(target),
        name="Own test set" if target == OWN_TEST_SET else target,
        suffix="" if target == run.targets[0] else f"-{run.targets.index(target) + 1}",
        rows=rows,
        verdict=run.verdict(target),
        reference=reference,
        caveat=f"{caveats[:1].upper()}{caveats[1:]}.",
        forests=forests,
        heat=None if matrix else plots.build_heat_map(run.queries, run.split, target),
        mismatch=(
            ""
            if matrix
            else mismatch_sentence(mismatch_contrast(run.queries, run.split, target), _noun(run))
        ),
        matrix=matrix,
        ladder=plots.build_ladder_plot(rows, run.split),
        failures=arm_failures(run, reference, target),
        lists=example_rankings(run, reference, target),
        statistics=[one for one in tables if one not in placed],
        level_statistics=level_tables,
    )


def _forests(
    found: Sequence[ContrastFinding], results: Sequence[Row], split: SplitRecord, reference: str
) -> Iterator[PlottedFamily]:
    """Return the family of the headline with its random control, then the secondary families."""
    first = headline_finding(found, split)
    controls = [one for one in found if one.family == "random images"]
    for chosen in (
        first,
        *([one for one in found if one.family == name] for name in SECONDARY_FAMILIES),
    ):
        drawn = [*chosen, *(controls if chosen is first else [])]
        plot = plots.build_forest_plot(drawn, results, split) if chosen else None
        if plot:
            family = chosen[0].family
            against = against_phrase(family, reference, split)
            title = TITLES.get(family) or f"Against {against}"
            families = tuple(dict.fromkeys(one.family for one in drawn))
            yield PlottedFamily(title, _note(chosen), against, plot, families)


def _note(chosen: Sequence[ContrastFinding]) -> str:
    first = chosen[0]
    paired = "Difference of mAP, paired over the same queries and seeds."
    caption = FAMILY_CAPTIONS[first.family] if first.family in TITLES else paired
    over = (
        f"the {first.size} contrasts of the family"
        f" '{first.family}'{' and three estimands' if first.shared else ''}"
    )
    together = f" Intervals are simultaneous over {over}."
    return caption + (together if first.size > 1 else "")


def _logit(run: RunResults, target: str, families: Sequence[str]) -> str:
    """Describe whether the effects of a plot hold on the logit scale; empty for families that are
    not about adding up."""
    logit, contrasts = (
        [
            row
            for row in verdicts_of(run.table(name), target)
            if row["metric"] == "mAP" and row["family"] in families
        ]
        for name in ("logit", "contrasts")
    )
    return logit_sentence(logit, contrasts)


def _noun(run: RunResults) -> str:
    return formatting.attribute_noun(run.split.attribute or "level")


def _design(run: RunResults) -> str:
    """Return one sentence on the properties that all arms share."""
    attribute = run.split.attribute
    if run.split.design == "declared":
        return (
            "Arms were written out one by one; those that are not matched may differ in size and in"
            " everything else."
        )
    if run.split.design == "factorial":
        return (
            "Arms have one size, that of the most restricted, and the same identities unless their"
            " number is a factor. All are tested on the same test identities."
        )
    if run.split.crossed:
        nouns = formatting.join_names(list(map(formatting.attribute_noun, run.split.crossed)))
        return (
            "Arms are matched: the same identities, as many images of each, equal distributions of"
            f" all other recorded conditions; they differ in {nouns}. All are tested on the same"
            " test identities."
        )
    if attribute == "identity":
        return (
            "Arms differ in their number of identities; all are tested on the same test identities."
        )
    if not attribute:
        return "All arms are tested on the same queries."
    declared = run.split.declared
    if declared is not None and declared.level == "identity":
        return (
            "Arms have equal numbers of identities under the same conditions, selected by their"
            f" {formatting.attribute_noun(attribute)}. They are different identities, so other"
            " attributes can differ with it (see the balance below). All arms are tested on the"
            " same test identities."
        )
    return (
        "Arms are matched: the same identities, as many images of each, equal distributions of all"
        f" other recorded conditions; they differ in the {formatting.attribute_noun(attribute)}."
        " All are tested on the same test identities."
    )


def _facts(part: TargetSection) -> list[tuple[str, str]]:
    """The size of the experiment, in a handful of figures."""
    trained = [row for row in part.rows if row["arm"] != UNTRAINED] or list(part.rows)
    first = next((row for row in trained if row["arm"] == part.reference), trained[0])
    return [
        ("arms", formatting.format_count(len(trained))),
        ("seeds each", formatting.format_count(first["seeds"])),
        ("training identities", formatting.format_count(first["train_identities"])),
        ("images an arm", formatting.format_count(first["train_images"])),
        ("queries", formatting.format_count(first["queries"])),
        ("query identities", formatting.format_count(first["query_identities"])),
    ]
