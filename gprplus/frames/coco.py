"""Reading COCO JSON: images, annotations, categories, and whatever keys a source adds to them."""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from gprplus.errors import FramesError, examples, nearest
from gprplus.frames.keys import Keys, Record, check, level
from gprplus.frames.source import Box, Frame, Person, Rejected, Source
from gprplus.keys import digest
from gprplus.runs import read_json

PERSONS = ("person", "pedestrian", "people", "human")
_TAKEN = frozenset(
    {"id", "image_id", "category_id", "bbox", "area", "iscrowd", "segmentation", "keypoints", "num_keypoints"}
)


def read_coco(path: Path, keys: Keys, category: str | None = None) -> Source:
    """The frames and persons of a COCO file. Raises FramesError for what is none, or lacks the keys asked for."""
    if not path.is_file():
        raise FramesError(f"There is no file {path}; a COCO JSON file was expected.")
    data = read_json(path, FramesError, "COCO annotations")
    images, annotations = (_objects(data, name, path) for name in ("images", "annotations"))
    if not annotations:
        raise FramesError(f"{path} has no annotation.")
    check(keys, _present((*annotations, *images)), str(path))
    wanted, described = _category(data, category, path)
    numbers = _numbers(annotations)
    by_image: dict[Any, list[Person]] = defaultdict(list)
    known = _by_id(images, path)
    rejected = []
    for number, annotation in zip(numbers, annotations, strict=True):
        image = known.get(annotation.get("image_id"))
        if image is None:
            missing = f"there is no image with the id {annotation.get('image_id')!r}."
            rejected.append(Rejected("", number, None, "frame", missing))
            continue
        by_image[image["id"]].append(_person(number, annotation, image, keys, wanted))
    ordered = sorted(images, key=lambda image: (str(image["file_name"]), str(image["id"])))
    found = [
        Frame(str(image["file_name"]), number, _size(image), tuple(by_image[image["id"]]))
        for number, image in zip(_frame_numbers(ordered, keys), ordered, strict=True)
        if by_image[image["id"]]
    ]
    about = {
        "kind": "coco",
        "digest": digest(path.read_bytes()),
        "keys": {name: "+".join(parts) for name, parts in keys.items()},
        "category": described,
        "box_numbers": "the annotation's id" if numbers == [a.get("id") for a in annotations] else "the position",
        "images": len(images),
        "annotations": len(annotations),
    }
    points, skeleton = _points(data)
    return Source(tuple(found), about, tuple(rejected), points, skeleton, _unread(annotations, keys))


def _objects(data: Mapping[str, Any], name: str, path: Path) -> list[dict[str, Any]]:
    found = data.get(name)
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise FramesError(f"{path}: expected a list of objects called '{name}'; it has {examples(sorted(data), 6)}.")
    return found


def _present(objects: Iterable[Mapping[str, Any]]) -> set[str]:
    names: set[str] = set()
    for item in objects:
        names |= item.keys()
        inner = item.get("attributes")
        if isinstance(inner, Mapping):
            names |= inner.keys()
    return names


def _by_id(images: list[dict[str, Any]], path: Path) -> dict[Any, dict[str, Any]]:
    known: dict[Any, dict[str, Any]] = {}
    for image in images:
        for key in ("id", "file_name"):
            if key not in image:
                raise FramesError(f"{path}: an image lacks '{key}'; it has {examples(sorted(image), 6)}.")
        if image["id"] in known:
            raise FramesError(f"{path}: two images have the id {image['id']!r}.")
        parts = PurePosixPath(str(image["file_name"]))
        if parts.is_absolute() or ".." in parts.parts:
            raise FramesError(f"{path}: the file_name '{parts}' leaves the folder of frames.")
        known[image["id"]] = image
    return known


def _category(data: Mapping[str, Any], wanted: str | None, path: Path) -> tuple[set[Any] | None, str]:
    """The ids that mean a person (None: all), and how they are called."""
    named = {item.get("id"): str(item.get("name", "")) for item in data.get("categories") or [] if item}
    if not named:
        return None, "all: the file declares none"
    accepted = PERSONS if wanted is None else (wanted.lower(),)
    chosen = {number for number, name in named.items() if name.lower() in accepted}
    if not chosen:
        near = nearest(wanted or "person", named.values())
        raise FramesError(f"{path} has no category '{wanted or 'person'}'. {near} Choose with --category NAME.")
    return chosen, ", ".join(sorted({named[number] for number in chosen}))


