"""crop_engine_output: cuts the people out of an engine's native output, all scenes at once.

Scenes are scanned, then their lists of frames are cut, by all cores; at last the rows of all lists
become one table. A scene is kept as it is while its files are unchanged.
"""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gprplus.core.errors import FramesError, first_few
from gprplus.core.files.folders import remove_output
from gprplus.core.files.paths import AnyPath
from gprplus.core.files.workdir import (
    REQUEST_FILE,
    check_request,
    fingerprint,
    hold_request,
    package_versions,
    read_json,
    write_json,
)
from gprplus.core.options import accepts, combined
from gprplus.core.parallel import Progress, describe_progress, map_processes, no_progress
from gprplus.cropping.forms.form import EngineForm, EngineScene, scope_prefix
from gprplus.cropping.forms.registry import detect_form, find_form
from gprplus.cropping.native.camera_numbers import camera_numbers
from gprplus.cropping.native.crop_table import REJECTED, TABLE, write_crops, write_rejected
from gprplus.cropping.native.cut import CutJob, cut_list, safe_name
from gprplus.cropping.native.level_tables import unknown_sentences
from gprplus.cropping.native.row_files import rows_of
from gprplus.cropping.native.scan import ScanJob, SceneScan, read_scan, scan_scene
from gprplus.cropping.options import FormOptions
from gprplus.cropping.selection import CropRules
from gprplus.cropping.worker import CropWriter

RECORD, SCENES, KIND = "crops.json", "_scenes", "crops"
FOLDER_OPTION = "--crops-folder"  # names the folder of the crops
VERSION = 1  # increase it when the same request gives other crops


@dataclass(frozen=True)
class EngineCrops:
    """Finished crops of native output: their folder, the table for build-manifest, the content of
    crops.json, and whether this call changed anything."""

    path: Path
    table: Path
    record: dict[str, Any]
    made: bool


@accepts(FormOptions)
def crop_engine_output(
    folder: AnyPath,
    output: AnyPath,
    options: FormOptions | None = None,
    *,
    workers: int | None = None,
    force: bool = False,
    progress: Progress = no_progress,
    **changes: Any,
) -> EngineCrops:
    """Cut the people out of native engine output, and return the folder of crops.

    Each annotation becomes a crop or a row of `_rejected.csv`. The same request continues an
    interrupted one, and scenes whose files are unchanged are kept. Worker processes are started: a
    script needs `if __name__ == "__main__":`.

    Args:
        folder: the output of the engine: one scene, or a folder of several.
        output: folder of the crops.
        options: all options at once; the keywords below change single fields of it.
        workers: processes; by default one for each core.
        force: replace the crops of another request in the folder.
        progress: called with the number of frames cut and of all frames.

    Raises:
        FramesError: the folder has no known form, or its files do not fit.
        RequestChanged: the output holds another request, and `force` is not set.
    """
    given = combined(FormOptions, options, changes, "crop_engine_output")
    folder, output = Path(folder), Path(output)
    form, why = _form(folder, given.form)
    _check_identity(form, given.identity)
    scenes = _scenes(form, folder, given)
    rules, writing = _rules(given), CropWriter(quality=given.quality)
    request = {
        "version": VERSION,
        "form": form.name,
        "folder": os.path.relpath(folder.resolve(), output.resolve()),
        **given.recorded(),
    }
    digests = {scene.name: scene_digest(scene, form, given) for scene in scenes}
    key = fingerprint([VERSION, rules.as_dict(), vars(writing)])
    if _unchanged(output, request, digests, force):
        record = read_json(output / RECORD, FramesError, "a folder of crops")
        return EngineCrops(output, output / TABLE, record, False)
    with hold_request(
        output, KIND, RECORD, request, FramesError, force=force, option=FOLDER_OPTION
    ) as real:
        _drop_changed(real, digests)
        scans = _scan(real, form, scenes, digests, given, workers, progress)
        jobs = {
            name: [
                CutJob(folder_of(real, name) / part, count, folder, real, key, rules, writing)
                for part, count in scan.lists.items()
            ]
            for name, scan in scans.items()
        }
        _cut(
            list(jobs.values()),
            sum(sum(scan.lists.values()) for scan in scans.values()),
            workers,
            progress,
        )
        record = _finish(real, form, why, request, scans, jobs)
        record["scenes"] = digests
        write_json(real / RECORD, record)
        remove_output(real / REQUEST_FILE)
    return EngineCrops(output, output / TABLE, record, True)


def _form(folder: Path, name: str) -> tuple[EngineForm, str]:
    if not folder.is_dir():
        raise FramesError(f"There is no folder {folder}. Name the folder of an engine's output.")
    if name != "auto":
        return find_form(name), "named by --form"
    found = detect_form(folder)
    if found is None:
        raise FramesError(
            f"{folder} has no native form of an engine that gprplus knows. `gprplus layouts forms`"
            " lists them; name one with --form."
        )
    return found


def _rules(options: FormOptions) -> CropRules:
    return CropRules(
        margin=options.margin,
        min_width_px=options.min_width,
        min_height_px=options.min_height,
        min_visible=options.min_visible,
        max_truncated=options.max_truncated,
        edges=options.edges,
    )


def _check_identity(form: EngineForm, identity: str) -> None:
    if identity and identity not in form.identities:
        raise FramesError(
            f"--identity {identity}: {form.name} takes {' or '.join(form.identities)}."
        )


