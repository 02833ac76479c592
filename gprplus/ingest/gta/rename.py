"""Raw output of the GTA V generator under the names of GPR+: `NNNN/NNNN_cNN_wNN_lNN.jpg`, by
rename_plan.py."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gprplus.core.errors import ManifestError, first_few
from gprplus.core.escape import csv_text
from gprplus.core.files.folders import claim_folder, remove_output
from gprplus.core.files.paths import AnyPath
from gprplus.core.files.workdir import (
    REQUEST_FILE,
    check_request,
    hold_request,
    package_versions,
    read_json,
    write_bytes,
    write_json,
    write_text,
)
from gprplus.core.imaging import images
from gprplus.core.imaging.image_headers import format_of
from gprplus.core.options import accepts, combined
from gprplus.core.parallel import Progress, map_processes, no_progress
from gprplus.ingest.gta.rename_options import RenameOptions
from gprplus.ingest.gta.rename_plan import RenamePlan, plan_renames

KIND = "published renders"  # of folder, as its mark states
RECORD, NAMES, REJECTED = "renders.json", "_names.csv", "_rejected.csv"
VERSION = 1


@dataclass(frozen=True)
class _Job:
    raw: Path
    output: Path
    pairs: tuple[tuple[str, str], ...]
    keep: bool
    quality: int


@accepts(RenameOptions)
def write_renamed(
    raw: AnyPath,
    output: AnyPath,
    options: RenameOptions | None = None,
    *,
    force: bool = False,
    progress: Progress = no_progress,
    **changes: Any,
) -> tuple[RenamePlan, dict[str, Any]]:
    """Write raw output under published names; return the plan and the renders.json.

    With `bytes_` "jpeg" a JPEG is copied, not encoded again (raw files are PNG despite their
    names). Continues after an interruption. Raises LayoutError, ManifestError, or RequestChanged.
    """
    given = combined(RenameOptions, options, changes, "write_renamed")
    cameras, bytes_, quality = given.cameras, given.bytes_, given.quality
    raw, output = Path(raw), Path(output)
    found = plan_renames(raw, layout=given.layout, cameras=cameras)
    _refuse_collisions(found)
    request = {
        "version": VERSION,
        "raw": raw.resolve().name,
        "files": len(found.pairs),
        "layout": found.layout.name,
        "cameras": cameras,
        "bytes": bytes_,
        "quality": quality if bytes_ == "jpeg" else None,
        "name": given.name,
    }
    if check_request(output / RECORD, request, force=force) == "same":
        _tidy(output)
        return found, read_json(output / RECORD, ManifestError, "a folder of renders")
    with hold_request(output, KIND, RECORD, request, ManifestError, force=force) as real:
        return found, _published(
            raw, real, found, request, bytes_ == "keep", quality, given.workers, progress
        )


def _published(
    raw: Path,
    output: Path,
    found: RenamePlan,
    request: dict[str, Any],
    keep: bool,
    quality: int,
    workers: int | None,
    progress: Progress,
) -> dict[str, Any]:
    rejected: list[tuple[str, str]] = []
    done = 0
    jobs = [
        _Job(raw, output, tuple(found.pairs[start : start + 256]), keep, quality)
        for start in range(0, len(found.pairs), 256)
    ]
    for lost in map_processes(_write, jobs, workers if len(jobs) > 1 else 1):
        rejected += lost
        done = min(done + 256, len(found.pairs))
        progress(done, len(found.pairs))
    return _conclude(output, found, request, rejected)


def _refuse_collisions(found: RenamePlan) -> None:
    if found.collisions:
        shown = first_few(
            [f"{name} from {' and '.join(raws)}" for name, raws in found.collisions.items()], 2
        )
        claimed = f"{len(found.collisions):,} published names are claimed by more than one raw file"
        raise ManifestError(f"{claimed}: {shown}. Keep one of each.")


def _write(job: _Job) -> list[tuple[str, str]]:
    """Write some images; return those that failed, with reasons. Existing complete files are
    kept."""
    lost = []
    for path, name in job.pairs:
        if (job.output / name).exists():
            continue
        try:
            data = images.read_bytes(job.raw, path)
        except OSError as error:
            lost.append((path, f"the file cannot be opened: {error.strerror}."))
            continue
        if not job.keep and format_of(data[:4096]) != "jpeg":
            pixels = images.decode_image(data)
            if pixels is None:
                lost.append((path, "the bytes are no whole image."))
                continue
            data = images.encode_jpeg(pixels, job.quality)
        write_bytes(job.output / name, data)
    return lost


def _conclude(
    output: Path, found: RenamePlan, request: dict[str, Any], rejected: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """Write the tables next to the images, and the record last."""
    lost = {path for path, _ in rejected}
    written = [(name, path) for path, name in found.pairs if path not in lost]
    left = [(path, f"{why}.") for path, why in found.unnamed] + list(rejected)
    left += [(path, "the doubled sunny pass has no published name.") for path in found.doubled]
    write_text(output / NAMES, csv_text([("published", "raw"), *written]))
    write_text(output / REJECTED, csv_text([("raw", "why"), *sorted(left)]))
    info: dict[str, Any] = {
        "layout": "gprplus",
        "name": request["name"] or "gprplus",
        "schema_version": 1,
        "request": request,
        "degrees": found.degrees,
        "expected": {"per_identity": found.per_identity},
        "images": len(written),
        "identities": found.identities,
        "doubled": len(found.doubled),
        "unnamed": len(found.unnamed),
        "unreadable": len(rejected),
        "partial": found.partial,
        "versions": package_versions(),
    }
    if found.places:
        functions = {"camera": ["viewpoint_deg"], "background": ["weather"]}
        info |= {
            "background": found.places,
            "groups": {"background": "weather"},
            "functions": functions,
        }
    write_json(output / RECORD, info)
    _tidy(output)
    return info


def _tidy(output: Path) -> None:
    """Remove the note of the request once its record is written."""
    if (output / REQUEST_FILE).exists():
        claim_folder(output, KIND, ManifestError, adopt=True)
        remove_output(output / REQUEST_FILE)
