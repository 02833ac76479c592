"""What planning costs: counting holes, dealing a budget, a plan's files, methods and the optimizer.

The manifest has FineGPR's shape (benchmarks/splits.py), and the candidates are 36 viewpoints x 7
weathers x 7 hours x 6 places of the engine. Points of methods are random, in as many dimensions as
the histograms have; nothing is rendered.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import harness, splits
from benchmarks.ratios import Job, Ratio
from gprplus.core.parallel import available_cores
from gprplus.engine.options import RenderOptions
from gprplus.engine.places.outdoor import SCENES
from gprplus.engine.plans.planned_design import planned_render
from gprplus.engine.plans.render_plan import RenderPlan
from gprplus.experiments.construction.mixture_optimizer import TriedMixture, ask_mixtures
from gprplus.ingest import Manifest
from gprplus.planning.budget import RenderBudget
from gprplus.planning.cells import CandidateCells, candidate_cells
from gprplus.planning.evidence.holes import images_by_cell
from gprplus.planning.image_deal import deal_images, feasible_weights
from gprplus.planning.methods.descent import REDRAWS, probe_cells
from gprplus.planning.methods.from_evidence import fill_holes
from gprplus.planning.methods.matched import nearest_mixture
from gprplus.planning.methods.proposal import Proposal, mix_proposals, reason_of
from gprplus.planning.options import SpaceOptions
from gprplus.planning.probe import TARGET_IMAGES, TargetPoints
from gprplus.planning.write_plan import CellNotes, plan_of_images

BUDGET = RenderBudget(2000, 100)
WIDTH = 108  # dimensions of the points
PROBE = 12  # identities of a step of descent
PLACES = [*SCENES, "elsewhere"]  # nine, as many as the manifest has

EXPECTED = """
What was expected to move. At first, in processor seconds on two busy cores: counting holes 0.71, since the degrees of
every row became a text; dealing 3.7 in 640 MB, since the hash of every identity in every cell was kept; opening the
plan 1.7, since plan.json and plan.csv were both parsed and checked; opening it as blocks 3.5, twice in a `render
--plan`. Expected: 0.2 where distinct levels are compared, 1.2 without the hashes, 1.0 where only the text of plan.csv
is compared, and 1.8, once. The changes kept the bytes of plans.
The tables show the result; what is left of counting holes is the reading of the columns.
"""


def main() -> None:
    """Measure every job in a process of its own, then the commands, and keep."""
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        _alone("write", home)
        rows: list[list[object]] = []
        for name in JOBS:
            clock, processor, before, peak = _alone(name, home)
            times = [f"{clock:.2f}", f"{processor:.2f}"]
            rows.append([name, *times, f"{before:,.0f}", f"{peak:,.0f}"])
        commands: list[list[object]] = []
        for name, command in _commands(home).items():
            clock, processor, peak = splits.once(command)
            commands.append([name, f"{clock:.1f}", f"{processor:.1f}", f"{peak:,.0f}"])
        cells = len(_cells())
    headers = ["seconds", "processor seconds", "MB before", "MB at most"]
    images = splits.IDENTITIES * splits.VIEWS * splits.WEATHERS * splits.LIGHTS
    body = "\n\n".join(
        [
            f"{cells:,} cells, {images:,} rows, {BUDGET.total:,} images to plan.",
            harness.table(["job", *headers], rows),
            harness.table(["command, start included", *headers[:2], headers[3]], commands),
            f"{__doc__.strip()}\n{EXPECTED}",
            f"Load average meanwhile: {os.getloadavg()[1]:.1f} on {available_cores()} cores. Where that"
            " is more than the cores, processor seconds are the figure to compare.",
        ]
    )
    harness.keep("planning", "Planning for 10,000 cells and 2 million rows", body)


def _alone(name: str, home: Path) -> tuple[float, float, float, float]:
    """Run a job in a new process: seconds, processor seconds, and MB of memory before and at most."""
    with ProcessPoolExecutor(1, get_context("spawn")) as other:
        return other.submit(_measured, name, home).result()


def _measured(name: str, home: Path) -> tuple[float, float, float, float]:
    job = _written(home) if name == "write" else JOBS[name](home)
    before, processor, start = _memory("VmHWM"), time.process_time(), time.perf_counter()
    job()
    clock = time.perf_counter() - start
    return clock, time.process_time() - processor, before, _memory("VmHWM")


def _memory(key: str) -> float:
    """MB of this process by /proc, which unlike getrusage does not count the parent's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key)) / 1024


