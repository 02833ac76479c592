"""A process that has imported everything and runs `gprplus` and Python programs in forks of its own:
a command starts in 20 ms instead of one to four seconds.

As a script, `command_server.py SOCKET`: listens there for commands, and ends once every connection
was closed. A command is one connection: a line of JSON with `argv`, `cwd`, `environment` and `cores`
(the processors it may use), sent with its stdin, stdout and stderr; the answer is its exit code.
`argv` is `gprplus`, the path of the program and its arguments, or `python` and the text of a program.
"""

import gc
import importlib
import io
import json
import os
import pkgutil
import selectors
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from contextlib import redirect_stdout, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

LIBRARIES = (
    "torch",
    "torch._dynamo",
    "safetensors.torch",
    "pandas",
    "pandas.core.reshape.reshape",
    "pyarrow.acero",
    "pyarrow.parquet",
    "pyarrow.dataset",
    "cv2",
    "PIL.Image",
    "PIL.ImageDraw",
    "jinja2",
    "matplotlib.pyplot",
    "regex",
    "rich.table",
    "rich.console",
    "scipy.stats",
    "sympy",
    "encodings.cp437",
    "encodings.utf_8_sig",
)


# Of a server: its memory in large pages, of which a fork takes a quarter of the time to make.
LARGE_PAGES = {"PYTHONMALLOC": "malloc", "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}


def import_everything() -> None:
    """Import the package and its libraries, and do what many commands do first, so that a fork has
    it."""
    import gprplus

    for module in pkgutil.walk_packages(gprplus.__path__, "gprplus."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in LIBRARIES:
        importlib.import_module(name)
    from gprplus.core.files.workdir import package_versions
    from gprplus.ingest.layouts.load import shipped_layouts
    from gprplus.reporting.pages.template_environment import template_environment

    package_versions()
    shipped_layouts()
    pages = template_environment()
    for name in pages.list_templates():
        pages.get_template(name)
    sys.modules["PIL.Image"].init()  # the readers of all forms
    with redirect_stdout(io.StringIO()):
        print_often()
    for value in (None, True, 1, 0.5, "", Path()):
        isinstance(value, Iterable)  # asks all its subclasses the first time: 4 ms
        isinstance(value, Mapping)
    gc.set_threshold(100_000, 20, 100)
    gc.freeze()  # a collection in a fork would copy the pages of all that was imported


def print_often() -> None:
    """Print the help of each command and a table: many types are looked up once a process."""
    from gprplus.cli import COMMANDS, cli
    from gprplus.cli.console import print_table

    for command in COMMANDS:
        cli([command, "--help"], standalone_mode=False)
    print_table(["arm", "mAP"], [["mix", 83.0]], right=[1])


def exit_code(program: Callable[[], object], crash: int) -> int:
    """Run a program in this process and return its exit code, `crash` after an exception, which is
    printed."""
    try:
        program()
        return 0
    except SystemExit as stop:
        if isinstance(stop.code, str):
            print(stop.code, file=sys.stderr)
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        traceback.print_exc()
        return crash


def run_command(request: dict[str, Any], streams: list[int]) -> int:
    """Run a command in this process, a fork, and return its exit code."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = sys.__stdin__ = os.fdopen(0, closefd=False)
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.__stderr__ = os.fdopen(2, "w", 1, errors="backslashreplace", closefd=False)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environment"])
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, request["cores"])
    kind, *sys.argv = request["argv"]
    main = sys.modules["__main__"] = ModuleType("__main__")

    def program() -> None:
        if kind == "python":
            sys.path.insert(0, "")
            source, sys.argv[0] = sys.argv[0], "-c"
            exec(compile(source, "<string>", "exec"), main.__dict__)
        else:
            from gprplus.cli import main as command

            main.__file__ = sys.argv[0]  # what a process that the command starts imports first
            command()

    code = exit_code(program, crash=1)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    return code


def start(connection: socket.socket) -> int:
    """Read a command from a connection and start it; the id of its process, 0 where there was
    none."""
    text, streams, _, _ = socket.recv_fds(connection, 1 << 20, 3)
    if not text:
        return 0
    while not text.endswith(b"\n"):
        text += connection.recv(1 << 20)
    child = os.fork()
    if child == 0:
        code = 71
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            code = run_command(json.loads(text), streams)
        finally:
            os._exit(code)
    for stream in streams:
        os.close(stream)
    return child


def serve(listening: socket.socket) -> None:
    """Run commands until every connection was closed."""
    ended, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    ready = selectors.DefaultSelector()
    ready.register(listening, selectors.EVENT_READ)
    ready.register(ended, selectors.EVENT_READ)
    connections = 0
    running: dict[int, socket.socket] = {}
    while True:
        for key, _ in ready.select():
            if key.fileobj is listening:
                connection, _ = listening.accept()
                ready.register(connection, selectors.EVENT_READ)
                connections += 1
            elif key.fileobj == ended:
                os.read(ended, 1 << 10)
            else:
                connection: Any = key.fileobj
                ready.unregister(connection)
                if child := start(connection):
                    running[child] = connection
                else:
                    connection.close()
                    connections -= 1
        connections -= answer(running)
        if not connections:
            return


def answer(running: dict[int, socket.socket]) -> int:
    """Answer for the commands that have ended; how many these are."""
    count = 0
    while running:
        child, status = os.waitpid(-1, os.WNOHANG)
        if not child:
            break
        connection = running.pop(child)
        with suppress(OSError):
            connection.sendall(str(os.waitstatus_to_exitcode(status)).encode())
        connection.close()
        count += 1
    return count


if __name__ == "__main__":
    listens = socket.socket(socket.AF_UNIX)
    try:
        listens.bind(sys.argv[1])
    except OSError:
        sys.exit()  # another process of the test run has just started a server
    listens.listen()
    sys.path.remove(os.path.dirname(__file__))
    try:
        import_everything()
        serve(listens)
    finally:
        os.unlink(sys.argv[1])
