"""Writing an export: its files into a folder inside the output, which is moved up when it is complete."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from gprplus import archives
from gprplus.core.escape import csv_table
from gprplus.core.files.folders import MARKER, remove_output
from gprplus.core.files.workdir import write_json, write_table, write_text
from gprplus.core.parallel import Progress, map_threads
from gprplus.core.storage.address import is_address
from gprplus.core.storage.client import READERS, map_readers
from gprplus.exports import files
from gprplus.exports.export_layout import ExportLayout, ShardSpec
from gprplus.exports.rows import ExportSource

RECORD = "export.json"
STAGED = ".unfinished"  # folder inside an export that is being written


def write_export(
    home: Path,
    source: ExportSource,
    plans: Mapping[str, ExportLayout],
    link: str,
    record: Mapping[str, Any],
    progress: Progress,
) -> dict[str, Any]:
    """Write everything into a folder inside `home`, then move it up, the record last; return the
    record with all notes.

    What a killed process left in that folder is removed first.
    """
    staged = home / STAGED
    remove_output(staged)
    try:
        notes = [*record["notes"], *_fill(staged, source, plans, link, progress)]
        record = {**record, "notes": list(dict.fromkeys(notes))}
        write_json(staged / RECORD, record)
        _move_up(home, staged)
    finally:
        remove_output(staged)
    return record


def _move_up(home: Path, staged: Path) -> None:
    """Replace an earlier export by the staged one. Without a record, neither is taken for whole."""
    for name in (RECORD, *(name for name in os.listdir(home) if name not in (MARKER, STAGED))):
        remove_output(home / name)
    for name in (*(name for name in os.listdir(staged) if name != RECORD), RECORD):
        (staged / name).rename(home / name)


def _fill(
    staged: Path,
    source: ExportSource,
    plans: Mapping[str, ExportLayout],
    link: str,
    progress: Progress,
) -> list[str]:
    """Write all files of all parts; notes for the user."""
    notes: list[str] = []
    done, total = 0, sum(len(plan.files) for plan in plans.values())
    for part, plan in plans.items():
        home, final, rows = staged / part, staged.parent / part, source.parts[part]
        loose = plan.files if plan.packing is None else plan.packing.shards
        loose = [*loose, *plan.tables, *plan.records, *plan.texts]
        files.folders(home, [*loose, *(f"{folder}/" for folder in plan.folders)])
        if plan.packing is not None:
            done, more = _pack(
                home, source, part, plan.packing, lambda count: progress(count, total), done
            )
            notes += more
            continue
        datasets, paths = (rows.column(name).to_pylist() for name in ("dataset", "path"))
        roots = [source.roots[name] for name in datasets]
        place = partial(_placed, roots, paths, plan.files, home, final, link)
        order = archives.sort_for_reading(image_places(source, part))
        for _ in map_readers(place, order) if source.is_stored else map(place, order):
            done += 1
            progress(done, total)
        for name, table in plan.tables.items():
            _write_table(home / name, table)
        for name, facts in plan.records.items():
            write_json(home / name, facts)
        for name, text in plan.texts.items():
            write_text(home / name, text)
    return notes


def _placed(
    roots: Sequence[Path],
    paths: Sequence[str],
    names: Sequence[str],
    home: Path,
    final: Path,
    link: str,
    i: int,
) -> None:
    """Bring the image of row `i` to its name below `home`."""
    files.place_files(roots[i], paths[i], home / names[i], link, final / names[i])


def _pack(
    home: Path,
    source: ExportSource,
    part: str,
    packing: ShardSpec,
    count: Callable[[int], None],
    done: int,
) -> tuple[int, Sequence[str]]:
    """Write the packed files of one part and their summary; return the number of images, and
    notes."""
    datasets, paths = (source.parts[part].column(name).to_pylist() for name in ("dataset", "path"))

    def images(positions: np.ndarray) -> Iterator[bytes]:
        nonlocal done
        for data in map_threads(
            lambda i: files.read_source(source.roots[datasets[i]], paths[i]),
            positions.tolist(),
            READERS if source.is_stored else None,
        ):
            yield data
            done += 1
            count(done)

    written = [
        packing.write(home / name, rows, images(rows)) for name, rows in packing.shards.items()
    ]
    return done, packing.finish(home, written)


def image_places(source: ExportSource, part: str) -> list[str]:
    """Return the paths of the images of one arm, in the order of the rows."""
    datasets, paths = (source.parts[part].column(name).to_pylist() for name in ("dataset", "path"))
    return [
        f"{source.roots[dataset]}/{path}" for dataset, path in zip(datasets, paths, strict=True)
    ]


def unlinked_notes(source: ExportSource, how: Mapping[str, Any]) -> list[str]:
    """Return a sentence for images that cannot be linked, if links were requested: members of
    archives and objects in object storage."""
    if how.get("link", "copy") == "copy":
        return []
    places = [place for part in source.parts for place in image_places(source, part)]
    stored = sum(map(is_address, places))
    packed = sum(not is_address(place) and archives.locate(place) is not None for place in places)
    notes = (
        (packed, "in archives and were copied: members cannot be linked"),
        (stored, "in object storage and were copied: objects cannot be linked"),
    )
    return [f"{count:,} images are {why}." for count, why in notes if count]


def _write_table(path: Path, table: pa.Table) -> None:
    if path.suffix == ".parquet":
        write_table(path, table)
        return
    from pyarrow.csv import write_csv

    write_csv(csv_table(table), path)