def _numbers(annotations: list[dict[str, Any]]) -> list[int]:
    """The ids, where they are whole numbers and each its own; else positions from 1."""
    ids = [annotation.get("id") for annotation in annotations]
    whole = all(isinstance(number, int) and not isinstance(number, bool) and number >= 0 for number in ids)
    return [int(number or 0) for number in ids] if whole and len(set(ids)) == len(ids) else list(range(1, len(ids) + 1))


def _frame_numbers(images: list[dict[str, Any]], keys: Keys) -> list[int]:
    """What the images say, else the last number in their names, else their positions: one rule for all of them."""
    said = [Record.of(image).read(keys, "frame") for image in images]
    if all(isinstance(number, int) and number >= 0 for number in said):
        return said
    return trailing_numbers([str(image["file_name"]) for image in images])


def trailing_numbers(paths: list[str]) -> list[int]:
    """The last number in each name; positions from 1 where a name has none.

    >>> trailing_numbers(["a/0007.jpg", "a/x0012_rgb.jpg"]), trailing_numbers(["one.jpg", "two7.jpg"])
    ([7, 12], [1, 2])
    """
    found = [re.findall(r"\d+", PurePosixPath(path).stem) for path in paths]
    return [int(numbers[-1]) for numbers in found] if all(found) else list(range(1, len(paths) + 1))


def _size(image: Mapping[str, Any]) -> tuple[int, int] | None:
    width, height = image.get("width"), image.get("height")
    return (int(width), int(height)) if width and height else None


def _person(
    number: int, annotation: Mapping[str, Any], image: Mapping[str, Any], keys: Keys, wanted: set[Any] | None
) -> Person:
    record = Record.of(annotation, image)
    identity = record.read(keys, "identity")
    reject: tuple[str, str] | None = None
    shares: dict[str, float | None] = {}
    for name in ("visible", "truncated"):
        value = record.read(keys, name)
        shares[name] = _share(value)
        if value is not None and shares[name] is None:
            reject = ("value", f"{name} is {value!r}; a share from 0 to 1 was expected.")
    box = _box(annotation.get("bbox"))
    if identity is None:
        reject = ("identity", "the annotation does not say who it is.")
    if annotation.get("iscrowd"):
        reject = ("crowd", "the annotation stands for a crowd (iscrowd).")
    if wanted is not None and annotation.get("category_id") not in wanted:
        reject = ("category", f"the category {annotation.get('category_id')!r} is no person.")
    return Person(
        number,
        None if identity is None else _identity(identity),
        box,
        shares["visible"],
        shares["truncated"],
        segmentation=annotation.get("segmentation"),
        keypoints=tuple(float(value) for value in annotation.get("keypoints") or ()),
        levels={name: level(name, value) for name, value in record.levels(keys).items()},
        extra={key: value for key, value in annotation.items() if key not in _TAKEN},
        reject=reject,
    )


def _identity(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _share(value: Any) -> float | None:
    if isinstance(value, bool):
        return float(value)
    return float(value) if isinstance(value, int | float) and 0 <= value <= 1 else None


def _box(value: Any) -> Box | None:
    if not isinstance(value, list | tuple) or len(value) != 4:
        return None
    if not all(isinstance(number, int | float) and math.isfinite(number) for number in value):
        return None
    return (float(value[0]), float(value[1]), float(value[2]), float(value[3]))


def _points(data: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    for item in data.get("categories") or []:
        if item.get("keypoints"):
            return tuple(map(str, item["keypoints"])), tuple(map(tuple, item.get("skeleton") or ()))
    return (), ()


def _unread(annotations: list[dict[str, Any]], keys: Keys) -> tuple[str, ...]:
    """A sentence about attributes that no column of a manifest stands for: they stay in the crops' COCO file."""
    from gprplus.frames.keys import names

    read = {*names(), *(part for parts in keys.values() for part in parts)}
    counted: Counter[str] = Counter()
    for annotation in annotations:
        inner = annotation.get("attributes")
        counted.update(key for key in (inner if isinstance(inner, Mapping) else ()) if key not in read)
    if not counted:
        return ()
    shown = examples([f"{name} ({count:,})" for name, count in sorted(counted.items())], 6)
    return (f"attributes that no manifest knows stay in the crops' COCO file alone: {shown}.",)
