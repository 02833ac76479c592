"""`export`: write an arm, split or manifest in the format of another tool, atomically."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from gprplus.core.errors import ExportError, RequestChanged, did_you_mean, first_few
from gprplus.core.files.folders import discard_if_empty, hold_folder, remove_output
from gprplus.core.files.paths import AnyPath
from gprplus.core.files.workdir import (
    canonical_json,
    check_request,
    describe_changes,
    package_versions,
    read_json,
    work_folder,
    write_json,
)
from gprplus.core.options import accepts, combined
from gprplus.core.parallel import Progress, no_progress
from gprplus.core.progress import shows_progress
from gprplus.core.storage.address import is_address
from gprplus.core.storage.remote_path import as_path
from gprplus.core.storage.upload import recorded_request, replaced_folder
from gprplus.exports.export_layout import (
    ExportInfo,
    ExportLayout,
    check_names,
    safe_relative_path,
)
from gprplus.exports.forms import (
    atlas,
    coco,
    datumaro,
    fiftyone,
    imagefolder,
    market1501,
    mot_reid,
    msmt17,
    oml,
    parquet,
    webdataset,
)
from gprplus.exports.options import ExportOptions
from gprplus.exports.rows import ExportSource, open_source
from gprplus.exports.write_export import RECORD, unlinked_notes, write_export
from gprplus.schema import VERSION
from gprplus.schema.manifest_record import DatasetFacts

# Form -> rows (exports.rows.ROWS) to a plan. A new form is a module and a line here.
LOOSE: dict[str, Callable[[pa.Table, ExportInfo], ExportLayout]] = {
    "market1501": market1501.plan_market1501,
    "imagefolder": imagefolder.plan_imagefolder,
    "oml": oml.plan_oml,
    "msmt17": msmt17.plan_msmt17,
    "mot-reid": mot_reid.plan_mot_reid,
    "coco": coco.plan_coco,
    "datumaro": datumaro.plan_datumaro,
    "fiftyone": fiftyone.plan_fiftyone,
}
PACKED: dict[str, Callable[[pa.Table, ExportInfo], ExportLayout]] = {
    "parquet": parquet.plan_parquet,
    "webdataset": webdataset.plan_webdataset,
}
ATLAS: dict[str, Callable[[pa.Table, ExportInfo], ExportLayout]] = {"atlas": atlas.plan_atlas}
FORMS = (*LOOSE, *PACKED)
ONNX = "onnx"  # the form of a finished run
ALSO_CALLED = {"hf": "parquet"}  # what the hub takes
KIND = "an export"  # of folder, as its mark states
SIZED = ("coco", "datumaro", "fiftyone")  # forms that record width and height
READ_BACK = {"market1501": "market1501", "msmt17": "msmt17_v1"}  # form -> layout that reads it
ORIGIN = "renders.json"  # where a build of a manifest looks first


@dataclass(frozen=True)
class ExportResult:
    """An export on disk: its folder, its record (export.json), whether this call made it, and the
    folders that the images were read from.
    """

    path: Path
    info: dict[str, Any]
    made: bool = False
    roots: tuple[Path, ...] = ()


@shows_progress("Writing images")
@accepts(ExportOptions)
def export(
    source: AnyPath,
    to: str,
    output: AnyPath | None = None,
    options: ExportOptions | None = None,
    *,
    force: bool = False,
    progress: Progress = no_progress,
    **changes: Any,
) -> ExportResult:
    """Write the images of a split or manifest, or the network of a run, in the form of another
    tool.

    Images are links or copies; the packed forms (PACKED) hold their bytes. No image is encoded
    again. Everything is written into a folder inside the output and moved when it is complete;
    export.json comes last.

    Args:
        source: a split, a manifest, or the folder of one; for onnx the folder of a finished run.
        to: form: market1501, msmt17, mot-reid, coco, datumaro, fiftyone, imagefolder, oml,
            parquet (or hf), webdataset, atlas or onnx.
        output: folder of the export, or its address in object storage; by default
            WORK/exports/FORM/NAME, with -ARM where one is named (WORK: $GPRPLUS_WORK, else work/).
        options: all options at once; the keywords below change single fields of it.
        force: write anew, and replace another export in the folder.
        progress: called with the number of images written and of all images.

    Raises:
        ExportError: the form cannot carry the rows, names collide, an image is gone or is none,
            image files changed since the manifest was built, another process writes to the output,
            or it holds something else.
        RequestChanged: the output holds another export, and `force` is not set.
    """
    to, given = export_form(to), combined(ExportOptions, options, changes, "export")
    arm, link, shard_size = given.arm, given.link, given.shard_size
    output = default_folder(work_folder(), source, to, arm) if output is None else as_path(output)
    if to == ONNX:
        from gprplus.exports.onnx_model import onnx_request

        network = partial(_export_network, Path(source), force=force)
        if not is_address(output):
            return network(output)
        return _uploaded(output, onnx_request(Path(source)), force, network)
    link = "copy" if is_address(output) else link
    new = not os.path.lexists(output)
    found = open_source(Path(source), arm, given.roots, given.deal)
    how: dict[str, Any] = {"shard_size": shard_size} if to in PACKED else {"link": link}
    if to in ATLAS:
        how = {"features": _digest(given.features)}
    elif given.features is not None:
        raise ExportError("--features is for --to atlas; other forms have none.")
    # Exports made before these options existed have neither.
    how |= {"deal": given.deal} if given.deal else {}
    how |= {"cameras": given.cameras} if given.cameras != market1501.CAMERAS else {}
    request = {"form": to, "source": found.fingerprint, "arm": arm, **how}
    if is_address(output):
        copied = replace(given, link=link)
        write = partial(export, source, to, options=copied, progress=progress)
        return _uploaded(output, request, force, write)
    if (finished := _finished(output, request, force)) is not None:
        return finished
    with hold_folder(output, KIND, ExportError) as home:
        try:
            if (finished := _finished(home, request, force)) is not None:
                return replace(finished, path=output)  # of a process that ended just now
            found.refuse_changed()
            plans = {part: _planned(to, found, part, given) for part in found.parts}
            for part, plan in plans.items():
                check_names(plan, home / safe_relative_path(part) if part else home)
            record = write_export(
                home, found, plans, link, _record(found, plans, request), progress
            )
        finally:
            if new:
                discard_if_empty(home)
    return ExportResult(output, record, made=True, roots=tuple(found.roots.values()))


def _finished(folder: Path, request: Mapping[str, Any], force: bool) -> ExportResult | None:
    """The export of this request in a folder; None if there is none, or it is to be written anew."""
    if check_request(folder / RECORD, request, force=force) == "new" or force:
        return None
    return ExportResult(folder, read_json(folder / RECORD, ExportError, "an export"))


def _digest(features: Path | None) -> str | None:
    """Identify a file of features; None where there is none, which the plan refuses."""
    if features is None or not features.is_file():
        return None
    with features.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _export_network(run: Path, output: Path, *, force: bool) -> ExportResult:
    """Write the network of a run into a folder, with its record."""
    from gprplus.exports.onnx_model import FILE, onnx_request, write_onnx

    request = onnx_request(run)
    if (finished := _finished(output, request, force)) is not None:
        return finished
    with hold_folder(output, KIND, ExportError) as home:
        remove_output(home / RECORD)
        facts = write_onnx(run, home / FILE)
        record = {
            "schema_version": VERSION,
            "form": ONNX,
            "name": run.resolve().name,
            "request": request,
            "images": {},
            "notes": [],
            "onnx": facts,
            "versions": package_versions(),
        }
        write_json(home / RECORD, record)
    return ExportResult(output, record, made=True)


def _uploaded(
    output: Path, request: Mapping[str, Any], force: bool, write: Callable[[Path], ExportResult]
) -> ExportResult:
    """Let `write` export into a local folder, and upload it, unless that was done before."""
    before = recorded_request(output, RECORD)
    changed = describe_changes(before.get("request") or {}, json.loads(canonical_json(request)))
    if before and not changed and not force:
        return ExportResult(output, dict(before))
    if before and not force:
        raise RequestChanged(
            f"{output} holds the outcome of another request ({first_few(changed)}). Give another"
            " folder with -o, or --force to replace it."
        )
    with replaced_folder(output, RECORD, KIND, ExportError) as folder:
        found = write(folder)
    return replace(found, path=output)


def default_folder(work: Path, source: AnyPath, to: str, arm: str | None) -> Path:
    """Return the folder of an export that is given none, below the folder `work`; that of a run is
    named by its split, trainer, arm and seed."""
    place = Path(source).resolve()
    name = "-".join(place.parts[-4:]) if to == ONNX else place.name
    return work / "exports" / to / (f"{name}-{arm}" if arm else name)


def _record(
    source: ExportSource, plans: Mapping[str, ExportLayout], request: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "schema_version": VERSION,
        "form": request["form"],
        "name": source.name,
        "request": request,
        "images": {part: len(plan.files) for part, plan in plans.items()},
        "notes": [
            *source.notes,
            *(note for plan in plans.values() for note in plan.notes),
            *unlinked_notes(source, request),
        ],
        "licences": {name: dataset.licence for name, dataset in source.datasets.items()},
        "versions": package_versions(),
    }


def export_form(name: str) -> str:
    """The form of a name, in its own or another. Raises ExportError with the nearest."""
    found = ALSO_CALLED.get(name, name)
    if found not in (*FORMS, *ATLAS, ONNX):
        raise ExportError(
            f"There is no form '{name}'. {did_you_mean(name, (*FORMS, *ATLAS, ONNX, *ALSO_CALLED))}"
        )
    return found


def _planned(to: str, source: ExportSource, part: str, given: ExportOptions) -> ExportLayout:
    rows = source.parts[part]
    about = ExportInfo(
        source.name,
        source.fingerprint,
        part or given.arm,
        source.datasets,
        given.shard_size,
        given.cameras,
        given.features,
        source.sizes() if to in SIZED else {},
    )
    plan = {**LOOSE, **PACKED, **ATLAS}[to](rows, about)
    if to not in READ_BACK:
        return plan
    return replace(plan, records={ORIGIN: export_origin(READ_BACK[to], source.datasets, rows)})


def export_origin(
    layout: str, datasets: Mapping[str, DatasetFacts], rows: pa.Table
) -> dict[str, Any]:
    """Return the renders.json of the folder, which records the source of the images independently
    of their names.

    Without it, renders under the names of Market-1501 would be ingested as that dataset, with its
    licence, as photographs.
    """
    inside = {name: datasets[name] for name in sorted(set(rows.column("dataset").to_pylist()))}
    titles = [dataset.title or name for name, dataset in inside.items()]
    licences = [dataset.licence or "not stated" for dataset in inside.values()]
    return {
        "layout": layout,
        "title": ", ".join(dict.fromkeys(titles)),
        "licence": ", ".join(dict.fromkeys(licences)),
        "status": "exported",
        "expected": {"images": rows.num_rows},
    }
