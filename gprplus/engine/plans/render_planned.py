"""Rendering of a plan into a folder: what is missing is added, and the record describes the
union of all plans."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gprplus.core.errors import RenderError
from gprplus.core.files.folders import remove_output
from gprplus.core.files.paths import AnyPath
from gprplus.core.files.workdir import (
    REQUEST_FILE,
    check_request,
    package_versions,
    read_json,
    work_folder,
    write_json,
)
from gprplus.core.parallel import Progress, worker_count
from gprplus.engine.options import RenderOptions
from gprplus.engine.output.ledger import BLOCKS, PART
from gprplus.engine.output.output_folder import (
    LICENCE,
    choose_device,
    is_complete,
    prepare_output,
    remove_parts,
    write_identities,
)
from gprplus.engine.output.workers import BlockJob
from gprplus.engine.places.weather_light import WEATHERS
from gprplus.engine.plans.plan_cells import identity_name
from gprplus.engine.plans.planned_design import LIGHTS, PlannedRender, planned_render

_IMAGE = re.compile(r"(\d{4})_c\d{6}_w\d{2}_l\d{2}_p\d{2}\.jpg")


def default_folder(domain: str) -> Path:
    """Return the folder of the plans of a domain."""
    return work_folder() / "renders" / f"{domain}-planned"


def render_planned(
    output: AnyPath | None,
    options: RenderOptions,
    *,
    force: bool,
    progress: Progress,
    wanted: PlannedRender | None = None,
) -> Path:
    """Draw the images of `options.plan` that the folder lacks; arguments as for `render`, and the
    plan where it is open already.

    A folder of other plans with the same settings keeps their images.
    """
    wanted = wanted or planned_render(options)
    output = default_folder(options.domain) if output is None else Path(output)
    if plan_complete(output, wanted, force=force):
        remove_parts(output, BLOCKS)
        progress(wanted.images, wanted.images)
        return output
    where = choose_device(options.device)
    missing = missing_images(output, wanted, force=force)
    with prepare_output(output, missing, force=force) as real:
        missing = missing_images(real, wanted, force=False)  # the folder is held now
        done = wanted.images - missing.images
        progress(done, wanted.images)
        if missing.blocks:
            job = BlockJob(wanted.design, real, where, worker_count(options.workers))
            for finished in job.run_missing(missing.batches()):
                done += finished
                progress(done, wanted.images)
        _conclude(real, wanted)
    return output


def plan_complete(output: Path, wanted: PlannedRender, *, force: bool = False) -> bool:
    """Return True if the folder has all images of the plan, by its record; RequestChanged if it was
    made with other settings, without `force`."""
    if not is_complete(output, wanted, force=force):
        return False
    return any(plan["fingerprint"] == wanted.plan.fingerprint for plan in _plans(output, wanted))


def missing_images(output: Path, wanted: PlannedRender, *, force: bool) -> PlannedRender:
    """Return the part of a render that the folder lacks: all of it with `force` where its settings
    are others. A file is there only if it is whole."""
    if not _same_settings(output, wanted, force=force):
        return wanted
    numbers = {block.identity for block in wanted.blocks}
    existing = {
        f"{who}/{name}" for who in map(identity_name, numbers) for name in _images(output / who)
    }
    return wanted.without(existing)


def _same_settings(output: Path, wanted: PlannedRender, *, force: bool) -> bool:
    """Return True if the folder holds images with these settings, or is about to."""
    records = (output / REQUEST_FILE, output / wanted.record)
    return "same" in [check_request(one, wanted.request(), force=force) for one in records]


def _plans(output: Path, wanted: PlannedRender) -> list[dict[str, Any]]:
    """Return the plans that the record of a folder lists."""
    record = output / wanted.record
    return read_json(record, RenderError, "a render")["plans"] if record.exists() else []


def _images(folder: Path) -> list[str]:
    """Return the names of the images of one identity."""
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries if _IMAGE.fullmatch(entry.name)]


def _conclude(output: Path, wanted: PlannedRender) -> None:
    """identities.csv, and the record of the union, last; leftovers of a kill are swept away."""
    for part in output.rglob(f"*{PART}"):
        remove_output(part)
    counts = {
        int(folder.name): len(_images(folder))
        for folder in sorted(output.iterdir())
        if folder.is_dir() and folder.name.isdecimal()
    }
    drawn = [number for number, count in counts.items() if count]
    write_identities(output, wanted.design, drawn)
    plan = {
        "name": wanted.plan.name,
        "fingerprint": wanted.plan.fingerprint,
        "images": wanted.images,
    }
    others = [one for one in _plans(output, wanted) if one["fingerprint"] != plan["fingerprint"]]
    write_json(
        output / wanted.record,
        {
            "layout": "engine_plan",
            "name": f"{wanted.design.domain.name}-planned",
            "schema_version": 1,
            "request": wanted.request(),
            "weather": _codes(WEATHERS),
            "illumination": _codes(LIGHTS),
            "background": _codes(wanted.design.domain.scenes),
            "identities": len(drawn),
            "images": sum(counts.values()),
            "plans": [*others, plan],
            "licence": LICENCE,
            "versions": package_versions(),
        },
    )
    remove_parts(output, BLOCKS)


def _codes(names: Sequence[str]) -> dict[str, str]:
    return {f"{code:02d}": name for code, name in enumerate(names, 1)}
