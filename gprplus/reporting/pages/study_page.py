"""A study's own page: its question, the answer over all splits and targets, and each split's page
behind it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gprplus import __version__
from gprplus.reporting import formatting
from gprplus.reporting.arm_labels import OWN_TEST_SET, RERANKED, SAME_SIZE, bare, target_phrase
from gprplus.reporting.balance import balance_warnings
from gprplus.reporting.basis import describe_caveats
from gprplus.reporting.figures import plots
from gprplus.reporting.figures.dose_plot import DosePlot, build_dose_plot
from gprplus.reporting.findings import is_of_one_size
from gprplus.reporting.pages.page_warnings import PageWarning, group_warnings, page_warnings
from gprplus.reporting.pages.study_notes import family_notes
from gprplus.reporting.pages.study_provenance import study_facts, target_facts
from gprplus.reporting.pages.template_environment import template_environment
from gprplus.reporting.printed_commands import manifest_commands, start_shell
from gprplus.reporting.run_results import RunResults
from gprplus.reporting.sentences.verdicts import Verdict
from gprplus.schema.study_record import PublishedRow, StudyRecord

TO_REFERENCE = {
    "attribute effect": "as many random levels",
    "sufficiency": "the even mixture of the same size",
    "necessity": "the arm that leaves the level out",
    "same size": SAME_SIZE,
    "against random images": "random images of the same size",
    "main effects": "leaving the factor free",
    "to the reference": "the reference arm",
}
# Families of contrasts that answer for the levels chosen, the fairest opponent first
# (evaluation.estimands).
MAIN_FAMILIES = tuple(TO_REFERENCE)
# Drawn as well, but no answer by themselves.
SECONDARY_FAMILIES = ("interactions", "additivity", "Shapley")
TITLES = {
    **{name: f"Against {against}" for name, against in TO_REFERENCE.items()},
    "interactions": "What one restriction changes about another",
    "additivity": "Where levels do more, or less, than add up",
    "Shapley": "What leaving each factor free adds: how the total splits",
}
OUTCOMES = {"higher": "gain", "lower": "loss", "equivalent": "unclear", "undecided": "unclear"}


@dataclass(frozen=True)
class ContrastRow:
    """A contrast: split, name, its value in mAP, the interval of its family, and its verdict.

    `label` is the name without the part that the family implies; `rung` is True for a number of
    identities, `one_size` unless it differs from the reference in its number of images.
    """

    split: str
    target: str
    family: str
    name: str
    value: float
    low: float | None
    high: float | None
    verdict: str
    label: str
    rung: bool
    one_size: bool = True


@dataclass(frozen=True)
class FamilyPlot:
    """All contrasts of one family, and their forest plot if they have intervals."""

    name: str
    title: str
    against: str
    lines: tuple[ContrastRow, ...]
    forest: plots.ForestPlot | None
    notes: tuple[str, ...] = ()

    @property
    def bare(self) -> list[ContrastRow]:
        """The lines that have no interval, so that no plot drops them unsaid."""
        return [line for line in self.lines if line.low is None or line.high is None]

    @property
    def holds(self) -> str:
        """Describe the lines for which the intervals hold together; empty if there are none."""
        count = len(_places(self.lines))
        if count < 2:
            return "Intervals hold at 95% for all of these together." if count else ""
        return (
            "Intervals hold at 95% for all contrasts of one split on one target together; these"
            f" are {count} such families, not corrected for each other: up to {0.05 * count:.2g} of"
            " them are expected to have an interval that misses."
        )

    @property
    def several(self) -> bool:
        """Return True if the rows are of several splits, so that each must name its split."""
        return len({line.split for line in self.lines}) > 1


@dataclass(frozen=True)
class PublishedComparison:
    """An arm as a paper has it and as it came out here: scores 0-1, and differences to the
    reference arm."""

    split: str
    arm: str
    target: str
    paper: Mapping[str, float | None]
    here: Mapping[str, Any]
    paper_difference: float | None


@dataclass(frozen=True)
class TargetVerdict:
    """Verdict of one split on one target, and the path of its page."""

    split: str
    target: str
    verdict: Verdict
    href: str


@dataclass(frozen=True)
class StudyPage:
    """All values of the template."""

    name: str
    question: str
    source: str
    unknown: Sequence[str]
    answer: Verdict
    families: Sequence[FamilyPlot]
    doses: Sequence[DosePlot]
    published: Sequence[PublishedComparison]
    verdicts: Sequence[TargetVerdict]
    record: Sequence[tuple[str, str]]
    targets: Sequence[tuple[str, str]]
    warnings: Sequence[PageWarning]
    commands: Sequence[str]
    version: str
    kind: str = "gprplus study"

    @property
    def contents(self) -> Iterator[tuple[str, str]]:
        """The sections of the page by the name of their anchor."""
        yield "answer", "Answer"
        for i, family in enumerate(self.families, 1):
            yield f"family-{i}", family.name[:1].upper() + family.name[1:]
        if self.doses:
            yield "doses", "Shares"
        if self.published:
            yield "published", "Published values"
        yield "splits", "Splits"
        yield "targets", "Targets"
        if self.commands:
            yield "again", "Run it again"
        yield "provenance", "Provenance"


def render_study(study: StudyRecord, outcomes: Sequence[RunResults], hrefs: Sequence[str]) -> str:
    """The page as HTML; `hrefs` are the splits' pages, relative to the page."""
    return (
        template_environment()
        .get_template("study.html.j2")
        .render(page=build_study_page(study, outcomes, hrefs))
    )


