"""Past one machine: one section a topic, each a module of benchmarks/scales.

    python -m benchmarks scale                                all sections
    python -m benchmarks.scale object-storage ...             some; the others stay in the page

A section is a function without arguments that returns Markdown.
"""

import re
import sys
from importlib import import_module
from pathlib import Path

from benchmarks.harness import RESULTS, machine
from gprplus.core.files.workdir import write_text

PAGE = RESULTS / "scale.md"
TITLE = "Past one machine"
# Section -> its title; the section `object-storage` is benchmarks.scales.object_storage.measure.
SECTIONS = {
    "object-storage": "Object storage",
    "rows": "Rows of a manifest",
    "ray": "Ray over local processes",
}


def main(*names: str) -> None:
    """Measure some sections, or all, and keep the page."""
    for name in names or SECTIONS:
        if name not in SECTIONS:
            sys.exit(f"There is no section called '{name}'. Known: {', '.join(SECTIONS)}.")
        module = import_module(f"benchmarks.scales.{name.replace('-', '_')}")
        command = f"python -m benchmarks.scale {name}"
        keep_section(name, f"{module.measure()}\n\nMeasured with `{command}` on {machine()}.")


def keep_section(name: str, body: str, page: Path = PAGE) -> None:
    """Print a section, and put it into the page in the place of the earlier one."""
    known = sections(page.read_text(encoding="utf-8")) if page.exists() else {}
    known[SECTIONS[name]] = body.strip()
    parts = [f"## {title}\n\n{known[title]}" for title in SECTIONS.values() if title in known]
    write_text(page, "\n\n".join([f"# {TITLE}", *parts]) + "\n")
    print(f"## {SECTIONS[name]}\n\n{body}\n")


def sections(text: str) -> dict[str, str]:
    """The sections of a page by title."""
    found = re.split(r"^## (.+)$", text, flags=re.MULTILINE)[1:]
    return {title: body.strip() for title, body in zip(found[::2], found[1::2], strict=True)}


if __name__ == "__main__":
    main(*sys.argv[1:])
