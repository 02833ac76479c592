"""`gprplus demo`: the whole way once, small enough to watch."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from gprplus.cli import console, options
from gprplus.cli.click_options import click_options
from gprplus.cli.show.first_seed import print_first_scores
from gprplus.cli.topics import TopicCommand
from gprplus.core.parallel import Progress
from gprplus.core.progress import progress_bar
from gprplus.engine.options import RenderOptions

# Small on purpose: two cores draw and ingest it in a minute and train it in a few. The split is the
# same as that of the default commands, with a third of their renders.
IDENTITIES = 32
VIEWPOINTS = 6
ILLUMINATIONS = ["noon", "night"]
SEEDS = 3  # what `quick` takes anyway; on a GPU `fast` would take five


@click.command("demo", cls=TopicCommand)
@options.work_option
@click_options(RenderOptions, only=["device", "workers"])
@options.json_option
def command(work: Path, device: str, workers: int | None, as_json: bool) -> None:
    """Run all steps on a small example.

    Renders identities in seven weathers at noon and at night, builds a manifest of the renders and
    a controlled split over weather, trains and scores every arm, and reports the effect of weather.
    Output goes to WORK/demo; the same command continues after an interruption.

    \b
    Example:
      gprplus demo
    """
    from gprplus.cli.benchmark import as_data, print_results
    from gprplus.engine import render
    from gprplus.experiments.run_benchmark import benchmark
    from gprplus.ingest import build_manifest
    from gprplus.splits import make_split

    home = work / "demo"
    renders, manifest, split = (
        home / "renders" / "engine",
        home / "manifest",
        home / "splits" / "weather",
    )
    drawn = (
        f"--identities {IDENTITIES} --viewpoints {VIEWPOINTS} --illuminations"
        f" {','.join(ILLUMINATIONS)}"
    )

    with run_step(f"gprplus render {drawn} --work {home}", "images") as progress:
        render(
            renders,
            identities=IDENTITIES,
            viewpoints=VIEWPOINTS,
            illuminations=ILLUMINATIONS,
            device=device,
            workers=workers,
            progress=progress,
        )
    with run_step(f"gprplus build-manifest --work {home}", "files") as progress:
        build_manifest([renders], manifest, workers=workers, progress=progress)
    with run_step(f"gprplus make-split --attr=weather --work {home}", "split"):
        make_split(manifest, "weather", output=split)
    with run_step(f"gprplus benchmark --seeds {SEEDS} --work {home}", "steps") as progress:
        outcome = benchmark(
            [split],
            home / "runs",
            seeds=SEEDS,
            device=device,
            progress=progress,
            on_first_seed=print_first_scores,
        )
    if as_json:
        console.print_json(as_data(outcome))
    else:
        print_results(outcome)


@contextmanager
def run_step(line: str, counted: str) -> Iterator[Progress]:
    """Print a step as its command, with a progress bar and its duration."""
    console.print_note(f"$ {line}")
    start = time.perf_counter()
    with progress_bar(counted) as progress:
        yield progress
    console.print_note(f"  {time.perf_counter() - start:.0f} s")
