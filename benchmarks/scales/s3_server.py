"""A local S3 server with the files of a folder, in a process of its own.

    python -m benchmarks.scales.s3_server FOLDER      prints its address, and serves until killed

It is moto's; the files are put into its memory without requests.
"""

import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BUCKET = "renders"
_ACCOUNT, _PARTITION = "123456789012", "aws"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "any",
    "AWS_SECRET_ACCESS_KEY": "any",
    "AWS_REGION": "us-east-1",
}


@contextmanager
def s3_server(folder: Path) -> Iterator[str]:
    """Run a server with the files of a folder in BUCKET; yield its address."""
    command = [sys.executable, "-m", "benchmarks.scales.s3_server", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def _serve(folder: Path) -> None:
    from moto.s3.models import s3_backends
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    backend = s3_backends[_ACCOUNT][_PARTITION]
    backend.create_bucket(BUCKET, "us-east-1")
    for path in sorted(folder.rglob("*.jpg")):
        backend.put_object(BUCKET, path.relative_to(folder).as_posix(), path.read_bytes())
    host, port = server.get_host_and_port()
    print(f"http://{host}:{port}", flush=True)
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
