"""Kill every stage at its file-changing calls; the same command again ends with what an undisturbed
run makes.

In CI each stage is killed at three calls: the first, the last and one between; those that train at
two. `GPRPLUS_KILLS=N` kills each stage at N calls drawn by the seed of `GPRPLUS_FAULTS`;
`GPRPLUS_KILL_AT=CALL` at one.
"""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from engine_world.scene import SEQUENCES
from engine_world.tracks import write_mot
from harness.inputs import ENGINE
from harness.run import REPOSITORY, Runner
from harness.trees import described, differences
from harness.world import FRAMES, RUNS, SMALL_RENDER, SOLO, Case, Copy

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
NATIVE = ("build-manifest", "native", "-o", "out", "--workers", "1")
BUILD = ("build-manifest", ENGINE, "-o", "out", "--workers", "1")
FIXED_TIME = 1_700_000_000  # of the files that the native output of an engine is made of
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
    "build-native": Stage(NATIVE),
    "build-native-force": Stage((*NATIVE, "--every", "2", "--force"), (NATIVE,)),
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
    name: str, runner: Runner, copied: Callable[[], Case], tmp_path: Path
) -> None:
    stage = STAGES[name]
    copied = Copy(prepared(stage, runner, copied()), tmp_path / "case").renewed
    whole = copied()
    undisturbed = runner.run(*stage.argv, cwd=whole.room, program=stage.program)
    assert undisturbed.exit_code == 0, undisturbed.output
    expected = outcome(stage, whole.room)
    found: list[str] = []
    for at in points(undisturbed.calls, count=2 if "benchmark" in name else 3):
        found += complaints(stage, at, runner, copied(), expected)
    shutil.rmtree(tmp_path)
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
    """The copy of the world, in which the commands before the stage have run."""
    if "native" in stage.argv:
        write_mot(case.room / "native", SEQUENCES[:1])
        for path in (case.room / "native").rglob("*"):
            os.utime(path, (FIXED_TIME, FIXED_TIME))
    for argv in stage.before:
        assert runner.run(*argv, cwd=case.room).exit_code == 0
    return case


def outcome(stage: Stage, room: Path) -> dict[str, str]:
    """What a stage left; the times of crops that it cut itself are in two files of a manifest."""
    found = described(room)
    timed = ("out/scan.parquet", "out/manifest.json") if "native" in stage.argv else ()
    return {name: text for name, text in found.items() if name not in timed}


def complaints(
    stage: Stage, at: int, runner: Runner, case: Case, expected: dict[str, str]
) -> list[str]:
    """Kill the stage at one call, run it again, and name what is not as after an undisturbed
    run."""
    killed = runner.run(*stage.argv, cwd=case.room, program=stage.program, kill_at=at)
    again = runner.run(*stage.argv, cwd=case.room, program=stage.program)
    if killed.exit_code != -9:
        return [f"call {at}: not killed, exit code {killed.exit_code}: {killed.output[-300:]}"]
    if again.exit_code != 0:
        return [
            f"call {at}: the command again ends with exit code {again.exit_code}:"
            f" {again.output[-300:]}"
        ]
    return [f"call {at}: {line}" for line in differences(outcome(stage, case.room), expected)[:5]]
