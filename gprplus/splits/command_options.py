"""The options of make-split that give a recorded request."""

from collections.abc import Mapping
from typing import Any

from gprplus.core.commands import Word
from gprplus.core.errors import GprplusError
from gprplus.core.spelling import CannotSpell, spelled
from gprplus.splits.request import SplitRequest


def command_options(request: Mapping[str, Any]) -> list[Word] | None:
    """The words after `make-split` for the request of a split.json; None where the command line
    cannot give it.

    >>> command_options({"attr": "weather", "levels": ["sunny", "foggy"], "seed": 3, "controls": False, "budget": None})
    ['--attr=weather', '--levels', 'sunny,foggy', '--no-controls', '--deals', '1', '--seed', '3']
    """
    try:
        found = SplitRequest.from_record(request, "request")
        if found.where_uids is not None:
            return None
        attr = ",".join(found.factors) or found.attr
        return [f"--attr={attr}", *spelled(found, leave=("attr",))]
    except (CannotSpell, GprplusError):
        return None
