"""Kill every stage at its file-changing calls; the same command again ends with what an undisturbed
run makes.

In CI each stage is killed at four calls: the first, the last and two between; those that train at
three. `GPRPLUS_KILLS=N` kills each stage at N calls drawn by the seed of `GPRPLUS_FAULTS`;
`GPRPLUS_KILL_AT=CALL` at one.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from harness.inputs import ENGINE
from harness.run import REPOSITORY, Runner
from harness.trees import described, differences
from harness.world import FRAMES, RUNS, SMALL_RENDER, SOLO, Case

FEW = (*SMALL_RENDER, "--weathers", "sunny", "--illuminations", "noon")
SMALL_FRAMES = (
    *FRAMES,
    "--size",
    "320x180",
    "--meetings",
    "1",
    "--viewpoints",
    "1",
    "--masks",
    "-o",
    "out",
)
CROPS = (
    "work/frames/engine",
    "--coco",
    "work/frames/engine/_annotations/person_keypoints.json",
    "--min-size",
    "2x2",
)
BUILD = ("build-manifest", ENGINE, "-o", "out", "--workers", "1")
SPLIT = ("make-split", "--attr=weather", "-o", "out")
EXPORT = ("export", "work/splits/weather", "-o", "out", "--to")


@dataclass(frozen=True)
class Stage:
    """A command, and the commands that come before it."""

    argv: tuple[str, ...]
    before: tuple[tuple[str, ...], ...] = ()
    program: Path | None = None


STAGES = {
    "render": Stage(FEW),
    "render-frames": Stage(SMALL_FRAMES),
    "render-force": Stage((*FEW, "--seed", "1", "--force"), (FEW,)),
    "crops": Stage((*CROPS, "-o", "out"), program=REPOSITORY / "tools" / "frames_to_crops.py"),
    "build": Stage(BUILD),
    "build-checks": Stage((*BUILD, "--checks", "all"), (BUILD,)),
    "build-force": Stage((*BUILD, "--verify", "decode", "--force"), (BUILD,)),
    "split": Stage(SPLIT),
    "split-force": Stage((*SPLIT, "--seed", "1", "--force"), (SPLIT,)),
    "benchmark": Stage((*SOLO, "-o", "out")),
    "benchmark-force": Stage((*SOLO, "-o", "out", "--force"), ((*SOLO, "-o", "out"),)),
    "report": Stage(("report", RUNS, "-o", "out")),
    "export-market1501": Stage((*EXPORT, "market1501", "--arm", "mix")),
    "export-imagefolder": Stage((*EXPORT, "imagefolder", "--arm", "mix")),
    "export-webdataset": Stage((*EXPORT, "webdataset", "--arm", "mix", "--shard-size", "6")),
    "export-force": Stage(
        (*EXPORT, "parquet", "--arm", "mix", "--force"), ((*EXPORT, "market1501", "--arm", "mix"),)
    ),
}


@pytest.mark.parametrize("name", STAGES)
def test_a_killed_command_ends_the_same_when_it_is_run_again(
    name: str, runner: Runner, copied: Callable[[], Case]
) -> None:
    stage = STAGES[name]
    whole = prepared(stage, runner, copied())
    undisturbed = runner.run(*stage.argv, cwd=whole.room, program=stage.program)
    assert undisturbed.exit_code == 0, undisturbed.output
    expected = described(whole.room)
    found: list[str] = []
    for at in points(undisturbed.calls, count=3 if "benchmark" in name else 4):
        found += complaints(stage, at, runner, copied(), expected)
    if found:
        again = f"GPRPLUS_KILL_AT=CALL python -m pytest tests/faults/test_kills.py -k '{name}]'"
        found.insert(
            0, f"The stage makes {undisturbed.calls} calls. To kill it at one of them: {again}"
        )
        pytest.fail("\n".join(found), pytrace=False)


def points(calls: int, count: int) -> list[int]:
    """The numbers of the calls to kill at: `count` of them in CI."""
    if one := os.environ.get("GPRPLUS_KILL_AT"):
        return [int(one)]
    if more := int(os.environ.get("GPRPLUS_KILLS", "0")):
        seed = os.environ.get("GPRPLUS_FAULTS", "")
        return sorted(Random(seed).sample(range(1, calls + 1), min(more, calls)))
    return sorted({1 + round(i * (calls - 1) / (count - 1)) for i in range(count)})


def prepared(stage: Stage, runner: Runner, case: Case) -> Case:
    """A copy of the world in which the commands before the stage have run."""
    for argv in stage.before:
        assert runner.run(*argv, cwd=case.room).exit_code == 0
    return case


def complaints(
    stage: Stage, at: int, runner: Runner, case: Case, expected: dict[str, str]
) -> list[str]:
    """Kill the stage at one call, run it again, and name what is not as after an undisturbed
    run."""
    prepared(stage, runner, case)
    killed = runner.run(*stage.argv, cwd=case.room, program=stage.program, kill_at=at)
    again = runner.run(*stage.argv, cwd=case.room, program=stage.program)
    if killed.exit_code != -9:
        return [f"call {at}: not killed, exit code {killed.exit_code}: {killed.output[-300:]}"]
    if again.exit_code != 0:
        return [
            f"call {at}: the command again ends with exit code {again.exit_code}:"
            f" {again.output[-300:]}"
        ]
    return [f"call {at}: {line}" for line in differences(described(case.room), expected)[:5]]
