"""Print the oldest version of each requirement in setup.cfg as a constraint for pip.

`make test-oldest` installs these versions and runs the tests with them.
"""

import re
from configparser import RawConfigParser
from pathlib import Path

SETUP = Path(__file__).resolve().parent.parent / "setup.cfg"
REQUIREMENT = re.compile(r"([\w-]+)(?:\[\w+\])?>=([\w.]+)")


def lower_bounds(text: str) -> list[str]:
    """Return `NAME==VERSION` for all requirements of a setup.cfg, its extras included.

    Raises:
        ValueError: A requirement is not of the form `NAME>=VERSION`, or has two lower bounds.
    """
    config = RawConfigParser()
    config.read_string(text)
    lists = [config["options"]["install_requires"], *config["options.extras_require"].values()]
    found: dict[str, str] = {}
    for line in "\n".join(lists).split():
        match = REQUIREMENT.fullmatch(line)
        if not match:
            raise ValueError(f"setup.cfg: expected NAME>=VERSION, found {line!r}.")
        name, version = match.groups()
        if found.setdefault(name, version) != version:
            raise ValueError(f"setup.cfg: {name} has the lower bounds {found[name]} and {version}.")
    return [f"{name}=={version}" for name, version in found.items()]


if __name__ == "__main__":
    print("\n".join(lower_bounds(SETUP.read_text(encoding="utf-8"))))
