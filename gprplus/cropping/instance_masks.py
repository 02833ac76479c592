"""Whole frames with instance masks: an image for each frame in which every person has a value or a
color.

Without a table the value is the identity, so it must mean the same person in every frame. A table
(CSV, with a column `value` or `colour`, an optional `frame`, `identity` and attributes) maps values
to identities; other values are rejected and counted.
"""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from gprplus.core.declarations import attributes
from gprplus.core.errors import FramesError, did_you_mean, first_few
from gprplus.core.imaging.image_headers import EXTENSIONS
from gprplus.core.imaging.images import open_image
from gprplus.core.sampling import sha256_digest
from gprplus.cropping.annotations import AnnotatedFrame, AnnotatedPerson, AnnotationSet
from gprplus.cropping.coco_reader import trailing_numbers
from gprplus.cropping.field_names import attribute_level
from gprplus.cropping.segmentation import read_instances

MOST_VALUES = 1_000  # of a mask whose values nothing names
_COLUMNS = ("frame", "value", "colour", "identity", *attributes())


def read_instance_masks(frames: Path, masks: Path, table: Path | None) -> AnnotationSet:
    """Pair each frame with its mask: the file of the same path below `masks`, with any extension.
    Raises FramesError.
    """
    paths = image_paths(frames)
    by_stem = {_stem(path): path for path in image_paths(masks)}
    absent = [path for path in paths if _stem(path) not in by_stem]
    if len(absent) == len(paths):
        raise FramesError(
            f"None of the {len(paths):,} frames under {frames}, such as {paths[0]}, has a mask of"
            f" the same name under {masks}, which holds"
            f" {first_few(sorted(by_stem.values()), 2) or 'no image'}."
        )
    paired = next(path for path in paths if _stem(path) in by_stem)
    refuse_pictures(frames / paired, masks / by_stem[_stem(paired)], named=table is not None)
    known = _table(table) if table else {}
    numbers = trailing_numbers(paths)
    if len(set(numbers)) < len(numbers):
        numbers = list(range(1, len(paths) + 1))
    everywhere = known.get("", {})
    found = [
        AnnotatedFrame(
            path,
            number,
            mask=str(masks / by_stem[_stem(path)]),
            known=None if table is None else _merged(everywhere, known, path),
        )
        for path, number in zip(paths, numbers, strict=True)
        if _stem(path) in by_stem
    ]
    about = {
        "kind": "masks",
        "digest": _digest(masks, sorted(by_stem.values())),
        "table": sha256_digest(table.read_bytes()) if table else None,
        "images": len(paths),
        "without_mask": len(absent),
    }
    remarks = (
        [f"{len(absent):,} frames have no mask and are left aside, such as {absent[0]}."]
        if absent
        else []
    )
    return AnnotationSet(tuple(found), about, remarks=tuple(remarks))


def refuse_pictures(frame: Path, mask: Path, *, named: bool) -> None:
    """Raise FramesError where a mask is evidently a picture: the frame itself, a JPEG, or, if no
    table names values, an image without background or with more values than a crowd."""
    why = ""
    if mask.suffix.lower() in (".jpg", ".jpeg"):
        why = "is a JPEG, which changes the values of pixels"
    elif frame.read_bytes() == mask.read_bytes():
        why = f"is the same file as the frame {frame}"
    elif not named:
        why = _without_sense(frame, mask)
    if why:
        raise FramesError(
            f"{mask} {why}, so it is no instance mask. Give --masks the folder of the masks: PNG,"
            " a value or color for each person, 0 for the background."
        )


def _without_sense(frame: Path, mask: Path) -> str:
    """Why an image of values without names can be no instance mask; "" if it can."""
    try:
        with open_image(frame.read_bytes()) as image:
            size = image.size
        found = np.unique(read_instances(mask, size))
    except Exception:  # frames and masks that cannot be read are rejected one by one
        return ""
    if len(found) > MOST_VALUES:
        return f"has {len(found):,} values"
    return "" if 0 in found else "has no background (value 0, black)"


def image_paths(folder: Path) -> list[str]:
    """Paths of the images below a folder, sorted; names that begin with "_" or "." are skipped.
    Raises FramesError."""
    if not folder.is_dir():
        raise FramesError(f"There is no folder {folder}. Name the folder of the images.")
    below = [
        path.relative_to(folder) for path in folder.rglob("*") if path.suffix.lower() in EXTENSIONS
    ]
    found = [path.as_posix() for path in below if not any(part[0] in "_." for part in path.parts)]
    if not found:
        raise FramesError(f"There is no image under {folder}. Name the folder of the images.")
    return sorted(found)


def _stem(path: str) -> str:
    return path.rpartition(".")[0]


def _merged(
    everywhere: Mapping[int, AnnotatedPerson],
    known: Mapping[str, dict[int, AnnotatedPerson]],
    path: str,
) -> Mapping[int, AnnotatedPerson | None]:
    """Return the identities by value in one frame; the same object for all frames without separate
    entries."""
    own = {**known.get(path, {}), **known.get(_stem(path), {})}
    return {**everywhere, **own} if own else everywhere


def _digest(root: Path, paths: Iterable[str]) -> str:
    """Return names and sizes: reading every mask to detect a change would take as long as
    cutting."""
    return sha256_digest(
        *(part for path in paths for part in (path, str((root / path).stat().st_size)))
    )


def _table(path: Path) -> dict[str, dict[int, AnnotatedPerson]]:
    """frame ("" for all of them) -> value -> person."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FramesError(f"{path} cannot be read as CSV: {error}.") from error
    columns = [name for name in (rows[0] if rows else {}) if name]
    for column in columns:
        if column not in _COLUMNS:
            raise FramesError(
                f"{path} has an unknown column '{column}'. {did_you_mean(column, _COLUMNS)}"
            )
    key = next((name for name in ("value", "colour") if name in columns), None)
    if key is None or "identity" not in columns:
        raise FramesError(
            f"{path} needs the columns value (or colour) and identity; it has"
            f" {first_few(columns, 6)}."
        )
    found: dict[str, dict[int, AnnotatedPerson]] = {}
    for line, row in enumerate(rows, start=2):
        value = number_of(row[key] or "", f"{path}, line {line}")
        levels = {
            name: attribute_level(name, row[name])
            for name in columns
            if name in attributes() and row[name]
        }
        inside = found.setdefault(row.get("frame") or "", {})
        if value in inside:
            raise FramesError(f"{path}, line {line}: {key} {row[key]} occurs twice.")
        inside[value] = AnnotatedPerson(value, row["identity"] or None, value=value, levels=levels)
    return found


def number_of(text: str, where: str) -> int:
    """A value (a whole number) or a colour (#rrggbb, or "r g b") as the number that read_instances
    gives it.

    >>> number_of("12", ""), number_of("#96053d", "") == number_of("150 5 61", "")
    (12, True)
    """
    parts = text.replace(",", " ").split()
    try:
        if len(parts) == 3:
            red, green, blue = map(int, parts)
            return (red << 16) | (green << 8) | blue
        return int(text.strip()[1:], 16) if text.strip().startswith("#") else int(text)
    except ValueError:
        raise FramesError(
            f"{where}: expected a value such as 12, #96053d or '150 5 61', found '{text}'."
        ) from None
