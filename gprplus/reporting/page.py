"""One page that holds a benchmark: the verdict in words, the figures behind it, and where they come from.

The page is one file: no network, no script; pictures ride along as data URIs. Everything that came from a file or a
folder name is escaped.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from gprplus import __version__
from gprplus.core.declarations import identity_attributes
from gprplus.reporting import balance, formatting, plots, provenance
from gprplus.reporting.arm_labels import SELF, UNTRAINED, against_phrase, question, target_phrase
from gprplus.reporting.basis import caveats
from gprplus.reporting.contrast_tables import ASKED, Section, sections
from gprplus.reporting.cross_level import Crossed, crossed
from gprplus.reporting.example_rankings import Lists, lists
from gprplus.reporting.findings import Finding, Row, findings, headline, outcome
from gprplus.reporting.level_matrix import MATRIX, LevelMatrix, level_matrix, matrix_note
from gprplus.reporting.mismatch import contrast, mismatch_sentence
from gprplus.reporting.printed_commands import commands
from gprplus.reporting.run_results import Outcome
from gprplus.reporting.samples import Samples, samples
from gprplus.reporting.summary_tables import notes
from gprplus.reporting.verdicts import Verdict, of

if TYPE_CHECKING:
    import jinja2

BESIDE = ("attribute effect", "interactions", "Shapley")  # families that are drawn beside the headline's
TITLES = {
    "main effects": "What each restriction does",
    "interactions": "What one restriction changes about another",
    "Shapley": "How the total splits",
}


@dataclass(frozen=True)
class Plotted:
    """A family of contrasts under a title, with what it is taken to, as a forest plot."""

    title: str
    note: str
    against: str
    plot: plots.Forest


@dataclass(frozen=True)
class Part:
    """What the page says about one target. `suffix` tells its sections from those of other targets."""

    where: str
    suffix: str
    rows: Sequence[Row]
    verdict: Verdict
    reference: str | None
    caveat: str
    forests: Sequence[Plotted]
    heat: plots.Heat | None
    mismatch: str
    matrix: LevelMatrix | None
    ladder: plots.Ladder | None
    lists: Lists | None

    @property
    def groups(self) -> Iterator[tuple[str, list[Row]]]:
        """The table's bodies: the trained arms, then the untrained floor set apart."""
        yield "arms", [row for row in self.rows if row["arm"] != UNTRAINED]
        yield "floor", [row for row in self.rows if row["arm"] == UNTRAINED]


@dataclass(frozen=True)
class Page:
    """Everything the template prints."""

    info: Mapping[str, Any]
    question: str
    name: str
    noun: str
    design: str
    facts: Sequence[tuple[str, str]]
    parts: Sequence[Part]
    samples: Samples | None
    crossed: Crossed | None
    judged: Sequence[Section]
    warnings: Sequence[str]
    audit: Sequence[provenance.Block]
    provenance: Sequence[provenance.Block]
    commands: Sequence[str]
    notes: Sequence[str]
    version: str
    matrix_title: str = MATRIX

    def matrix_note(self, matrix: LevelMatrix) -> str:
        """What is to be known to read the matrix of arms and levels."""
        return matrix_note(matrix, self.info)


def render(run: Outcome) -> str:
    """The page of one run folder, as HTML."""
    return environment().get_template("page.html.j2").render(page=page(run))


def page(run: Outcome) -> Page:
    """What the page of one run folder says."""
    parts = [_part(run, target) for target in run.targets]
    return Page(
        info=run.info,
        question=question(run.info),
        name=run.name,
        noun=_noun(run),
        design=_design(run),
        facts=_facts(parts[0]),
        parts=parts,
        samples=samples(run),
        crossed=crossed(run.rows, run.queries, run.info),
        judged=sections(run.judged),
        warnings=balance.warnings(run),
        audit=balance.audit(run),
        provenance=provenance.blocks(run),
        commands=commands(run),
        notes=notes(run.rows),
        version=__version__,
    )