def _written(home: Path) -> Job:
    """Write the manifest and the plan that other jobs read."""

    def job() -> None:
        splits.write(home / "manifest", places=PLACES)
        _plan(_cells(), BUDGET).write(home / "plan")

    return job


def _commands(home: Path) -> dict[str, list[str]]:
    program = [sys.executable, "-m", "gprplus"]
    space = ["--viewpoints", "36", "--weathers", "all", "--illuminations", "all"]
    plan = str(home / "planned")
    manifest = ["--manifest", str(home / "manifest"), "--method", "holes"]
    return {
        "plan-renders --method holes": [
            *[*program, "plan-renders", *manifest, "--budget", str(BUDGET)],
            *[*space, "--backgrounds", "6", "-o", plan],
        ],
        "render --plan --dry-run": [*program, "render", "--plan", plan, "--dry-run"],
    }


def _cells() -> CandidateCells:
    """36 x 7 x 7 x 6 = 10,584 cells."""
    space = SpaceOptions(viewpoints=36, weathers=("all",), illuminations=("all",), backgrounds=6)
    return candidate_cells(space, None)


def _weights(cells: CandidateCells, seed: int = 0) -> np.ndarray:
    """Uneven weights of cells, `(C,)`."""
    drawn: np.ndarray = np.random.default_rng(seed).gamma(1.0, size=len(cells))
    return drawn / drawn.sum()


def _plan(cells: CandidateCells, budget: RenderBudget) -> RenderPlan:
    return _made(cells, *_dealt(cells, budget))


def _dealt(cells: CandidateCells, budget: RenderBudget) -> tuple[np.ndarray, Proposal]:
    proposal = Proposal("matched", _weights(cells))
    weights = feasible_weights(proposal.weights, cells, budget, 0.5)
    return deal_images(weights, budget.identities, budget.images, 0), proposal


def _made(cells: CandidateCells, dealt: np.ndarray, proposal: Proposal) -> RenderPlan:
    names = [f"{i:04d}" for i in range(1, len(dealt) + 1)]
    reasons = partial(reason_of, proposal, cells, cells.level_shares(proposal.weights))
    notes = CellNotes(proposal.weights, None, reasons)
    return plan_of_images("benchmark", cells, dealt, names, notes=notes)


def _counted(home: Path) -> Job:
    manifest, cells = Manifest.open(home / "manifest"), _cells()
    return lambda: fill_holes(images_by_cell(manifest, cells), BUDGET.total)


def _counted_barely(home: Path) -> Job:
    """Read the columns, and count the codes that they have in the file."""
    names = ["identity", "viewpoint_deg", "weather", "illumination", "background"]

    def job() -> None:
        table = pq.read_table(home / "manifest" / "images.parquet", columns=names)
        table = table.unify_dictionaries().combine_chunks()
        number = np.asarray(table.column("viewpoint_deg")) // 10
        for name in names[2:]:
            codes = table.column(name).chunk(0).indices
            number = number * 9 + np.asarray(codes)
        np.bincount(number[np.asarray(table.column("identity").is_valid())], minlength=36 * 9**3)

    return job


def _dealing(_: Path | None, budget: RenderBudget = BUDGET) -> Job:
    cells = _cells()
    return lambda: _dealt(cells, budget)


def _drawing(_: Path | None, budget: RenderBudget = BUDGET) -> Job:
    """Draw cells for each identity by weight, which meets the counts of cells by chance alone."""
    chances = np.log(_weights(_cells()))

    def job() -> None:
        rng = np.random.default_rng(0)
        for _ in range(budget.identities):
            np.argpartition(-chances - rng.gumbel(size=len(chances)), budget.images)

    return job


def _making(_: Path) -> Job:
    cells = _cells()
    dealt, proposal = _dealt(cells, BUDGET)
    return lambda: _made(cells, dealt, proposal)


def _writing(home: Path) -> Job:
    plan = _plan(_cells(), BUDGET)
    return lambda: plan.write(home / "again")


def _opening(home: Path) -> Job:
    return lambda: RenderPlan.open(home / "plan")


def _blocks(home: Path) -> Job:
    return lambda: planned_render(RenderOptions(plan=home / "plan"))


def _files(home: Path, budget: RenderBudget = BUDGET) -> Job:
    """Make, write and open a plan."""
    cells = _cells()
    dealt, proposal = _dealt(cells, budget)

    def job() -> None:
        _made(cells, dealt, proposal).write(home / "files")
        RenderPlan.open(home / "files")

    return job