def build_study_page(
    study: StudyRecord, outcomes: Sequence[RunResults], hrefs: Sequence[str]
) -> StudyPage:
    """Collect the content of the page of a study."""
    found = contrast_rows(outcomes)
    families = [
        _family(name, [line for line in found if line.family == name], family_notes(outcomes, name))
        for name in (*MAIN_FAMILIES, *SECONDARY_FAMILIES)
    ]
    return StudyPage(
        name=study.name,
        question=study.question,
        source=study.source,
        unknown=study.unknown,
        answer=target_answer(found, outcomes, study),
        families=[family for family in families if family.lines],
        doses=[plot for run in outcomes if (plot := build_dose_plot(run.table("dose"), run.split))],
        published=published_rows(study.beside_published),
        verdicts=[
            TargetVerdict(run.rows[0]["split"], target, run.verdict(target), href)
            for run, href in zip(outcomes, hrefs, strict=True)
            for target in run.targets
        ],
        record=study_facts(study, outcomes),
        targets=target_facts(outcomes),
        warnings=_warnings(outcomes),
        commands=_commands(study, outcomes),
        version=__version__,
    )


def _commands(study: StudyRecord, outcomes: Sequence[RunResults]) -> list[str]:
    """Lines for a new shell: the manifest of the splits, then the study."""
    if not study.command:
        return []
    builds = dict.fromkeys(line for run in outcomes for line in manifest_commands(run))
    return [*start_shell(), *builds, study.command]


def _warnings(outcomes: Sequence[RunResults]) -> list[PageWarning]:
    """The warnings of every split, each once with the names of its splits if there are several."""
    found = []
    for run in outcomes:
        name = formatting.attribute_noun(run.rows[0]["split"])
        verdicts = [warning for target in run.targets for warning in run.verdict(target).warnings]
        found += [(name, text) for text in (*verdicts, *balance_warnings(run))]
    several = len(outcomes) > 1
    return page_warnings(group_warnings(found) if several else [text for _, text in found])


def contrast_rows(outcomes: Sequence[RunResults]) -> list[ContrastRow]:
    """The contrasts in mAP of every split, without those of its further tests."""
    found = []
    for run in outcomes:
        for row in run.contrasts:
            if row["metric"] == "mAP" and not row["target"].startswith(f"{OWN_TEST_SET}:"):
                low, high = (
                    row[end] if row[end] == row[end] else None
                    for end in ("family_low", "family_high")
                )
                place = (row["split"], row["target"], row["family"], row["contrast"])
                found.append(
                    ContrastRow(
                        *place,
                        row["value"],
                        low,
                        high,
                        row["verdict"],
                        *_named(run, row["contrast"]),
                    )
                )
    return found


def _named(run: RunResults, name: str) -> tuple[str, bool, bool]:
    split = run.split
    return bare(name, split), split.rung(name) is not None, is_of_one_size(name, split)


def target_answer(
    found: Sequence[ContrastRow], outcomes: Sequence[RunResults], study: StudyRecord
) -> Verdict:
    """Answer the study's question in words, over its fairest family of contrasts.

    Targets of the study count, once each if they are re-ranked too; if it has none, the test sets
    of its splits. Ladders of identities are not a selection of levels, so they count only if there
    is no other family.
    """
    named = [line for line in found if not line.target.endswith(RERANKED)] or list(found)
    named = [line for line in named if line.target != OWN_TEST_SET] or named
    named = [line for line in named if not line.rung] or named
    named = [line for line in named if line.one_size] or named
    family = next(
        (name for name in MAIN_FAMILIES if any(line.family == name for line in named)), None
    )
    basis = _basis(outcomes, study)
    if family is None:
        return Verdict("Nothing was compared, so there is no answer.", [], basis)
    chosen = [line for line in named if line.family == family]
    against = TO_REFERENCE[family]
    if all(line.verdict == "unknown" for line in chosen):
        above = sum(line.value > 0 for line in chosen)
        text = (
            "No interval could be formed (one seed or identity, or scores that do not vary), so there"
            f" is no conclusion: {above} of {len(chosen)} comparisons with "
        )
        return Verdict(f"{text}{against} scored above it, which can be chance.", [], basis)
    if len(_places(chosen)) > 1:
        basis = (
            basis.removesuffix(".")
            + "; intervals simultaneous within each split and target, not over all of them."
        )
    return Verdict(_headline(chosen, against), _by_target(chosen), basis)


