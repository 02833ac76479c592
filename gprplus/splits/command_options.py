"""The options of make-split that ask for a recorded request."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from gprplus.splits.request import DEALS

PLAIN = ("design", "where", "identities", "images_per_identity", "budget", "test_share", "missing", "min_retention")
LATER = ("draws", "deals", "reference", "apart_deg", "seed")
LISTED = ("levels", "generators")
SWITCHES = ("full", "cross", "removal")
REFUSALS = ("controls", "cross")  # switches that can be turned off by --no-NAME
DEFAULTS = {"test_share": 0.25, "missing": "drop-stratum", "min_retention": 0.1, "draws": 1, "seed": 0}
DEFAULTS["deals"] = DEALS
_PARTED = re.compile(r"[\s,]")  # what separates the items of a list on the command line


def command_options(request: Mapping[str, Any]) -> list[str] | None:
    """The words after `make-split` for the request of a split.json; None where the command line cannot spell it.

    >>> command_options({"attr": "weather", "levels": ["sunny", "foggy"], "seed": 3, "controls": False, "budget": None})
    ['--attr=weather', '--levels', 'sunny,foggy', '--deals', '1', '--seed', '3', '--no-controls']
    """
    attr = ",".join(request.get("factors") or ()) or request["attr"]
    words = [f"--attr={attr}"]
    for name in PLAIN:
        words += _option(name, request.get(name))
    for name in LISTED:
        items = list(map(str, request.get(name) or ()))
        if any(_PARTED.search(item) or not item for item in items):
            return None
        words += _option(name, ",".join(items) or None)
    for name in LATER:
        words += _option(name, request.get(name, 1 if name == "deals" else None))  # a record of one deal has no key
    words += [f"--{name}" for name in SWITCHES if request.get(name)]
    words += [f"--no-{name}" for name in REFUSALS if request.get(name) is False]
    for name, said in (request.get("coarsen") or {}).items():
        words += ["--coarsen", f"{name}={said}"]
    for name, levels in (request.get("restrict") or {}).items():
        if any("+" in str(level) for level in levels):
            return None
        words += ["--restrict", f"{name}={'+'.join(map(str, levels))}"]
    arms = [_arm(arm) for arm in request.get("arms") or ()]
    if None in arms:
        return None
    return [*words, *(word for arm in arms for word in ("--arm", str(arm)))]


def _option(name: str, value: Any) -> list[str]:
    """Nothing for what was not asked for or is the default."""
    if value is None or value == DEFAULTS.get(name):
        return []
    return [f"--{name.replace('_', '-')}", str(value)]


def _arm(arm: Mapping[str, Any]) -> str | None:
    """A declared arm as `--arm` takes it; None for one that counts its images by cells, or has such levels."""
    if arm.get("cells"):
        return None
    words = list(_parts(arm))
    if any(_PARTED.search(word) for word in words) or any(
        "+" in str(level) for levels in (arm.get("restrict") or {}).values() for level in levels
    ):
        return None
    return f"{arm['name']}: {' '.join(words)}".rstrip()


def _parts(arm: Mapping[str, Any]) -> Iterator[str]:
    for name, levels in (arm.get("restrict") or {}).items():
        yield f"{name}={'+'.join(map(str, levels))}"
    for name in ("identities", "images"):
        if arm.get(name) is not None:
            yield f"{name}={arm[name]}"
    if arm.get("matched"):
        yield "matched"
