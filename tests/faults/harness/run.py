"""Start the server and ask it to run commands."""

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from commands import Commands

SERVER = Path(__file__).parent / "server.py"
REPOSITORY = Path(__file__).parents[3]
CPU_SECONDS = 20


@dataclass(frozen=True)
class Outcome:
    """How one command ended: its exit code (negative: a signal), what it printed and what it
    took."""

    argv: tuple[str, ...]
    exit_code: int
    timed_out: bool
    peak_bytes: int
    calls: int
    output: str


class Runner:
    """A process that has imported gprplus and runs each command in a fork of its own."""

    def __init__(self, commands: Commands) -> None:
        environment = {
            **os.environ,
            "PYTHONPATH": str(REPOSITORY),
            "PYTHONDONTWRITEBYTECODE": "1",
            "COLUMNS": "100",
        }
        environment.pop("GPRPLUS_WORK", None)
        program = f"import runpy; runpy.run_path({str(SERVER)!r}, run_name='__main__')"
        self._server = subprocess.Popen(
            commands.sent("python", program),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def run(self, *argv: str, cwd: Path, program: Path | None = None, kill_at: int = 0) -> Outcome:
        """Run `gprplus *argv` (or a script) in the folder `cwd` and wait until it ends."""
        return self._answers([argv], cwd, program, kill_at)[0]

    def run_together(self, *commands: Sequence[str], cwd: Path) -> list[Outcome]:
        """Start several commands at the same time and wait for all."""
        return self._answers(commands, cwd, None, 0)

    def _answers(
        self, commands: Sequence[Sequence[str]], cwd: Path, program: Path | None, kill_at: int
    ) -> list[Outcome]:
        logs = [cwd.parent / f"{cwd.name}{'-' * i}.log" for i in range(len(commands))]
        same = {
            "cwd": str(cwd),
            "program": str(program or ""),
            "kill_at": kill_at,
            "cpu_seconds": CPU_SECONDS,
        }
        requests = [
            {**same, "argv": argv, "log": str(log)}
            for argv, log in zip(commands, logs, strict=True)
        ]
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(requests) + "\n")
        self._server.stdin.flush()
        answers = json.loads(self._server.stdout.readline())
        return [
            Outcome(tuple(argv), output=log.read_text(errors="replace"), **answer)
            for argv, log, answer in zip(commands, logs, answers, strict=True)
        ]

    def close(self) -> None:
        """End the server."""
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.wait()


def command_line(argv: Sequence[str]) -> str:
    """The command as it would be typed."""
    import shlex

    return shlex.join(["gprplus", *argv])
