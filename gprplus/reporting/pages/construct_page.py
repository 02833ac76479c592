"""Page of a construction: what its test showed, the path of its rounds, and the sets of the test."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gprplus import __version__
from gprplus.reporting import formatting
from gprplus.reporting.figures import plots
from gprplus.reporting.figures.path_plot import PathPlot, build_path_plot, mixture_text
from gprplus.reporting.figures.round_samples import draw_round_samples
from gprplus.reporting.figures.samples import SampleImage, median_aspect
from gprplus.reporting.figures.share_table import ShareTable, build_share_table
from gprplus.reporting.pages.construct_notes import (
    construct_warnings,
    cost_facts,
    half_facts,
    score_lines,
    test_sentence,
)
from gprplus.reporting.pages.page_warnings import PageWarning
from gprplus.reporting.pages.template_environment import template_environment
from gprplus.reporting.printed_commands import start_shell
from gprplus.reporting.provenance import Block, flatten_record
from gprplus.reporting.run_results import RunResults
from gprplus.reporting.sections.table_section import TableSection
from gprplus.schema.construct_record import ConstructRecord, PathRecord

OUTCOMES = {"better": "gain", "worse": "loss", "equivalent": "same"}


@dataclass(frozen=True)
class RoundPart:
    """A round in words and figures: what the kept trial added, why, and what it brought.

    `change` is the difference of its validation mAP to that of the round before, None in the first;
    `rendered` counts the images drawn for all of its trials.
    """

    name: str
    added: int
    images: int
    mixture: str
    reasons: Sequence[str]
    rendered: int
    score: float
    change: float | None
    optimism: float
    samples: Sequence[SampleImage]


@dataclass(frozen=True)
class PathPart:
    """The path towards one target: its plot, its rounds, and the shares of levels they added."""

    target: str
    plot: PathPlot
    rounds: Sequence[RoundPart]
    shares: ShareTable
    trials: TableSection

    @property
    def aspect(self) -> float:
        """Width over height of every sample image."""
        return median_aspect(picture for one in self.rounds for picture in one.samples)


@dataclass(frozen=True)
class TestedSet:
    """A set of the test: what it is, its number of cells and images, its mAP with its interval, 0-1,
    and the gain of the constructed set over it, None for that set itself."""

    name: str
    meaning: str
    cells: int
    images: int
    score: float
    low: float | None
    high: float | None
    gain: float | None
    gain_low: float | None
    gain_high: float | None
    outcome: str


@dataclass(frozen=True)
class ConstructPage:
    """All values of the template."""

    question: str
    name: str
    verdict: str
    support: str
    warnings: Sequence[PageWarning]
    facts: Sequence[tuple[str, str]]
    gains: plots.ForestPlot | None
    bare: Sequence[TestedSet]
    paths: Sequence[PathPart]
    scores: Sequence[tuple[str, float, str]]
    sets: Sequence[TestedSet]
    untrained: float | None
    shares: ShareTable
    report: str
    cost: Sequence[tuple[str, str]]
    commands: Sequence[str]
    provenance: Sequence[Block]
    version: str = __version__
    kind: str = "gprplus construction"

    @property
    def contents(self) -> Iterator[tuple[str, str]]:
        """The sections of the page by the name of their anchor."""
        yield "answer", "Answer"
        yield "path", "Path"
        yield "validation", "Validation and test"
        yield "sets", "Sets"
        if self.paths[1:]:
            yield "other", "Other target"
        yield "cost", "Cost"
        if self.commands:
            yield "again", "Run it again"
        yield "provenance", "Provenance"


def render_construct(
    record: ConstructRecord, run: RunResults, home: Path, added: Sequence[np.ndarray] = ()
) -> str:
    """Return the page of a construction as HTML.

    Args:
        record: construct.json.
        run: runs of its test.
        home: folder of the construction, which the paths of the record are relative to.
        added: uids `(N,) uint64` of the images that each round towards the target added; none: the
            page has no sample images.
    """
    page = build_construct_page(record, run, home, added)
    return template_environment().get_template("construct.html.j2").render(page=page)


def build_construct_page(
    record: ConstructRecord, run: RunResults, home: Path, added: Sequence[np.ndarray] = ()
) -> ConstructPage:
    """Collect the content of the page of a construction."""
    samples = draw_round_samples(home / record.pool, added)
    sets = tested_sets(record, run)
    untrained = record.mAP.get("untrained")
    return ConstructPage(
        question=record.question,
        name=record.name,
        verdict=record.verdict,
        support=test_sentence(record, run),
        warnings=construct_warnings(record, run),
        facts=_facts(record),
        gains=_gains(record, run),
        bare=[one for one in sets if one.gain is not None and one.gain_low is None],
        paths=[
            _path_part(path, () if number else samples) for number, path in enumerate(record.paths)
        ],
        scores=score_lines(record, run),
        sets=sets,
        untrained=untrained,
        shares=build_share_table({name: one.levels for name, one in record.arms.items()}),
        report=record.report,
        cost=cost_facts(record),
        commands=[*start_shell(), record.command] if record.command else [],
        provenance=[
            ("Halves of the targets", half_facts(record)),
            ("Request", list(flatten_record(record.request))),
            ("Versions", list(flatten_record(record.versions))),
        ],
    )


def _facts(record: ConstructRecord) -> list[tuple[str, str]]:
    path = record.paths[0]
    size = f"{record.identities:,} × {record.images_each:,}"
    return [
        ("identities × images", size),
        ("candidate cells", formatting.format_count(record.cells)),
        (_noun(len(path.rounds), "round"), formatting.format_count(len(path.rounds))),
        (f"{_noun(path.looks, 'look')} at the validation half", f"{path.looks:,}"),
        (f"{_noun(record.test_looks, 'look')} at the test half", f"{record.test_looks:,}"),
        (f"{_noun(record.seeds, 'seed')} of the test", f"{record.seeds:,}"),
    ]


def _noun(number: int, noun: str) -> str:
    return noun if number == 1 else f"{noun}s"


def _gains(record: ConstructRecord, run: RunResults) -> plots.ForestPlot | None:
    """The gain over each control that has an interval, with that of each seed."""
    target, own = record.paths[0].target, run.split.reference
    scores = {
        (row["arm"], row["seed"]): row["mAP"]
        for row in run.results.to_pylist()
        if row["target"] == target
    }
    seeds = sorted({seed for arm, seed in scores if arm == own})
    effects = tuple(
        plots.EffectMark(
            one.control,
            one.control,
            OUTCOMES.get(one.verdict, "unclear"),
            one.gain,
            one.low,
            one.high,
            tuple(
                scores[own, seed] - scores[one.control, seed]
                for seed in seeds
                if own is not None and (one.control, seed) in scores
            ),
            False,
        )
        for one in record.comparisons
        if one.low is not None and one.high is not None
    )
    if not effects:
        return None
    values = [value for one in effects for value in (one.low, one.high, *one.seeds)]
    return plots.ForestPlot(plots.plot_axis([0.0, *values]), effects, False)


def _path_part(path: PathRecord, samples: Sequence[Sequence[SampleImage]]) -> PathPart:
    rounds, before, images = [], None, 0
    for number, one in enumerate(path.rounds):
        kept = one.trials[one.kept]
        rounds.append(
            RoundPart(
                name=f"Round {number + 1}",
                added=one.images - images,
                images=one.images,
                mixture=mixture_text(kept.shares),
                reasons=kept.reasons,
                rendered=sum(trial.rendered for trial in one.trials),
                score=kept.mAP,
                change=None if before is None else kept.mAP - before,
                optimism=one.optimism,
                samples=samples[number] if number < len(samples) else (),
            )
        )
        before, images = kept.mAP, one.images
    added = {
        part.name: one.trials[one.kept].levels
        for part, one in zip(rounds, path.rounds, strict=True)
    }
    plot = build_path_plot(path)
    return PathPart(path.target, plot, rounds, build_share_table(added), _trial_table(path))


def _trial_table(path: PathRecord) -> TableSection:
    rows = [
        [
            f"round {number}, trial {place + 1}{', kept' if place == one.kept else ''}",
            mixture_text(trial.shares),
            formatting.format_count(trial.rendered),
            formatting.format_points(trial.mAP),
        ]
        for number, one in enumerate(path.rounds, start=1)
        for place, trial in enumerate(one.trials)
    ]
    headers = ["trial", "mixture", "rendered", "validation mAP"]
    return TableSection("All trials as a table", "", headers, rows, "trials", path.target)


def tested_sets(record: ConstructRecord, run: RunResults) -> list[TestedSet]:
    """Return the sets of the test with their scores and the gains of the constructed set."""
    rows = {row["arm"]: row for row in run.rows_of(record.paths[0].target)}
    gains = {one.control: one for one in record.comparisons}
    found = []
    for name, arm in record.arms.items():
        row, gain = rows.get(name, {}), gains.get(name)
        found.append(
            TestedSet(
                name=name,
                meaning=arm.meaning,
                cells=arm.cells,
                images=max((sum(one.values()) for one in arm.levels.values()), default=0),
                score=record.mAP[name],
                low=row.get("mAP_low"),
                high=row.get("mAP_high"),
                gain=gain.gain if gain else None,
                gain_low=gain.low if gain else None,
                gain_high=gain.high if gain else None,
                outcome=OUTCOMES.get(gain.verdict, "unclear") if gain else "",
            )
        )
    return found