def _part(run: Outcome, target: str) -> Part:
    rows, judged = run.rows_of(target), of(run.contrasts, target)
    results = of(run.results.to_pylist(), target)
    reference = next((row["reference"] for row in rows if row["reference"]), None)
    said = formatting.listed(caveats(rows, run.info))
    matrix = level_matrix(run.levels, run.info) if target == SELF else None
    return Part(
        where=target_phrase(target),
        suffix="" if target == run.targets[0] else f"-{run.targets.index(target) + 1}",
        rows=rows,
        verdict=run.verdict(target),
        reference=reference,
        caveat=f"{said[:1].upper()}{said[1:]}.",
        forests=list(_forests(findings(judged), results, run.info, reference or "the reference")),
        heat=None if matrix else plots.heat(run.queries, run.info, target),
        mismatch="" if matrix else mismatch_sentence(contrast(run.queries, run.info, target), _noun(run)),
        matrix=matrix,
        ladder=plots.ladder(rows, run.info),
        lists=lists(run, reference, target),
    )


def _forests(
    found: Sequence[Finding], results: Sequence[Row], info: Mapping[str, Any], reference: str
) -> Iterator[Plotted]:
    """The family of the headline with its random control, then those that are read beside it."""
    first = headline(found)
    beside = [one for one in found if one.family == "random images"]
    for chosen in (first, *([one for one in found if one.family == name] for name in BESIDE)):
        plot = plots.forest([*chosen, *(beside if chosen is first else [])], results, info) if chosen else None
        if plot:
            family = chosen[0].family
            against = against_phrase(family, reference, info)
            title = TITLES.get(family) or f"Against {against}"
            yield Plotted(title, _note(chosen), against, plot)


def _note(chosen: Sequence[Finding]) -> str:
    first = chosen[0]
    paired = "Difference of mAP, paired over the same queries and seeds."
    told = ASKED[first.family] if first.family in TITLES else paired
    over = f"the {first.size} contrasts of the family '{first.family}'{' and three estimands' if first.shared else ''}"
    together = f" Intervals are simultaneous over {over}."
    return told + (together if first.size > 1 else "")


def _noun(run: Outcome) -> str:
    return formatting.noun(run.info.get("attribute") or "level")


def _design(run: Outcome) -> str:
    """One sentence on what the arms share."""
    attribute = run.info.get("attribute")
    if run.info.get("design") == "declared":
        return "Arms were written out one by one; those that are not matched may differ in size and in everything else."
    if run.info.get("design") == "factorial":
        return (
            "Arms have one size, that of the most restricted, and the same people unless their number is a factor. "
            "All are tested on the same other people."
        )
    if attribute == "identity":
        return "Arms differ in how many people they hold; all are tested on the same other people."
    if not attribute:
        return "All arms are tested on the same queries."
    if attribute in identity_attributes():
        return (
            f"Arms hold equally many people under the same conditions, chosen by their {formatting.noun(attribute)}. "
            "They are different people, so other traits may differ along with it (see the balance below). "
            "All arms are tested on the same other people."
        )
    return (
        "Arms are matched: the same people, as many images of each, every other recorded condition alike; they differ "
        f"in the {formatting.noun(attribute)}. All are tested on the same other people."
    )


def _facts(part: Part) -> list[tuple[str, str]]:
    """The size of the experiment, in a handful of figures."""
    trained = [row for row in part.rows if row["arm"] != UNTRAINED] or list(part.rows)
    first = next((row for row in trained if row["arm"] == part.reference), trained[0])
    return [
        ("arms", formatting.whole(len(trained))),
        ("seeds each", formatting.whole(first["seeds"])),
        ("training people", formatting.whole(first["train_identities"])),
        ("images an arm", formatting.whole(first["train_images"])),
        ("queries", formatting.whole(first["queries"])),
        ("people searched for", formatting.whole(first["query_identities"])),
    ]


@cache
def environment() -> "jinja2.Environment":
    """Where templates are found, with names escaped and the filters they print figures with."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("gprplus.reporting"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["outcome"] = outcome
    environment.filters["points"] = formatting.points
    environment.filters["signed"] = formatting.signed
    environment.filters["whole"] = formatting.whole
    environment.filters["tick"] = formatting.tick
    environment.filters["interval"] = formatting.interval
    environment.filters["signed_interval"] = formatting.signed_interval
    return environment
