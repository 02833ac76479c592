"""Two commands at once into one folder: each gives its result or one sentence, and the folder is
one command's."""

from collections.abc import Callable

import pytest
from harness.inputs import ENGINE
from harness.run import Runner
from harness.trees import described, differences
from harness.world import RUNS, SMALL_RENDER, SOLO, Case

ROUNDS = 2
FEW = (*SMALL_RENDER, "--weathers", "sunny", "--illuminations", "noon")
BUILD = ("build-manifest", ENGINE, "-o", "out", "--workers", "1")
SPLIT = ("make-split", "--attr=weather", "-o", "out")
EXPORT = ("export", "work/splits/weather", "-o", "out", "--arm", "mix", "--to")

Pair = tuple[tuple[str, ...], tuple[str, ...]]
PAIRS: dict[str, Pair] = {
    "render": (FEW, FEW),
    "other-render": (FEW, (*FEW, "--seed", "1")),
    "build": (BUILD, BUILD),
    "split": (SPLIT, SPLIT),
    "other-split": (SPLIT, (*SPLIT, "--seed", "1")),
    "forced-split": ((*SPLIT, "--force"), (*SPLIT, "--seed", "1", "--force")),
    "benchmark": ((*SOLO, "-o", "out"),) * 2,
    "report": (("report", RUNS, "-o", "out"),) * 2,
    "export": ((*EXPORT, "market1501"),) * 2,
    "other-export": ((*EXPORT, "market1501"), (*EXPORT, "webdataset")),
}


@pytest.mark.parametrize("name", PAIRS)
def test_two_commands_at_once_leave_the_result_of_one(
    name: str, runner: Runner, copied: Callable[[], Case]
) -> None:
    results = [alone(argv, runner, copied()) for argv in dict.fromkeys(PAIRS[name])]
    for _ in range(ROUNDS):
        case = copied()
        outcomes = runner.run_together(*PAIRS[name], cwd=case.room)
        for outcome in outcomes:
            assert outcome.exit_code in (0, 1), outcome.output
            assert "Traceback" not in outcome.output, outcome.output
            assert outcome.exit_code == 0 or outcome.output.count("Error: ") == 1, outcome.output
        assert 0 in [outcome.exit_code for outcome in outcomes], outcomes
        found = described(case.room)
        found_differences = [differences(found, result)[:5] for result in results]
        assert [] in found_differences, (
            found_differences,
            [outcome.output[-300:] for outcome in outcomes],
        )


def alone(argv: tuple[str, ...], runner: Runner, case: Case) -> dict[str, str]:
    """The folder after one command, undisturbed."""
    assert runner.run(*argv, cwd=case.room).exit_code == 0
    return described(case.room)
