"""`send_command.py SOCKET PROGRAM ARGUMENT ...`: run a command as `command_server` does, with the
streams, folder and environment of this process, and end as it ends."""

import json
import os
import signal
import socket
import sys


def send(path: str, argv: list[str]) -> int:
    """The exit code of a command; negative: the signal that ended it."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    request = {
        "argv": argv,
        "cwd": os.getcwd(),
        "environment": dict(os.environ),
        "cores": cores,
    }
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        text = json.dumps(request).encode() + b"\n"
        sent = socket.send_fds(connection, [text], [0, 1, 2])
        connection.sendall(text[sent:])
        return int(connection.recv(16) or 71)


if __name__ == "__main__":
    code = send(sys.argv[1], sys.argv[2:])
    if code < 0:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)
