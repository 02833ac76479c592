"""Output files next to the crops: identities.csv, the rejects, the COCO file, and renders.json,
written last."""

import csv
import io
import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from gprplus.core.errors import FramesError, first_few
from gprplus.core.escape import csv_text
from gprplus.core.files.folders import claim_folder, remove_output
from gprplus.core.files.safe_names import LONGEST
from gprplus.core.files.workdir import (
    REQUEST_FILE,
    atomic_write,
    fingerprint,
    package_versions,
    read_json,
    write_json,
    write_text,
)
from gprplus.cropping import field_names
from gprplus.cropping.annotations import REASONS, AnnotationSet
from gprplus.cropping.output_names import CropNaming
from gprplus.cropping.worker import PARTS, FrameShard

RECORD, KIND = "renders.json", "crops"
COCO, REJECTED, NAMES = "_crops.json", "_rejected.csv", "_identities.csv"
_REJECT = ("frame", "number", "identity", "reason", "detail")
_CARRIED = ("visible", "visible_from", "truncated", "segmentation", "keypoints")


def write_outputs(
    output: Path,
    source: AnnotationSet,
    shards: Sequence[FrameShard],
    table: CropNaming,
    request: dict[str, Any],
) -> dict[str, Any]:
    """identities.csv, the rejects, the crops' COCO file, and the record last."""
    read = partial(_rows, shards)
    reasons = _write_rejected(output / REJECTED, source, read("rejected"))
    crops, people, doubts = _write_coco(output / COCO, source, table, read("crops"))
    _write_identities(output, people, table)
    described = {reason: REASONS[reason] for reason in reasons}
    info = {
        "layout": "frame_crops",
        "name": request["name"] or dataset_name(output),
        "schema_version": 1,
        "request": request,
        **table.tables(),
        "images": crops,
        "identities": len(people),
        "renamed_identities": len(table.identities),
        "annotations": crops + sum(reasons.values()),
        "rejected": reasons,
        "reasons": described,
        "remarks": [*source.remarks, *doubts],
        "versions": package_versions(),
    }
    info["fingerprint"] = fingerprint([crops, reasons, people])
    write_json(output / RECORD, info)
    remove_parts(output)
    return info


def dataset_name(output: Path) -> str:
    """Return the name of the dataset, that of its folder, so that several fit one manifest."""
    name = re.sub(r"[^\w.-]+", "-", output.resolve().name).lstrip(".-")
    return name if name and len(name.encode()) <= LONGEST else "frame_crops"


def remove_parts(output: Path) -> None:
    """Remove what a finished folder of crops no longer needs: its parts and its request."""
    for name in (PARTS, REQUEST_FILE):
        if (output / name).exists():
            claim_folder(output, KIND, FramesError, adopt=True)
            remove_output(output / name)


def _rows(shards: Sequence[FrameShard], kind: str) -> Iterator[dict[str, Any]]:
    for shard in shards:
        yield from read_json(shard.record, FramesError, "a part of a finished cut")[kind]


def _write_rejected(
    path: Path, source: AnnotationSet, rows: Iterator[dict[str, Any]]
) -> dict[str, int]:
    """The table of rejects; returns how many for each reason, in the order of REASONS."""
    table: list[Sequence[Any]] = [_REJECT]
    counted: Counter[str] = Counter()
    early = ({**vars(item)} for item in source.rejected)
    for row in [*early, *rows]:
        table.append([row[key] for key in ("frame", "number", "identity", "reason", "detail")])
        counted[row["reason"]] += 1
    write_text(path, csv_text(table))
    return {reason: counted[reason] for reason in REASONS if counted[reason]}


