"""Object storage: the choice of a client, and an ingest beside a bare loop of the same client.

The server is moto's on this machine, in a process of its own; it answers a few hundred requests a
second on one core, so the clock shows the server, and the processor time of the client is the figure
that compares clients.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.harness import environment, processor_clock, table
from benchmarks.ingest import plant
from benchmarks.scales.s3_server import BUCKET, ENVIRONMENT, s3_server
from gprplus.core.storage.client import READERS

if TYPE_CHECKING:
    from obstore.store import S3Store

HEAD = 4096
IDENTITIES = 10  # 5,880 objects
ROUNDS = 3
CLIENTS = ("obstore, threads", "obstore, asyncio", "s3fs, asyncio")

EXPECTED = f"""What was expected. An ingest of objects waits for the network, so the client that takes the least
processor time for a small request, with many at once, is the one to choose; and an ingest may take 1.3 times
the clock of a bare loop over the same objects with the same client and {READERS} requests at a time."""

REASONS = """Chosen is obstore: a small ranged read takes it a fourth of the processor time of s3fs or less, a listing
a fifteenth, and it retries throttling, time-outs and cut bodies itself. Its threads are as fast as its
coroutines, and leave the calling code as it is. s3fs is measured where it is installed, and is no requirement."""


def measure() -> str:
    """Measure clients, then an ingest, and return the section."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = plant(Path(temporary) / "renders", IDENTITIES)
        with s3_server(folder) as endpoint, environment(AWS_ENDPOINT_URL=endpoint, **ENVIRONMENT):
            clients = _clients()
            ingest = _ingests(Path(temporary))
    return "\n\n".join([EXPECTED, clients, REASONS, ingest])


def _clients() -> str:
    """A table of the clients: list all objects, and read the head of 2,000."""
    rows: list[list[object]] = []
    for client in CLIENTS:
        ran = subprocess.run(
            [sys.executable, "-m", "benchmarks.scales.object_storage", client],
            capture_output=True,
            text=True,
            check=False,
        )
        figures = ran.stdout.split() if ran.returncode == 0 else ["not installed"] * 4
        rows.append([client, *figures])
    heads = ["client", "list, objects/s", "us of processor", "heads, objects/s", "us of processor"]
    return table(heads, rows)


def _one_client(client: str, objects: int = 2000) -> None:
    """Print the figures of one client."""
    keys, list_all, read = _client(client)
    figures = []
    for work in (list_all, lambda: read(keys[:objects])):
        rounds = [_used(work) for _ in range(ROUNDS)]
        count = rounds[0][0]
        figures += [
            f"{count / median(clock for _, clock, _ in rounds):,.0f}",
            f"{1e6 * min(used for *_, used in rounds) / count:,.0f}",
        ]
    print(*figures)


def _used(work: Callable[[], int]) -> tuple[int, float, float]:
    clock, used = time.perf_counter(), processor_clock()
    count = work()
    return count, time.perf_counter() - clock, processor_clock() - used


Work = Callable[[], int]


def _client(name: str) -> tuple[list[str], Work, Callable[[list[str]], int]]:
    """The keys, a listing, and a function that reads the heads of objects, many at once."""
    if name.startswith("s3fs"):
        return _s3fs()
    import obstore

    store, keys = bare_store(), bare_list()

    def threads(some: list[str]) -> int:
        with ThreadPoolExecutor(READERS) as pool:
            return len(list(pool.map(lambda key: _bare_head(store, key), some)))

    async def gathered(some: list[str]) -> int:
        limit = asyncio.Semaphore(READERS)

        async def one(key: str) -> object:
            async with limit:
                return await obstore.get_range_async(store, key, start=0, length=HEAD)

        return len(await asyncio.gather(*map(one, some)))

    reads = threads if "threads" in name else lambda some: asyncio.run(gathered(some))
    return keys, lambda: len(bare_list()), reads


def _s3fs() -> tuple[list[str], Work, Callable[[list[str]], int]]:
    import s3fs

    files = s3fs.S3FileSystem(
        endpoint_url=os.environ["AWS_ENDPOINT_URL"],
        config_kwargs={"max_pool_connections": READERS},
    )

    def list_all() -> int:
        files.invalidate_cache()
        return len(files.find(BUCKET, detail=True))

    def heads(some: list[str]) -> int:
        ends = [HEAD] * len(some)
        return len(files.cat_ranges(some, [0] * len(some), ends, batch_size=READERS))

    return files.find(BUCKET), list_all, heads


def bare_store() -> "S3Store":
    """A client of the bucket without anything of gprplus."""
    from obstore.store import S3Store

    return S3Store(BUCKET, client_options={"allow_http": True})


def bare_list() -> list[str]:
    """The keys of the bucket."""
    import obstore

    found = obstore.list(bare_store(), chunk_size=1000)
    return [one["path"] for chunk in found for one in chunk]


def _bare_head(store: "S3Store", key: str) -> int:
    import obstore

    return len(obstore.get_range(store, key, start=0, length=HEAD))


def bare_loop(_: Path) -> None:
    """List the bucket, and read each object whole, READERS at a time."""
    import obstore

    store, keys = bare_store(), bare_list()
    with ThreadPoolExecutor(READERS) as pool:
        for data in pool.map(lambda key: obstore.get(store, key).bytes(), keys):
            len(data)


def ingest(scratch: Path) -> None:
    """Build a manifest of the bucket, every object anew."""
    from gprplus.ingest import build_manifest

    build_manifest([f"s3://{BUCKET}"], scratch / "m", workers=1, force=True)


def ingest_again(scratch: Path) -> None:
    """Build it again, with nothing changed."""
    from gprplus.ingest import build_manifest

    build_manifest([f"s3://{BUCKET}"], scratch / "m", workers=1)


def _ingests(scratch: Path) -> str:
    """A table of the bare loop, an ingest, and an unchanged one, measured in turns."""
    count = len(bare_list())
    works = {"bare loop": bare_loop, "build": ingest, "build again, unchanged": ingest_again}
    rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, work in works.items():
            clock, used = time.perf_counter(), processor_clock()
            work(scratch)
            rounds[name].append((time.perf_counter() - clock, processor_clock() - used))
    best = {name: min(clock for clock, _ in found) for name, found in rounds.items()}
    rows: list[list[object]] = [
        [
            name,
            f"{count / best[name]:,.0f}",
            f"{best[name] / best['bare loop']:.2f}",
            f"{1e6 * min(used for _, used in found) / count:,.0f}",
        ]
        for name, found in rounds.items()
    ]
    heads = [f"{count:,} objects", "objects/s", "clock, x bare loop", "us of processor an object"]
    return table(heads, rows)


if __name__ == "__main__":
    _one_client(sys.argv[1])
