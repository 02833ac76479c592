"""Parts of a GPU check that behave badly, for tests of the command that runs them."""

import os
import time

from benchmarks.gpu.part import PartContext


def works(context: PartContext) -> None:
    context.add("found", value=42)


def fails(context: PartContext) -> None:
    context.add("found", value="before the error")
    raise ValueError("the kernel | was wrong")


def has_a_bad_row(context: PartContext) -> None:
    context.row("found", lambda: {"quotient": 1 / 0}, size=1)
    context.row("found", lambda: {"quotient": 0.5}, size=2)
    context.row("found", lambda: {"quotient": 0.25}, needs=1e6, size=4)


def crashes(context: PartContext) -> None:
    os.abort()


def hangs(context: PartContext) -> None:
    context.add("found", value="before the hang")
    time.sleep(600)
