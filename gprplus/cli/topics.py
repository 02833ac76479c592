"""Options with a topic, and commands whose `--help` lists their options by topic."""

import copy
import inspect
import textwrap
from collections.abc import Sequence
from typing import Any

import click

HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_FLAGS = 26  # columns that flags take before their explanation begins on a line of its own
_LAST = "Output"
_EXAMPLES = "\n\n\b\nExample"


class TopicOption(click.Option):
    """A click option with a topic; earlier names are accepted and not shown."""

    def __init__(
        self, *args: Any, group: str = "Options", earlier: Sequence[str] = (), **facts: Any
    ) -> None:
        super().__init__(*args, **facts)
        self.group = group
        self._earlier = frozenset(earlier)

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        return click.Option.get_help_record(self._shown(), ctx)

    def get_error_hint(self, ctx: click.Context | None) -> str:
        return click.Option.get_error_hint(self._shown(), ctx)

    def _shown(self) -> "TopicOption":
        shown = copy.copy(self)
        shown.opts = [name for name in self.opts if name not in self._earlier]
        shown.secondary_opts = [name for name in self.secondary_opts if name not in self._earlier]
        return shown


class TopicCommand(click.Command):
    """A command whose help has a section for each topic, in declared order; "Output" is last,
    before the examples. An option that takes one value is refused if it is given twice."""

    def __init__(self, *args: Any, **facts: Any) -> None:
        # Its own, not only those of the group: click keeps the first help option that it makes.
        super().__init__(*args, **facts)
        self.context_settings = {**HELP, **self.context_settings}

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words of the command line."""
        refuse_repeated(self.get_params(ctx), args)
        return super().parse_args(ctx, args)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        whole = self.help
        text, mark, examples = inspect.cleandoc(whole or "").partition(_EXAMPLES)
        try:
            self.help = text
            self.format_usage(ctx, formatter)
            self.format_help_text(ctx, formatter)
            self.format_options(ctx, formatter)
            if mark:
                formatter.write_paragraph()
                formatter.write(f"{mark.lstrip()}{examples}".replace("\b\n", "").rstrip() + "\n")
            self.format_epilog(ctx, formatter)
        finally:
            self.help = whole

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        topics: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if isinstance(parameter, click.Option) and record is not None:
                topics.setdefault(getattr(parameter, "group", _LAST), []).append(record)
        for topic in sorted(topics, key=lambda name: name == _LAST):
            formatter.write_paragraph()
            formatter.write(f"{topic}:\n")
            for flags, text in topics[topic]:
                formatter.write(_definition(flags, text, formatter.width))


def refuse_repeated(parameters: Sequence[click.Parameter], words: Sequence[str]) -> None:
    """Raise UsageError if an option with one value is given more than once: click would take the
    last in silence."""
    ended = words.index("--") if "--" in words else len(words)
    given = [word.partition("=")[0] for word in words[:ended] if word.startswith("-")]
    for one in parameters:
        if isinstance(one, click.Option) and not (one.multiple or one.is_flag or one.count):
            names = [name for name in given if name in one.opts]
            if len(names) > 1:
                raise click.UsageError(
                    f"{names[0]} takes one value, and is given {len(names)} times."
                )


def _definition(flags: str, text: str, width: int) -> str:
    """The flags and their explanation, on one line where the flags are short.

    >>> print(_definition("--seed N", "Seed of all random choices.", 60), end="")
      --seed N                  Seed of all random choices.
    """
    indent = " " * (_FLAGS + 2)
    room = max(width - len(indent), 20)
    lines = []
    for line in text.split("\n"):
        hang = "  " if line.startswith("- ") else ""
        lines += textwrap.wrap(
            line, room, subsequent_indent=hang, break_long_words=False, break_on_hyphens=False
        )
    first = f"  {flags}".ljust(len(indent))
    start = "" if len(flags) < _FLAGS - 1 else f"{first.rstrip()}\n{indent}"
    head, *rest = lines or [""]
    return "".join(
        f"{line}\n"
        for line in [f"{start or first}{head}".rstrip(), *(indent + line for line in rest)]
    )
