"""The command line: one thin module a command, loaded only when it is the one that was typed."""

import gc
import sys
import warnings
from contextlib import suppress
from importlib import import_module
from typing import Any

import click

from gprplus import __version__
from gprplus.cli.support import streams
from gprplus.cli.support.limits import refuse_too_little_memory
from gprplus.cli.topics import HELP

# In the order of the work. The value is the first line of the command's help, so that listing the
# commands imports none of them; a test holds the two together.
COMMANDS = {
    "render": "Render synthetic identities: a crossed design, or a plan.",
    "build-manifest": "Build a manifest from renders or from an engine's own output.",
    "inspect": "Show the content and the problems of a manifest or split.",
    "make-split": "Build a controlled experiment over one attribute.",
    "benchmark": "Train and score every arm and seed of a split.",
    "run-external": "Train and score every arm and seed of a split with another program.",
    "score": "Score features of another trainer.",
    "embed": "Write features of images with a trained network.",
    "analyze": "Measure the distance of each level to a target, and which attribute causes it.",
    "study": "Run a declared study end to end.",
    "plan-renders": "Plan which renders to make next, for a target.",
    "construct": "Construct a training set for a target in rounds, and test it once.",
    "report": "Write the HTML, CSV and Markdown of finished runs.",
    "browse": "Look at images, review checks, and compare splits and runs in a browser.",
    "export": "Write an arm, split or manifest in the format of another tool.",
    "layouts": "List the known layouts, or try one on a folder.",
    "demo": "Run all steps on a small example.",
}

_format_warning = warnings.formatwarning


class ReaderGone(Exception):
    """The reader of the output has closed it, as `head` does; click would turn a BrokenPipeError
    into a failure."""


class Commands(click.Group):
    """A command group that imports only the command it needs."""

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        try:
            return super().make_context(*args, **options)
        except BrokenPipeError as gone:
            raise ReaderGone from gone

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except BrokenPipeError as gone:
            raise ReaderGone from gone

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        if not {"-h", "--help"} & set(sys.argv):
            refuse_too_little_memory(name)
        module = import_module(f"gprplus.cli.{name.replace('-', '_')}")
        return module.command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands, in the order of the work"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from gprplus.core.errors import did_you_mean

        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            context.fail(f"There is no command '{args[0]}'. {did_you_mean(args[0], COMMANDS)}")
        return super().resolve_command(context, args)


@click.group(cls=Commands, context_settings=HELP)
@click.version_option(__version__, prog_name="gprplus")
def cli() -> None:
    """Build controlled synthetic person re-ID datasets and measure the effect of each attribute.

    \b
    In an empty folder:
      gprplus render
      gprplus build-manifest
      gprplus make-split --attr=weather
      gprplus benchmark
    """


def main(command: click.Command = cli) -> None:
    """Run the command line, or a command of tools/; a problem the user can fix is one sentence and
    exit code 1."""
    streams.prepare_streams()
    warnings.formatwarning = _warning_line
    try:
        code = _run(command)
        streams.flush_streams()
    except (BrokenPipeError, ReaderGone):
        streams.abandon_streams()
        code = 0
    except OSError as problem:
        streams.abandon_streams()
        code = _failed(f"The output cannot be written: {problem.strerror or problem}.")
    finally:
        gc.freeze()  # else the interpreter looks through all that was imported once more, which takes it 0.06 s
    if code:
        sys.exit(code)


def _warning_line(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    line: str | None = None,
) -> str:
    """Return a warning of gprplus as a sentence, and others as Python prints them."""
    if category.__module__.startswith("gprplus."):
        return f"Warning: {message}\n"
    return _format_warning(message, category, filename, lineno, line)


def _run(command: click.Command) -> int:
    """Run the command that was typed, and return the exit code."""
    from gprplus.core.errors import GprplusError, escape, import_failure, next_step, out_of_memory

    try:
        command(standalone_mode=False)
        return 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.UsageError as problem:
        problem.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        return _failed("Stopped. Finished work is kept; the same command continues from it.", 130)
    except GprplusError as problem:
        return _failed("\n".join(map(escape, f"Error: {problem}".split("\n"))))
    except (BrokenPipeError, ReaderGone):
        raise
    except Exception as problem:
        if out_of_memory(problem):
            return _failed(
                "Error: There is not enough memory. Close other programs, raise the limit (ulimit"
                " -v), or reduce the number of parallel processes (--workers, --jobs); the same"
                " command continues from finished work."
            )
        if isinstance(problem, ImportError) and not (problem.name or "").startswith("gprplus"):
            return _failed(escape(f"Error: {import_failure(problem)}"))
        if not isinstance(problem, OSError):
            raise
        where = f": {problem.filename}" if problem.filename else ""
        return _failed(
            escape(f"Error: {problem.strerror or problem}{where}. {next_step(problem)}".rstrip())
        )


def _failed(sentence: str, code: int = 1) -> int:
    """Print a sentence on stderr, if that can still be written to, and return the exit code."""
    from gprplus.cli.console import print_note

    with suppress(OSError):
        print_note(sentence)
    return code
