"""What must hold after any command on any input."""

import json
from pathlib import Path

from harness.inputs import Command
from harness.run import Outcome, command_line
from harness.world import SECRET, Case, Snapshot, snapshot

PEAK_BYTES = 2 << 30
LONGEST_OUTPUT = 20_000


def allowed(case: Case, command: Command) -> tuple[str, ...]:
    """The paths below the case's folder that the command may change: its output and its log."""
    room = case.room.relative_to(case.folder)
    return (*(str(room / name) for name in command.writes), f"{room}.log")


def complaints(case: Case, command: Command, outcome: Outcome, before: Snapshot) -> list[str]:
    """Everything that does not hold, one sentence each; an empty list for a case that passed."""
    found = [*_of_output(outcome), *_of_files(case, command, before)]
    if outcome.exit_code == 0 and command.given is not None:
        found += _of_losses(case.path(command.writes[0]), command.given)
    return (
        [*found, f"after: {command_line(outcome.argv)[:2000]}", outcome.output[-4000:]]
        if found
        else []
    )


def _of_output(outcome: Outcome) -> list[str]:
    lines = outcome.output.splitlines()
    checks = {
        "The command did not end in time.": outcome.timed_out,
        f"Exit code {outcome.exit_code}.": outcome.exit_code not in (0, 1, 2),
        "A traceback was printed.": any(
            line.startswith("Traceback (most recent") for line in lines
        ),
        f"Memory reached {outcome.peak_bytes >> 20:,} MiB.": outcome.peak_bytes > PEAK_BYTES,
        "A failed command printed no sentence.": outcome.exit_code in (1, 2) and not lines,
        "A control sequence reached the terminal.": "\x1b" in outcome.output
        or "\x00" in outcome.output,
        "More memory than the limit was asked for.": "not enough memory" in outcome.output,
        f"The output has {len(outcome.output):,} characters.": len(outcome.output) > LONGEST_OUTPUT,
    }
    return [sentence for sentence, holds in checks.items() if holds]


def _of_files(case: Case, command: Command, before: Snapshot) -> list[str]:
    after = snapshot(case.folder, allowed(case, command))
    linked = [name for name in command.writes if case.path(name).is_symlink()]
    # A folder that the user gives may be a link to a disk with room: files are added there, and
    # none is changed.
    names = before.keys() if linked else before.keys() | after.keys()
    changed = sorted(name for name in names if after.get(name) != before.get(name))
    found = [f"Changed outside the output folder: {', '.join(changed[:5])}."] if changed else []
    for name in command.writes:
        found += [] if name in linked else _of_written(case.path(name))
    return found


def _of_written(folder: Path) -> list[str]:
    """Temporary files that stayed, and files that hold what only the canary held."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    stray = [path.name for path in files if path.name.endswith(".part")]
    leaked = [path.name for path in files if SECRET in path.read_bytes()]
    found = [f"Temporary files stayed: {', '.join(stray[:3])}."] if stray else []
    return found + ([f"The canary's bytes are in {', '.join(leaked[:3])}."] if leaked else [])


def _of_losses(manifest: Path, given: int) -> list[str]:
    """Every file is a row of images or rejected, or counted in the record as ignored or hidden."""
    datasets = json.loads((manifest / "manifest.json").read_text())["datasets"].values()
    accounted = sum(about["images"] + about["rejected"] + about["ignored"] for about in datasets)
    hidden = [about["hidden"] for about in datasets if "hidden" in about]
    if any(one["folders"] for one in hidden):
        return []  # a folder stands for any number of files, and a sentence names it
    accounted += sum(one["files"] for one in hidden)
    return (
        [f"{given} files were given, {accounted} are accounted for."] if accounted < given else []
    )
