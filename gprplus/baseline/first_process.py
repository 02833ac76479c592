"""Waiting for the first process of a group, which packs images and scores alone, for as long as it
lives.

A collective operation has a timeout of minutes, so the others must not wait in one while the first
works for hours. They wait here instead: the first process counts in the store of the group while it
lives, and announces each point that it has reached.
"""

import re
import threading
import time
from contextlib import suppress
from typing import Any

from torch import distributed

from gprplus.core.errors import TrainingError, escape

_BEAT_S = 5.0  # between two signs of life
_PATIENCE_S = 120.0  # without one
_POLL_S = 0.1
_SOURCE = re.compile(r"^\[.*?\] ")  # the line of code in a message of torch
_ALIVE, _POINT = "gprplus/alive", "gprplus/point/"


class FirstProcess:
    """The points that the first process has reached, in the store of the group."""

    def __init__(self, store: Any, *, is_first: bool) -> None:
        self._store, self._is_first, self._points = store, is_first, 0
        if is_first:
            threading.Thread(target=self._live, daemon=True).start()

    def reached(self) -> None:
        """Announce the next point, or wait until the first process has reached it. Raises
        TrainingError if it is lost."""
        key = f"{_POINT}{self._points}"
        self._points += 1
        try:
            if self._is_first:
                self._store.set(key, "1")
            else:
                self._wait(key)
        except distributed.DistError as error:
            raise lost_process(str(error)) from error

    def _live(self) -> None:
        # Ends with the store, whose process may end before this one.
        with suppress(Exception):
            while True:
                self._store.add(_ALIVE, 1)
                time.sleep(_BEAT_S)

    def _wait(self, key: str) -> None:
        beats, seen = 0, time.monotonic()
        while not self._store.check([key]):
            now = self._store.add(_ALIVE, 0)
            if now != beats:
                beats, seen = now, time.monotonic()
            if time.monotonic() - seen > _PATIENCE_S:
                raise lost_process(f"no sign of life from the first for {_PATIENCE_S:.0f} s")
            time.sleep(_POLL_S)


def lost_process(reason: str) -> TrainingError:
    """Return the error for a process of the group that does not answer.

    >>> print(lost_process("[gloo/pair.cc:5] Connection closed by peer. Check the logs."))
    Another process of torchrun was lost (Connection closed by peer). Start torchrun again on all \
nodes: the same command continues from the last checkpoint.
    """
    line = reason.strip().partition("\n")[0]
    first = escape(_SOURCE.sub("", line).partition(". ")[0].rstrip("."))
    return TrainingError(
        f"Another process of torchrun was lost ({first}). Start torchrun again on all nodes: the"
        " same command continues from the last checkpoint."
    )
