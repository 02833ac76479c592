"""build-manifest where bytes count: every byte read and hashed, and a disk that is asked for the
first time.

    python -m benchmarks ingest_bytes               11,760 renders, each a file of its own, two rounds
    python -m benchmarks.ingest_bytes 202 3         118,776 of them: 1.7 GB

Cold means that the page cache holds no byte of the files (posix_fadvise, file by file; a page that
somebody else keeps stays). Names and inodes stay known, as dropping those would need the whole
machine's caches. Reads in flight are counted by looking every few milliseconds how many threads of
the build wait for the disk.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.harness import keep, table
from benchmarks.ingest import (
    PER_IDENTITY,
    Used,
    build,
    calling,
    measured,
    on_all_cores,
    plant,
    ratio,
    times_table,
)
from benchmarks.ratios import Ratio
from gprplus.core.parallel import available_cores

EXPECTED = """What was expected: `--verify digest` within 1.5 times a bare read and hash, for the hash and the read are
most of it; and cold, more reads in flight than there are cores (16 threads a process, once reading has to wait), so
several times faster than one reader."""


REASONS = """Why digest is missed. Before the first byte is read NumPy, pyarrow and the modules of the tables
load: about 0.9 processor seconds (a build of four files takes that), which do not grow with the
files. What grows is what a header build has over its bare loop too: names, keys and tables, some 10
us a file. Without the start the ratio at 59,388 files is 1.7."""


def hashes_of(folder: str) -> int:
    """scandir + read of all bytes + xxh3-128, and nothing else, over one folder."""
    from xxhash import xxh3_128_digest

    total = 0
    for entry in os.scandir(folder):
        file = os.open(entry.path, os.O_RDONLY)
        data = os.read(file, os.fstat(file).st_size)
        total += len(xxh3_128_digest(data))
        os.close(file)
    return total


def hashes(root: Path) -> None:
    """Read and hash on all cores."""
    on_all_cores(hashes_of, root)


def ratios(scratch: Path, identities: int = 30) -> list[Ratio]:
    """A build that reads and hashes every byte over a bare loop that does, in this process."""
    from gprplus.ingest import build_manifest

    root, output = plant(scratch / "renders", identities), scratch / "manifest"

    def bare() -> None:
        for entry in os.scandir(root):
            hashes_of(entry.path)

    return [
        Ratio(
            "ingest_bytes: digest build / read + hash",
            lambda: build_manifest([root], output, verify="digest", workers=1, force=True),
            bare,
        )
    ]


def forget(root: Path) -> None:
    """Let the page cache forget every file below a root."""
    os.sync()  # what is not on the disk yet cannot be forgotten
    for folder in os.scandir(root):
        for entry in os.scandir(folder.path):
            file = os.open(entry.path, os.O_RDONLY)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(file)


def watched(command: list[str]) -> tuple[float, list[int]]:
    """Clock seconds of a command, and at every look how many of its threads waited for the disk."""
    start, seen = time.perf_counter(), []
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            seen.append(sum(state == "D" for state in _states(process.pid)))
            time.sleep(0.005)
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}")
    return time.perf_counter() - start, seen


def _states(pid: int) -> Iterator[str]:
    """The state of every thread of a process and of those it started: "D" waits for the disk."""
    try:
        for task in os.scandir(f"/proc/{pid}/task"):
            yield Path(task.path, "stat").read_text().rpartition(")")[2].split()[0]
            for child in Path(task.path, "children").read_text().split():
                yield from _states(int(child))
    except (FileNotFoundError, ProcessLookupError):
        return


def _cold(root: Path, output: Path, repeats: int) -> tuple[float, float, float, list[int]]:
    """Least clock seconds cold: one reader, a header build, the bare loop on all cores; and the
    reads in flight."""
    loops: dict[str, Callable[[], object]] = {
        "one": calling("ingest.one_reader(given[0])", root),
        "all": calling("ingest.floor(given[0])", root),
    }
    command = [
        sys.executable,
        "-m",
        "gprplus",
        "build-manifest",
        str(root),
        "-o",
        str(output),
        "--force",
    ]
    found: dict[str, list[float]] = {"one": [], "all": [], "build": []}
    seen: list[int] = []
    for _ in range(repeats):
        for name, loop in loops.items():
            forget(root)
            found[name].append(measured(loop)[0])
        forget(root)
        clock, now = watched(command)
        if not found["build"] or clock < min(found["build"]):
            seen = now
        found["build"].append(clock)
    return min(found["one"]), min(found["build"]), min(found["all"]), seen


def main(identities: int = 20, repeats: int = 2) -> None:
    """Measure and keep."""
    files = identities * PER_IDENTITY
    with tempfile.TemporaryDirectory() as scratch:
        root, output = (
            plant(Path(scratch) / "renders", identities, own=True),
            Path(scratch) / "manifest",
        )
        found = {
            "bare loop: read + xxh3-128, all cores": calling("ingest_bytes.hashes(given[0])", root),
            "`build-manifest --verify digest`": build(
                root, output, "--verify", "digest", "--force"
            ),
        }
        found["bare loop: read + xxh3-128, all cores"]()  # warms the cache; not counted
        rounds = [
            {name: measured(command) for name, command in found.items()} for _ in range(repeats)
        ]
        times: dict[str, Used] = {
            n: (min(r[n][0] for r in rounds), min(r[n][1] for r in rounds)) for n in found
        }
        one, ours, floor, seen = _cold(root, output, repeats)
    bare, digest = times.values()
    busy = [count for count in seen if count]
    cold = [
        ["cold: bare loop, one reader", f"{one:.2f}", f"{files / one:,.0f}"],
        [
            f"cold: bare loop, {available_cores()} processes",
            f"{floor:.2f}",
            f"{files / floor:,.0f}",
        ],
        ["cold: `build-manifest --verify header`", f"{ours:.2f}", f"{files / ours:,.0f}"],
    ]
    flight = (
        f"Reads in flight during the cold build: at most {max(seen)},"
        f" {sum(busy) / max(len(busy), 1):.1f} on average while any was, on {available_cores()}"
        " cores (aim: more than cores)."
    )
    size = f"Each of the {files:,} files has an inode of its own."
    parts = [
        f"{EXPECTED} {size}",
        times_table(times, files),
        table(
            ["ratio", "clock", "processor", "aim"],
            [["digest / bare loop", *ratio(digest, bare), "at most 1.5"]],
        ),
        table(["command, process start included", "clock s", "files a second"], cold),
        flight,
        REASONS,
    ]
    title = f"Bytes of {files:,} renders, hashed and cold"
    keep(
        "ingest_bytes",
        title,
        "\n\n".join(parts),
        f"python -m benchmarks.ingest_bytes {identities} {repeats}",
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
