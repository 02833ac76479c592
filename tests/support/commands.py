"""Shell lines in which `gprplus` starts at once, in a fork of a process that has imported all."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from command_server import LARGE_PAGES

SUPPORT = Path(__file__).parent
ROOT = SUPPORT.parents[1]
PROGRAMS = Path(sys.executable).parent
USUAL = f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"


class Commands:
    """A server of commands, which the processes of one test run share."""

    def __init__(self) -> None:
        run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
        self._socket = Path(tempfile.gettempdir()) / f"gprplus-{run}.socket"
        self._open = socket.socket(socket.AF_UNIX)  # as long as it is open, the server goes on
        self._server: subprocess.Popen[bytes] | None = None
        begun = time.monotonic()
        while not self._connected():
            assert time.monotonic() - begun < 60, f"no server of commands at {self._socket}"
            time.sleep(0.02)

    def _connected(self) -> bool:
        try:
            self._open.connect(str(self._socket))
        except (FileNotFoundError, ConnectionRefusedError):
            if self._server is None or self._server.poll() is not None:
                self._server = self._started()
            return False
        return True

    def _started(self) -> "subprocess.Popen[bytes]":
        environment = {**os.environ, **LARGE_PAGES, "PYTHONPATH": str(ROOT)}
        nothing = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
        command = [sys.executable, str(SUPPORT / "command_server.py"), str(self._socket)]
        return subprocess.Popen(command, env=environment, **nothing)

    def bash(
        self, lines: str, cwd: Path, path: str = USUAL, **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run lines in bash as a user would; `gprplus` is the program that bash finds on the path,
        but in a fork of the server."""
        sent = f'"{sys.executable}" -S -E "{SUPPORT}/send_command.py" "{self._socket}"'
        found = "local program; program=$(type -P gprplus) || { command gprplus; return; }"
        function = f'() {{ {found}; {sent} gprplus "$program" "$@"; }}'
        known = {"PATH": path, "BASH_FUNC_gprplus%%": function, **environment}
        return self._ran(["bash", "-e", "-c", lines], cwd, known)

    def python(self, program: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
        """Run the text of a Python program, as `python -c` does."""
        return self._ran(self.sent("python", program), cwd, {"PATH": USUAL})

    def gprplus(self, *words: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
        """Run a command of gprplus."""
        return self._ran(self.sent("gprplus", *words), cwd, {"PATH": USUAL})

    def sent(self, kind: str, *words: str) -> list[str]:
        """The command line that runs `gprplus`, or `python` and the text of a program, in a fork
        of the server, with the folder and the environment that it is started with."""
        sender = [sys.executable, "-S", "-E", str(SUPPORT / "send_command.py"), str(self._socket)]
        return [*sender, kind, *([str(PROGRAMS / "gprplus")] if kind == "gprplus" else []), *words]

    def _ran(
        self, command: list[str], cwd: Path, known: Mapping[str, str]
    ) -> "subprocess.CompletedProcess[str]":
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **known}
        environment.pop("GPRPLUS_WORK", None)
        return subprocess.run(
            command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300
        )

    def close(self) -> None:
        """Let the server end, if no other process uses it."""
        self._open.close()
