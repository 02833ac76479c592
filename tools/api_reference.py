"""The page docs/api.md, from the signatures and docstrings of the public names: `python
tools/refresh_docs.py`."""

import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import MISSING
from functools import cached_property
from importlib import import_module
from typing import Any, get_overloads

import gprplus

MADE = "This page is made by `python tools/refresh_docs.py`."
API = {
    "Images": ("render", "build_manifest", "inspect", "Manifest", "ManifestTable"),
    "Splits": ("make_split", "Split", "Arm", "ReidDataset", "IdentityBatchSampler"),
    "Training and scores": (
        "benchmark",
        "BenchmarkResult",
        "BenchmarkCost",
        "Recipe",
        "score",
        "Scores",
        "PerQuery",
    ),
    "Distance to a target": ("analyze",),
    "Studies": ("study", "StudyResult"),
    "Results": ("report", "export"),
}
RETURNED = {  # classes that are no names of gprplus itself: what its functions and classes return
    "ManifestTable": "gprplus.ingest.tables.manifest_table",
    "ReidDataset": "gprplus.baseline.reid_dataset",
    "IdentityBatchSampler": "gprplus.baseline.reid_dataset",
    "BenchmarkCost": "gprplus.experiments.benchmark_result",
    "PerQuery": "gprplus.evaluation",
}
_SECTIONS = ("Args", "Attributes", "Returns", "Raises", "Yields")
_ENTRY = re.compile(r"(\*{0,2}[\w, ]+?)(?: \([^)]*\))?: (.+)")


def api() -> str:
    """The public functions and classes, in the order of the work."""
    parts = ["# API reference", MADE]
    parts.append(
        "`import gprplus as gpr` gives these names; classes without `gpr.` are what they return."
        " [library.md](library.md) shows them at work, and [notebook.ipynb](notebook.ipynb) goes"
        " from renders to a figure."
    )
    for topic, names in API.items():
        parts.append(f"## {topic}")
        for name in names:
            home = RETURNED.get(name)
            found = getattr(import_module(home), name) if home else getattr(gprplus, name)
            parts += (
                class_entry(found)
                if isinstance(found, type)
                else function_entry(f"gpr.{name}", found, "###")
            )
    return "\n\n".join(parts) + "\n"


def function_entry(name: str, function: Callable[..., Any], level: str) -> list[str]:
    """A function's signature, or those of its overloads, and its docstring."""
    forms = get_overloads(function) or [function]
    return [f"{level} {name}", *(signature(name, form) for form in forms), described(function)]


def class_entry(found: type) -> list[str]:
    """A class: its docstring, then its public members in the order of the source."""
    prefix = "" if found.__name__ in RETURNED else "gpr."
    parts = [f"### {prefix}{found.__name__}", described(found)]
    for name, member in vars(found).items():
        function = member.__func__ if isinstance(member, classmethod | staticmethod) else member
        if isinstance(member, property | cached_property):
            parts += [f"#### {found.__name__}.{name}", described(member)]
        elif not name.startswith("_") and inspect.isfunction(function):
            parts += function_entry(f"{found.__name__}.{name}", function, "####")
    return parts


def signature(name: str, function: Callable[..., Any]) -> str:
    """A signature as a block of code, one argument a line where it is long."""
    found = inspect.signature(function)
    shown: list[str] = []
    starred = False
    for one in found.parameters.values():
        if one.name in ("self", "cls"):
            continue
        if one.kind is one.KEYWORD_ONLY and not starred:
            shown.append("*")
        starred = starred or one.kind in (one.KEYWORD_ONLY, one.VAR_POSITIONAL)
        shown.append(argument(one))
    returns = (
        ""
        if found.return_annotation is found.empty
        else f" -> {annotation(found.return_annotation)}"
    )
    line = f"{name}({', '.join(shown)}){returns}"
    if len(line) > 100:
        line = f"{name}(\n    " + ",\n    ".join(shown) + f",\n){returns}"
    return f"```python\n{line}\n```"


def argument(one: inspect.Parameter) -> str:
    """One argument with its type and default."""
    marks: dict[object, str] = {one.VAR_POSITIONAL: "*", one.VAR_KEYWORD: "**"}
    stars = marks.get(one.kind, "")
    kind = "" if one.annotation is one.empty else f": {annotation(one.annotation)}"
    if one.default is one.empty or one.default is MISSING:
        return f"{stars}{one.name}{kind}"
    default = "..." if callable(one.default) else repr(one.default)
    return f"{stars}{one.name}{kind} = {default}" if kind else f"{stars}{one.name}={default}"


def annotation(kind: Any) -> str:
    """A type as it is written, without the names of modules that every reader knows."""
    text = kind if isinstance(kind, str) else inspect.formatannotation(kind)
    for written, short in (
        ("str | os.PathLike[str]", "AnyPath"),
        ("collections.abc.", ""),
        ("typing.", ""),
        ("pathlib._local.", ""),  # Python 3.13
        ("pathlib.", ""),
        ("fractions.", ""),
    ):
        text = text.replace(written, short)
    return re.sub(
        r"\bgprplus\.(?:\w+\.)*(\w+)|'|ForwardRef\(|\)(?=\s|$)", lambda found: found[1] or "", text
    )


def described(found: Any) -> str:
    """A docstring as Markdown: lists for its arguments, a block of code for its examples."""
    paragraphs = (inspect.getdoc(found) or "").replace(".\n>>>", ".\n\n>>>").split("\n\n")
    return "\n\n".join(map(paragraph, paragraphs))


def paragraph(text: str) -> str:
    """One paragraph of a docstring as Markdown."""
    head, _, rest = text.partition("\n")
    if head.rstrip(":") in _SECTIONS and head.endswith(":"):
        return f"**{head[:-1]}**\n\n" + "\n".join(entries(textwrap.dedent(rest)))
    return f"```python\n{text}\n```" if text.startswith(">>>") else text


def entries(text: str) -> Iterator[str]:
    """The entries of a section, one line of a list each."""
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith(" ") and lines:
            lines[-1] += f" {line.strip()}"
        else:
            lines.append(line.strip())
    for line in lines:
        found = _ENTRY.fullmatch(line)
        yield f"- `{found[1]}`: {found[2]}" if found else f"- {line}"