def _write_coco(
    path: Path, source: AnnotationSet, table: CropNaming, rows: Iterator[dict[str, Any]]
) -> tuple[int, dict[str, dict[str, Any]], list[str]]:
    """The crops as COCO, written row by row; returns their number, the people, and doubts about
    those."""
    people: dict[str, dict[str, Any]] = {}
    clashes: dict[tuple[str, str], set[str]] = {}
    count = 0
    category: dict[str, Any] = {"id": 1, "name": "person"}
    if source.points:
        category |= {
            "keypoints": list(source.points),
            "skeleton": [list(pair) for pair in source.skeleton],
        }
    with (
        atomic_write(path) as temporary,
        temporary.open("w", encoding="utf-8") as file,
        TemporaryFile(
            "w+", encoding="utf-8", dir=path.parent
        ) as annotations,  # has no name that a kill could leave
    ):
        about = {
            "description": "Persons cut out of whole frames; coordinates are pixels of the crop."
        }
        file.write(
            f'{{"info": {json.dumps(about)},\n"categories": {json.dumps([category])},\n"images": ['
        )
        for count, row in enumerate(rows, start=1):
            image, annotation = _coco_rows(count, row)
            file.write(("," if count > 1 else "") + "\n" + json.dumps(image, ensure_ascii=False))
            annotations.write(
                ("," if count > 1 else "") + "\n" + json.dumps(annotation, ensure_ascii=False)
            )
            _notice(people, clashes, row)
        file.write('],\n"annotations": [')
        annotations.seek(0)
        shutil.copyfileobj(annotations, file)
        file.write("]}\n")
    for attribute, identity in clashes:
        people[identity][attribute] = None
    doubts = [
        f"{len(found):,} identities have more than one {attribute} ({first_few(found)}): it stays"
        " unknown for them."
        for attribute in field_names.identity_fields()
        if (found := sorted(identity for name, identity in clashes if name == attribute))
    ]
    return count, dict(sorted(people.items())), doubts


def _coco_rows(number: int, row: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    image = {"id": number, **{key: row[key] for key in ("file_name", "width", "height")}}
    levels = {key: value for key, value in row["levels"].items() if value is not None}
    inner = row["extra"].get("attributes")
    inner = inner if isinstance(inner, dict) else {}
    source = {"frame_file": row["frame"], "frame": row["frame_number"], "window": row["window"]}
    annotation = {
        **row["extra"],
        "id": number,
        "image_id": number,
        "category_id": 1,
        "iscrowd": 0,
        "bbox": row["bbox"],
        "area": round(row["bbox"][2] * row["bbox"][3], 3),
        "identity": row["identity"],
        "number": row["number"],
        **{
            key: row[key]
            for key in ("visible", "visible_from", "truncated", "segmentation", "keypoints")
            if key in row
        },
        "attributes": {**inner, **levels},
    }
    if "keypoints" in row:
        annotation["num_keypoints"] = sum(v > 0 for v in row["keypoints"][2::3])
    return {**image, **source}, annotation


def _notice(
    people: dict[str, dict[str, Any]], clashes: dict[tuple[str, str], set[str]], row: dict[str, Any]
) -> None:
    """Store the identity attributes of a crop, and record differences between the crops of an
    identity."""
    known = people.setdefault(row["identity"], {})
    for attribute in field_names.identity_fields():
        value = row["levels"].get(attribute)
        if value is not None and known.setdefault(attribute, value) != value:
            clashes.setdefault((attribute, row["identity"]), set()).update(
                (known[attribute], value)
            )


def _write_identities(output: Path, people: dict[str, dict[str, Any]], table: CropNaming) -> None:
    """identities.csv by token, for build-manifest to join; and who a token is, where it is not the
    identity itself."""
    present = [
        name
        for name in field_names.identity_fields()
        if any(person.get(name) is not None for person in people.values())
    ]
    rows = [
        [table.token(who), *(person.get(name) or "" for name in present)]
        for who, person in people.items()
    ]
    text = io.StringIO()  # read back by build-manifest: as it is
    csv.writer(text, lineterminator="\n").writerows([["identity", *present], *sorted(rows)])
    write_text(output / "identities.csv", text.getvalue())
    if table.identities:
        named = [
            [token, identity]
            for identity, token in sorted(table.identities.items())
            if identity in people
        ]
        write_text(output / NAMES, csv_text([["token", "identity"], *named]))
