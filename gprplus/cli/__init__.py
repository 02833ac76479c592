"""The command line: one thin module a command, loaded only when it is the one that was typed."""

import gc
import sys
from importlib import import_module

import click

from gprplus import __version__

# In the order of the way through the house. The value is the first line of the command's help, so that listing the
# commands imports none of them; a test holds the two together.
COMMANDS = {
    "render": "Draw a crossed design of synthetic people.",
    "build-manifest": "Turn folders or archives of renders into a manifest.",
    "inspect": "Show what a manifest or split holds, and what is wrong with it.",
    "make-split": "Build a controlled experiment over one attribute.",
    "benchmark": "Train and score every arm and seed of a split.",
    "score": "Score features made by anybody's trainer.",
    "analyze": "Measure how far each level lies from a target, and which attribute makes the difference.",
    "study": "Run a declared study end to end.",
    "report": "Write the HTML, CSV and Markdown of finished runs.",
    "export": "Write an arm, split or manifest in a foreign form.",
    "layouts": "List the known layouts, or try one on a folder.",
    "demo": "Walk the whole way once, small.",
}


class Commands(click.Group):
    """A group that knows its commands by name and imports the one it needs."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = import_module(f"gprplus.cli.{name.replace('-', '_')}")
        return module.command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands, in the order of the work"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        from gprplus.errors import nearest

        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            context.fail(f"There is no command '{args[0]}'. {nearest(args[0], COMMANDS)}")
        return super().resolve_command(context, args)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="gprplus")
def cli() -> None:
    """Build controlled synthetic person re-ID datasets and measure what each attribute is worth.

    \b
    In an empty folder, as they stand:
      gprplus render
      gprplus build-manifest
      gprplus make-split --attr=weather
      gprplus benchmark
    """


def main() -> None:
    """Run the command line; a problem the user can fix is one sentence and exit code 1."""
    from gprplus.errors import GprplusError, next_step, printable

    try:
        cli(standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.UsageError as problem:
        problem.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped. What is finished stays; the same command goes on from there.", err=True)
        sys.exit(130)
    except GprplusError as problem:
        click.echo("\n".join(map(printable, f"Error: {problem}".split("\n"))), err=True)
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except OSError as problem:
        where = f": {problem.filename}" if problem.filename else ""
        click.echo(f"Error: {problem.strerror or problem}{where}. {next_step(problem)}".rstrip(), err=True)
        sys.exit(1)
    finally:
        gc.freeze()  # else the interpreter looks through all that was imported once more, which takes it 0.06 s