def _places(found: Sequence[ContrastRow]) -> set[tuple[str, str]]:
    """Return split and target of the lines that have intervals: each is a separate family."""
    return {(line.split, line.target) for line in found if line.low is not None}


def _headline(chosen: Sequence[ContrastRow], against: str) -> str:
    won, lost = (sum(line.verdict == word for line in chosen) for word in ("higher", "lower"))
    same = sum(line.verdict == "equivalent" for line in chosen)
    rest = len(chosen) - won - lost - same
    compared = formatting.pluralize(len(chosen), "comparison")
    if same and not won and not lost:
        return (
            f"Equal to {against} within the margin in {same} of {compared}; {rest} are undecided."
        )
    if not won and not lost:
        return f"Not shown: none of {compared} with {against} is decided either way."
    sentence = f"In {won} of {compared} the choice scores above {against}, in {lost} below"
    equal = f", in {same} equal within the margin" if same else ""
    return f"{sentence}{equal}; {rest} are undecided."


def _by_target(chosen: Sequence[ContrastRow]) -> list[str]:
    """List the decided contrasts on each target, with the interval of their family, and the numbers
    of equal and undecided ones.
    """
    sentences = []
    for target in dict.fromkeys(line.target for line in chosen):
        mine = [line for line in chosen if line.target == target]
        decided = sorted(
            (one for one in mine if one.verdict in ("higher", "lower")), key=lambda one: -one.value
        )
        sentence_parts = [
            f"{formatting.attribute_noun(one.label)} {formatting.signed_points(one.value)} "
            f"({formatting.signed_interval(one.low, one.high)})"
            for one in decided
        ]
        same = sum(one.verdict == "equivalent" for one in mine)
        left = {"equal within the margin": same, "not decided": len(mine) - len(decided) - same}
        others = [f"{count} of {len(mine)} {word}" for word, count in left.items() if count]
        where = target_phrase(target) if target != OWN_TEST_SET else "the split's own test set"
        sentences.append(
            f"On {where}: {'; '.join(filter(None, [formatting.join_names(sentence_parts), *others]))}."
        )
    return sentences


def _basis(outcomes: Sequence[RunResults], study: StudyRecord) -> str:
    rows = [row for run in outcomes for row in run.rows if row["arm"] != "untrained"]
    seeds = sorted({row["seeds"] for row in rows})
    parts = [" or ".join(map(str, seeds)) + (" seed" if seeds == [1] else " seeds")]
    if study.scale != "1":
        parts.append(f"{study.scale} of the declared identities and images")
    caveats = [part for run in outcomes for part in describe_caveats(run.rows, run.experiment)]
    return f"Basis: {'; '.join([*parts, *dict.fromkeys(caveats)])}."


def _family(name: str, found: Sequence[ContrastRow], notes: tuple[str, ...]) -> FamilyPlot:
    shown = sorted(
        (line for line in found if line.low is not None and line.high is not None),
        key=lambda line: (
            line.target == OWN_TEST_SET,
            line.target,
        ),  # external targets first, a target's lines together
    )
    several = {
        line.name
        for line in found
        if len({one.split for one in found if one.name == line.name}) > 1
    }
    values = [value for line in shown for value in (line.low, line.high) if value is not None]
    effects = tuple(
        plots.EffectMark(
            line.name,
            _label(line, line.name in several),
            OUTCOMES[line.verdict],
            line.value,
            line.low or 0.0,
            line.high or 0.0,
            (),
            False,
        )
        for line in shown
    )
    forest = plots.ForestPlot(plots.plot_axis([0.0, *values]), effects, False) if effects else None
    return FamilyPlot(name, TITLES[name], TO_REFERENCE.get(name, "0"), tuple(found), forest, notes)


def _label(line: ContrastRow, split: bool) -> str:
    """Target and contrast, and the split where others have a contrast of that name too."""
    name = (
        formatting.attribute_noun(line.label)
        if line.family in MAIN_FAMILIES
        else formatting.crossed_name(line.name)
    )
    return f"{line.target} · {name}" + (f" ({line.split})" if split else "")


def published_rows(rows: Sequence[PublishedRow]) -> list[PublishedComparison]:
    """Pair published rows with ours; the paper's difference is to the same arm as ours."""
    papers = {(row.split, row.arm, row.target): row.published["mAP"] for row in rows}
    out = []
    for row in rows:
        own = row.published["mAP"]
        base = papers.get((row.split, str(row.here.get("reference")), row.target))
        apart = (
            None
            if own is None or base is None or row.arm == row.here.get("reference")
            else own - base
        )
        out.append(
            PublishedComparison(row.split, row.arm, row.target, row.published, row.here, apart)
        )
    return out
