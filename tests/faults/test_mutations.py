"""Seeded mutations of every kind of input: one sentence or a result, and nothing touched that is
not the output.

`GPRPLUS_FAULTS=START:COUNT` runs COUNT cases whose numbers begin at START, as `make hunt` does with
numbers that were never tried; a case's number and its kind are all that decide what it does.
"""

import os
from collections.abc import Callable, Iterator
from random import Random

import pytest
from harness import records  # noqa: F401  its kinds register themselves
from harness.checks import allowed, complaints
from harness.inputs import KINDS
from harness.run import Runner
from harness.world import Case, snapshot

CASES_IN_CI = 500


def cases() -> Iterator[tuple[str, int]]:
    """(kind, number) of every case to run: the kinds take turns."""
    start, _, count = os.environ.get("GPRPLUS_FAULTS", f"0:{CASES_IN_CI}").partition(":")
    names = sorted(KINDS)
    for number in range(int(start), int(start) + int(count)):
        yield names[number % len(names)], number


@pytest.mark.parametrize(("kind", "number"), list(cases()))
def test_a_mutated_input_gives_a_result_or_one_sentence(
    kind: str, number: int, runner: Runner, copied: Callable[[], Case]
) -> None:
    case = copied()
    command = KINDS[kind](case, Random(f"{kind} {number}"))
    before = snapshot(case.folder, allowed(case, command))
    outcome = runner.run(*command.argv, cwd=case.room, program=command.program)
    found = complaints(case, command, outcome, before)
    again = f"GPRPLUS_FAULTS={number}:1 python -m pytest tests/faults/test_mutations.py"
    if found:
        pytest.fail("\n".join([f"To run this case alone: {again}", *found]), pytrace=False)
