"""Write the generated pages of docs/: `python tools/refresh_docs.py`.

docs/tables.md comes from gprplus.schema and manifests/attributes.toml, docs/commands.md from the
commands' own help, docs/layouts.md from the declared layouts, the table of keys in docs/studies.md
from the options of make-split. A test fails when a page is not what this script would write.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING
from pathlib import Path
from runpy import run_path

import click

from gprplus import schema
from gprplus.analysis.columns import TABLES as ANALYSIS
from gprplus.cli import COMMANDS, cli
from gprplus.core import declarations
from gprplus.core.benchmark_options import TrainingOptions
from gprplus.core.options import Options, kind_of, options_of
from gprplus.schema.check_columns import CHECKED, LOOKS
from gprplus.splits.request import SplitRequest

DOCS = Path(__file__).resolve().parent.parent / "docs"
MADE = "This page is made by `python tools/refresh_docs.py`."

TABLES = {
    "images": (
        "manifest/images.parquet: one row for each image, sorted by dataset, identity and path."
    ),
    "checks": "additional columns of manifest/images.parquet with `build-manifest --checks`.",
    "looks": (
        "manifest/looks.parquet: measurements of each file, reused by other checks and rebuilds."
    ),
    "identities": "manifest/identities.parquet: one row for each identity.",
    "rejected": "manifest/rejected.parquet: every rejected file, and the reason.",
    "scan": "manifest/scan.parquet: the state of every file, to detect changes.",
    "members": "splits/NAME/members.parquet: the training sets and the test rows of a split.",
    "excluded": (
        "splits/NAME/excluded.parquet: the queries that a protocol cannot use, and the reasons."
    ),
    "tests": (
        "splits/NAME/tests.parquet: the test rows of each test across levels or of removed matches."
    ),
    "queries": "runs/SPLIT/RECIPE/ARM/seedK/queries.parquet: one row for each query of a run.",
    "ranked": (
        "runs/SPLIT/RECIPE/ARM/seedK/ranked.parquet: the first ranks of a dozen queries, for the"
        " report."
    ),
    "results": "runs/SPLIT/RECIPE/results.parquet: one row for each run and target.",
    "summary": "runs/SPLIT/RECIPE/summary.parquet: one row for each arm and target, over seeds.",
    "contrasts": (
        "runs/SPLIT/RECIPE/contrasts.parquet: one row by contrast, target and metric"
        " (docs/statistics.md)."
    ),
    "components": (
        "runs/SPLIT/RECIPE/components.parquet: one row for each source of noise, target and metric."
    ),
    "curves": (
        "runs/SPLIT/RECIPE/curves.parquet: one row for each line of nested budgets, target and"
        " metric."
    ),
    "pooled": (
        "runs/SPLIT/RECIPE/pooled.parquet: one row for each contrast and metric, over targets."
    ),
    "left_out": (
        "runs/SPLIT/RECIPE/left_out.parquet: one row for each pooled effect and target left out."
    ),
    "logit": (
        "runs/SPLIT/RECIPE/logit.parquet: one row for each factorial or additive effect, target and"
        " metric, on the logit scale."
    ),
    "dose": ("runs/SPLIT/RECIPE/dose.parquet: one row for each arm of a path, target and metric."),
    "levels": (
        "runs/SPLIT/RECIPE/levels.parquet: one row for each arm, metric and level of query and"
        " gallery."
    ),
    "sensitivity": (
        "runs/SPLIT/RECIPE/sensitivity.parquet: the widest difference with other training settings."
    ),
    "distances": "analysis/TARGET/distances.parquet: the distance of each level to a target.",
    "plan": "plan.parquet of a render plan: one row for each cell to draw (docs/engine.md).",
    "plan_identities": (
        "identities.csv of a render plan: one row for each identity, with those attributes that the"
        " plan expects."
    ),
    "effects": (
        "analysis/TARGET/effects.parquet: the share of each factor in the distance of an image to"
        " the target."
    ),
    "importance": (
        "analysis/TARGET/importance.parquet: the loss of a boosted model when a factor is permuted."
    ),
    "losses": (
        "analysis/TARGET/losses.parquet, of paper mode or with vgg19 features: VGG-19 losses of"
        " each level."
    ),
    "counts": "analysis/TARGET/counts.parquet, of paper mode: split counts of boosted trees.",
    "arms": "analysis/TARGET/arms.parquet, with --runs: distance and accuracy of training sets.",
    "cells": "search/TARGET/cells.parquet: the mixture of conditions that a search chose.",
    "rivals": "search/TARGET/rivals.parquet: its distance compared with other methods.",
}


def grid(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def tables() -> str:
    """Every column of every table."""
    parts = [
        "# Tables",
        MADE,
        "Tables are the only interface between two stages. Null means unknown; scores are 0-1.",
    ]
    for name, columns in {**schema.TABLES, **ANALYSIS, "checks": CHECKED, "looks": LOOKS}.items():
        rows = [(f"`{c.name}`", c.type, c.unit, c.level, c.sentence) for c in columns]
        parts += [
            f"## {name}",
            TABLES[name],
            grid(("column", "type", "unit", "of", "what it is"), rows),
        ]
    rows = [
        (
            f"`{name}`",
            a.level,
            "yes" if a.ordered else "",
            ", ".join(a.levels) or "open",
            a.sentence,
        )
        for name, a in declarations.attributes().items()
    ]
    parts += [
        "## Attributes",
        grid(("attribute", "of", "ordered", "levels, in order", "what it is"), rows),
    ]
    return "\n\n".join(parts) + "\n"


def commands() -> str:
    """The help of every command."""
    parts = ["# Commands", MADE]
    for name in COMMANDS:
        context = click.Context(cli, info_name="gprplus", **cli.context_settings)
        command = cli.get_command(context, name)
        assert command is not None
        with click.Context(
            command, info_name=name, parent=context, max_content_width=100, terminal_width=100
        ) as inner:
            parts += [f"## {name}", f"```text\n{command.get_help(inner)}\n```"]
    return "\n\n".join(parts) + "\n"


def layouts() -> str:
    """Every declared layout."""
    rows = []
    for name in declarations.declaration_names("layouts"):
        data = declarations.load_declaration("layouts", name).data
        rows.append(
            (
                f"`{name}`",
                data["title"],
                data.get("licence") or "not stated",
                data.get("status", ""),
            )
        )
    parts = [
        "# Layouts",
        MADE,
        (
            "`gprplus layouts show NAME` prints a declaration; `gprplus layouts try NAME FOLDER`"
            " parses ten rows."
        ),
    ]
    return "\n\n".join([*parts, grid(("layout", "dataset", "licence", "status"), rows)]) + "\n"


def option_table(cls: type[Options]) -> str:
    """The options of a dataclass as keys of a TOML table."""
    rows = []
    for name, one in options_of(cls).items():
        default = "needed" if one.default is MISSING else one.default_note or _toml(one.default)
        text = one.text(lambda other: f"`{other}`")
        if isinstance(one.choices, Mapping):
            text += (
                " "
                + "; ".join(f"`{choice}`: {meaning}" for choice, meaning in one.choices.items())
                + "."
            )
        rows.append((f"`{name}`", kind_of(one.hint), default, text))
    return grid(("key", "type", "default", "what it is"), rows)


def _toml(value: object) -> str:
    if value in (None, (), {}):
        return "none"
    return (
        str(value).lower()
        if isinstance(value, bool)
        else f'"{value}"'
        if isinstance(value, str)
        else str(value)
    )


def studies() -> str:
    """The page about studies with its tables of options made again."""
    page, end = (DOCS / "studies.md").read_text(encoding="utf-8"), "<!-- end -->"
    for topic, cls in (("training", TrainingOptions), ("make-split", SplitRequest)):
        start = f"<!-- made from the options of {topic} -->\n"
        before, _, rest = page.partition(start)
        page = f"{before}{start}\n{option_table(cls)}\n\n{end}{rest.partition(end)[2]}"
    return page


def api() -> str:
    """Every public function and class (tools/api_reference.py)."""
    return str(run_path(str(Path(__file__).with_name("api_reference.py")))["api"]())


PAGES: dict[str, Callable[[], str]] = {
    "api.md": api,
    "tables.md": tables,
    "commands.md": commands,
    "layouts.md": layouts,
    "studies.md": studies,
}


def main() -> None:
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
