"""Run commands, each in a fork of one process that has imported everything: 10 ms instead of 2 s
per command.

This file is a script, run in a fork of the server of commands (tests/support/command_server.py).
It reads a list of requests per line of stdin, runs them at the same time,
and writes the list of answers as a line of stdout, both JSON. Request: `argv`, `cwd`, `log` (file
that gets stdout and stderr), `program` ("" for the gprplus command, else the path of a script),
`kill_at` (number of the file-changing call that is answered by SIGKILL; 0: none), `cpu_seconds`.
Answer: `exit_code` (negative: the signal), `timed_out`, `peak_bytes`, `calls` (file-changing calls
that were made).
"""

import json
import os
import resource
import runpy
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "support"))
from command_server import exit_code

del sys.path[:2]  # it, and the folder in which the server runs

# More than the limit that a test asserts, so that the limit is measured; and little enough to spare
# the machine.
DATA_BYTES = 4 << 30
CHANGES = {
    "os.rename",
    "os.remove",
    "os.rmdir",
    "os.mkdir",
    "os.link",
    "os.symlink",
    "os.truncate",
    "os.chmod",
}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def count_changes(kill_at: int) -> list[int]:
    """Count the file-changing calls of this process; the one numbered `kill_at` kills it before it
    takes effect."""
    count = [0]

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in CHANGES or (event == "open" and _opens_for_writing(arguments)):
            count[0] += 1
            if count[0] == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    return count


def _opens_for_writing(arguments: tuple[Any, ...]) -> bool:
    path, _, flags = arguments
    writes = isinstance(flags, int) and flags & WRITING
    return bool(writes) and isinstance(path, str | bytes) and os.fspath(path) != os.devnull


def run_command(request: dict[str, Any], report: int) -> int:
    """Run the request in this process (a fork) and return the exit code; `report` is a pipe for the
    count of calls."""
    os.setsid()
    os.chdir(request["cwd"])
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    resource.setrlimit(resource.RLIMIT_DATA, (DATA_BYTES, DATA_BYTES))
    cpu_seconds = request["cpu_seconds"]
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.argv = [request["program"] or "gprplus", *request["argv"]]
    count = count_changes(request["kill_at"])
    code = exit_code(lambda: start_program(request["program"]), crash=70)
    for stream in (sys.stdout, sys.stderr):
        if not stream.closed:
            stream.flush()
    os.write(report, str(count[0]).encode())
    return code


def start_program(program: str) -> None:
    """The gprplus command, or a script as if it had been started."""
    if program:
        runpy.run_path(program, run_name="__main__")
    else:
        from gprplus.cli import main

        main()


def wait_for(child: int, seconds: float) -> tuple[int, bool, int]:
    """Exit code, whether the time ran out, and the most memory that the child held, in bytes."""
    ended: list[int] = []

    def end(*_: object) -> None:
        ended.append(child)
        os.kill(child, signal.SIGKILL)

    signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    _, status, usage = os.wait4(child, 0)
    signal.setitimer(signal.ITIMER_REAL, 0)
    code = os.waitstatus_to_exitcode(status)
    return code, bool(ended) or code == -signal.SIGXCPU, usage.ru_maxrss * 1024


def start(request: dict[str, Any]) -> tuple[int, int]:
    """Fork and run the request there; the child's id and the pipe of its report."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        code = 71
        try:
            code = run_command(request, write)
        finally:
            os._exit(code)
    os.close(write)
    return child, read


def finish(child: int, read: int, seconds: float) -> dict[str, Any]:
    """Wait for a child and describe how it ended."""
    code, timed_out, peak_bytes = wait_for(child, seconds)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # what the command started and left behind
    with os.fdopen(read) as report:
        calls = int(report.read() or 0)
    return {"exit_code": code, "timed_out": timed_out, "peak_bytes": peak_bytes, "calls": calls}


if __name__ == "__main__":
    sys.dont_write_bytecode = True  # files of bytecode would count as calls, once
    for line in sys.stdin:
        requests = json.loads(line)
        started = [start(request) for request in requests]
        answers = [
            finish(*one, seconds=6 * request["cpu_seconds"])
            for one, request in zip(started, requests, strict=True)
        ]
        print(json.dumps(answers), flush=True)