def _bare_files(home: Path, budget: RenderBudget = BUDGET) -> Job:
    """Write the rows of a plan as JSON and as Parquet, and read the JSON."""
    table = _plan(_cells(), budget).cells
    rows, path = table.to_pylist(), home / "bare.json"

    def job() -> None:
        path.write_text(json.dumps(rows))
        pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), home / "bare.parquet")
        json.loads(path.read_text())

    return job


def _reasons(_: Path) -> Job:
    cells = _cells()
    proposal = Proposal("matched", _weights(cells))
    shares = cells.level_shares(proposal.weights)
    return lambda: [reason_of(proposal, cells, shares, i) for i in range(len(cells))]


def _points(people: int, cells: int) -> tuple[np.ndarray, TargetPoints]:
    """Points of identities in cells, `(P, C, D)`, and of a target."""
    rng = np.random.default_rng(0)
    moved = rng.normal(size=(people, 1, WIDTH)) + rng.normal(size=(1, cells, WIDTH))
    target = rng.normal(size=(TARGET_IMAGES, WIDTH))
    source = moved + rng.normal(size=(people, cells, WIDTH))
    return source, TargetPoints(source, target, np.arange(TARGET_IMAGES) // 6)


def _matched(_: Path | None, cells: int = 300) -> Job:
    source, target = _points(10, cells)
    return lambda: nearest_mixture(source, target)


def _kernels(_: Path | None, cells: int = 300) -> Job:
    """The matrix of kernels between all images alone."""
    source, target = _points(10, cells)
    flat = np.vstack([source.reshape(-1, WIDTH), target.images]).astype(np.float32)

    def job() -> None:
        squares = np.einsum("nd,nd->n", flat, flat)
        apart = squares[:, None] + squares[None, :] - 2 * flat @ flat.T
        np.exp(apart / -(2.0 * WIDTH), out=apart)

    return job


def _descended(_: Path) -> Job:
    """A step for the 36 viewpoints, without its renders."""
    cells = _cells()
    source, target = _points(PROBE, 36)
    even = {name: np.full(len(each), 1 / len(each)) for name, each in cells.levels.items()}

    def job() -> None:
        rng = np.random.default_rng(0)
        probe_cells(cells, "viewpoint_deg", even, PROBE, rng)
        nearest_mixture(source, target, rng, REDRAWS)

    return job


def _asked(_: Path) -> Job:
    names, rng = ["uniform", "matched", "descent", "failures"], np.random.default_rng(0)

    def tried() -> TriedMixture:
        drawn = rng.dirichlet(np.ones(len(names))).tolist()
        return TriedMixture(dict(zip(names, drawn, strict=True)), rng.uniform(0.2, 0.4))

    rounds = [[tried() for _ in range(6)] for _ in range(3)]
    return lambda: ask_mixtures(names, 6, rounds, 0)


def _mixed(_: Path) -> Job:
    proposals = [Proposal(f"method {k}", _weights(_cells(), k)) for k in range(4)]
    return lambda: mix_proposals(proposals, [0.4, 0.3, 0.2, 0.1])


JOBS: dict[str, Callable[[Path], Job]] = {
    "`holes`: count 2,028,600 rows by cell": _counted,
    "floor: read the columns and bincount": _counted_barely,
    "deal 2,000 x 100 images": _dealing,
    "floor: draw 100 cells of each identity by weight": _drawing,
    "make the plan, with reasons": _making,
    "of these, the reasons": _reasons,
    "write the plan": _writing,
    "open the plan": _opening,
    "open it as blocks of the engine": _blocks,
    "floor: rows to JSON and Parquet and back": _bare_files,
    "`matched`: 10 identities x 300 cells": _matched,
    "floor: kernels between these images": _kernels,
    "`matched`: 10 identities x 1,000 cells": partial(_matched, cells=1000),
    "`descent`: a step of 36 levels, without renders": _descended,
    "ask 6 mixtures of 4 methods after 3 rounds": _asked,
    "mix 4 proposals": _mixed,
}


def ratios(scratch: Path, identities: int = 115, people: int = 400) -> list[Ratio]:
    """Jobs over what they cannot do without, at a tenth of the rows and a fifth of the images."""
    splits.write(scratch / "manifest", identities, PLACES)
    budget = RenderBudget(people, BUDGET.images)
    return [
        Ratio("planning: count holes / bincount", _counted(scratch), _counted_barely(scratch)),
        Ratio("planning: deal / draw by weight", _dealing(None, budget), _drawing(None, budget)),
        Ratio(
            "planning: plan files / bare files",
            _files(scratch, budget),
            _bare_files(scratch, budget),
        ),
        Ratio("planning: matched / kernels", _matched(None), _kernels(None)),
    ]


if __name__ == "__main__":
    main()
