"""Renders in archives against the same renders in a folder: listing, ingest, and reading out of
order.

    python -m benchmarks archives        11,760 renders in GPR+ shape, the least of three rounds

Files are hard links of 48 distinct JPEGs of 200 x 470, as in benchmarks/ingest.py, so the cache is
warm. Processor seconds, least of the rounds, in one process: clock times on a shared machine
wander.
"""

import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.harness import keep, processor_seconds, table
from benchmarks.ingest import plant
from benchmarks.ratios import Ratio
from gprplus import archives
from gprplus.archives import reader
from gprplus.ingest import build_manifest
from gprplus.ingest.files.archive_members import list_images
from gprplus.ingest.files.scan import list_files

FORMS = ("tar", "tar.gz", "zip")
ASIDE = 500  # members read out of order


def packed(folder: Path, form: str) -> Path:
    """The folder in an archive beside it."""
    archive = folder.with_name(f"{folder.name}.{form}")
    if form == "zip":
        with zipfile.ZipFile(archive, "w") as out:
            for path in sorted(folder.rglob("*.jpg")):
                out.write(path, str(path.relative_to(folder)))
        return archive
    with (
        tarfile.open(archive, "w:gz", compresslevel=1)
        if form == "tar.gz"
        else tarfile.open(archive, "w") as out
    ):
        for path in sorted(folder.rglob("*.jpg")):
            info = out.gettarinfo(path, str(path.relative_to(folder)))
            info.type, info.linkname, info.size = (
                tarfile.REGTYPE,
                "",
                path.stat().st_size,
            )  # no links among themselves
            with path.open("rb") as file:
                out.addfile(info, file)
    return archive


def least(function: Callable[[], object], rounds: int) -> float:
    """Least processor seconds of a few calls, each with no archive open."""
    return min(unopened(function) for _ in range(rounds))


def unopened(function: Callable[[], object]) -> float:
    """Processor seconds of a call that starts with no archive open."""
    reader._kept.clear()
    return processor_seconds(function)


def ratios(scratch: Path, identities: int = 8) -> list[Ratio]:
    """Renders in archives over the same renders in a folder."""
    folder = plant(scratch / "renders", identities)
    places = {form: packed(folder, form) for form in ("tar", "zip")}

    def build(place: Path) -> Callable[[], object]:
        return lambda: build_manifest([place], scratch / "m", workers=1, force=True)

    paths = list(list_files(folder).paths())
    aside = [paths[i] for i in np.random.default_rng(0).permutation(len(paths))[:ASIDE]]

    def read(place: Path) -> Callable[[], object]:
        return lambda: archives.read_files([f"{place}/{path}" for path in aside])

    found = []
    for form, place in places.items():
        name = f"archives: build from {form} / from a folder"
        found.append(Ratio(name, build(place), build(folder), unopened))
        name = f"archives: read out of {form} / out of a folder"
        found.append(Ratio(name, read(place), read(folder)))
    return found


def main(identities: int = 20, rounds: int = 3) -> None:
    """Measure and keep the page."""
    rows: list[list[object]] = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = plant(Path(temporary) / "renders", identities)
        paths = list(list_files(folder).paths())
        aside = np.random.default_rng(0).permutation(len(paths))[:ASIDE]
        for place in (folder, *(packed(folder, form) for form in FORMS)):
            listing = least(partial(list_images, place), rounds)
            remake = partial(build_manifest, [place], Path(temporary) / "m", workers=1)
            build, again = least(partial(remake, force=True), rounds), least(remake, rounds)
            places = [f"{place}/{paths[i]}" for i in aside]
            archives.exists(places[0])
            apart = processor_seconds(partial(archives.read_files, places)) / ASIDE
            us = [f"{1e6 * seconds / len(paths):.1f}" for seconds in (listing, build, again)]
            rows.append([place.name.partition(".")[2] or "folder", *us, f"{1e6 * apart:.0f}"])
        turns = [
            [least(partial(each, folder), 1) for each in (list_files, list_images)]
            for _ in range(20 * rounds)
        ]
        plain, hooked = np.min(turns, axis=0)
    heads = [
        "renders in",
        "list, us a file",
        "build, us a file",
        "build again, us a file",
        "read one out of order, us",
    ]
    body = table(heads, rows)
    body += (
        f"\n\nLooking for archives in a plain folder takes {hooked / plain - 1:+.1%} of listing it."
    )
    keep("archives", f"{len(paths):,} renders in archives", body)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
