"""The number of examples of slow properties: few in a steady run, many in a hunt."""

from typing import Any

from hypothesis import settings


def examples(steady: int, **more: Any) -> settings:
    """Settings of a slow property with so many examples, ten times as many in a hunt."""
    count = steady if settings.default.derandomize else 10 * steady
    return settings(max_examples=count, deadline=None, **more)