def _scenes(form: EngineForm, folder: Path, options: FormOptions) -> list[EngineScene]:
    scenes = list(form.scenes(folder, options))
    if not scenes:
        raise FramesError(f"{folder} has no scene of the form {form.name} ({form.title}).")
    counted = Counter(safe_name(scope_prefix(scene.name)).casefold() for scene in scenes)
    twice = [
        scene.name
        for scene in scenes
        if counted[safe_name(scope_prefix(scene.name)).casefold()] > 1
    ]
    if twice:
        raise FramesError(f"Two scenes of {folder} have one name: {first_few(twice)}. Rename one.")
    return sorted(scenes, key=lambda scene: scene.name)


def scene_digest(scene: EngineScene, form: EngineForm, options: FormOptions) -> str:
    """Return a digest of names, sizes and modification times of the files of a scene."""
    places = scene.files or (
        (scene.root / scene.name) if (scene.root / scene.name).is_dir() else scene.root,
    )
    files = [
        (path.relative_to(scene.root).as_posix(), found.st_size, found.st_mtime_ns)
        for place in places
        for path, found in _stats(place)
    ]
    return fingerprint([form.name, options.every, options.identity, scene.name, files])


def _stats(place: Path) -> Iterator[tuple[Path, os.stat_result]]:
    if not place.is_dir():
        if place.exists():
            yield place, place.stat()
        return
    with os.scandir(place) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        if entry.is_dir(follow_symlinks=False):
            yield from _stats(Path(entry.path))
        else:
            yield Path(entry.path), entry.stat()


def _unchanged(output: Path, request: dict[str, Any], digests: dict[str, str], force: bool) -> bool:
    if not (output / RECORD).exists() or (output / REQUEST_FILE).exists():
        return False
    if check_request(output / RECORD, request, force=force, option=FOLDER_OPTION) != "same":
        return False
    record = read_json(output / RECORD, FramesError, "a folder of crops")
    return record.get("scenes") == digests and (output / TABLE).is_file()


def folder_of(output: Path, scene: str) -> Path:
    """Return the folder of the scan of a scene."""
    return output / SCENES / safe_name(scene.replace("/", "-"))


def _drop_changed(output: Path, digests: dict[str, str]) -> None:
    """Remove the crops and scans of scenes that changed or are no longer there."""
    kept = {folder_of(output, name).name: digest for name, digest in digests.items()}
    folders = sorted((output / SCENES).iterdir()) if (output / SCENES).is_dir() else []
    for folder in folders:
        scan = read_scan(folder)
        if scan is not None and kept.get(folder.name) == scan.digest:
            continue
        for rows in folder.glob("*.rows"):
            for crop in rows_of(rows, "crop"):
                remove_output(output / crop["path"])
        remove_output(folder)


def _scan(
    output: Path,
    form: EngineForm,
    scenes: Sequence[EngineScene],
    digests: dict[str, str],
    options: FormOptions,
    workers: int | None,
    progress: Progress,
) -> dict[str, SceneScan]:
    """Scan the scenes that have no scan yet."""
    scans = {scene.name: read_scan(folder_of(output, scene.name)) for scene in scenes}
    jobs = [
        ScanJob(
            scene,
            form.name,
            form.scope_of(options.identity),
            options.every,
            folder_of(output, scene.name),
            digests[scene.name],
        )
        for scene in scenes
        if scans[scene.name] is None
    ]
    if jobs:
        describe_progress(progress, f"reading the annotations of {len(jobs):,} scenes", None)
    found = map_processes(scan_scene, jobs, workers if len(jobs) > 1 else 1)
    scans |= {job.scene.name: scan for job, scan in zip(jobs, found, strict=True)}
    return {name: scan for name, scan in scans.items() if scan is not None}


def _cut(
    scenes: Sequence[Sequence[CutJob]], total: int, workers: int | None, progress: Progress
) -> None:
    jobs = [job for scene in scenes for job in scene]
    describe_progress(progress, "cutting", None)
    done = 0
    for count in map_processes(cut_list, jobs, workers if len(jobs) > 1 else 1):
        done += count
        progress(done, total)


def _finish(
    output: Path,
    form: EngineForm,
    why: str,
    request: dict[str, Any],
    scans: dict[str, SceneScan],
    jobs: dict[str, list[CutJob]],
) -> dict[str, Any]:
    """Write the tables, and return the record."""
    disagreeing = {name for name, scan in scans.items() if scan.walking.disagrees}
    files = [(job.rows, name not in disagreeing) for name, some in jobs.items() for job in some]
    cameras = camera_numbers(camera for scan in scans.values() for camera in scan.cameras)
    crops, identities = write_crops(output, files, cameras)
    rejected = write_rejected(output / REJECTED, [rows for rows, _ in files])
    if not crops:
        raise FramesError(_nothing(form, rejected, files))
    unknown: Counter[tuple[str, str]] = Counter()
    for scan in scans.values():
        unknown.update({(name, token): count for name, token, count in scan.unknown})
    remarks = [scans[name].walking.sentence(name) for name in sorted(disagreeing)]
    return {
        "form": form.name,
        "title": form.title,
        "why": why,
        "request": request,
        "cameras": cameras,
        "images": crops,
        "identities": identities,
        "rejected": rejected,
        "remarks": [*unknown_sentences(form.name, unknown), *remarks],
        "versions": package_versions(),
    }


def _nothing(form: EngineForm, rejected: dict[str, int], files: Sequence[tuple[Path, bool]]) -> str:
    """Return the sentence about output of which nothing became a crop."""
    first = next(
        (row for rows, _ in files for row in rows_of(rows, "reject")),
        None,
    )
    if first is None:
        return f"The {form.name} output has no annotated person."
    counts = ", ".join(f"{reason} {count:,}" for reason, count in rejected.items())
    return f"No annotation became a crop ({counts}), the first because: {first['detail']}"
