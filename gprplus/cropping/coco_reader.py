"""Reading COCO JSON: images, annotations, categories, and whatever keys a source adds to them."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from gprplus.core.errors import FramesError, did_you_mean, first_few
from gprplus.core.files.safe_names import plain_path
from gprplus.core.files.workdir import read_json
from gprplus.core.sampling import sha256_digest
from gprplus.cropping.annotations import (
    AnnotatedFrame,
    AnnotatedPerson,
    AnnotationSet,
    Box,
    RejectedAnnotation,
)
from gprplus.cropping.field_names import AnnotationFields, Keys, attribute_level, check_fields
from gprplus.cropping.field_values import (
    format_value,
    is_id,
    is_level,
    is_whole_number,
    parse_keypoints,
    parse_number,
    segmentation_fault,
    too_deep,
)

_DIGITS = 15  # of a frame's number in the names of its crops
PERSONS = ("person", "pedestrian", "people", "human")
_TAKEN = frozenset(
    {
        "id",
        "image_id",
        "category_id",
        "bbox",
        "area",
        "iscrowd",
        "segmentation",
        "keypoints",
        "num_keypoints",
    }
)


def read_coco(path: Path, keys: Keys, category: str | None = None) -> AnnotationSet:
    """Read the frames and persons of a COCO file. Raises FramesError if it is invalid or lacks
    requested keys."""
    if not path.is_file():
        raise FramesError(f"There is no file {path}; a COCO JSON file was expected.")
    data = read_json(path, FramesError, "COCO annotations")
    images, annotations = (_objects(data, name, path) for name in ("images", "annotations"))
    if not annotations:
        raise FramesError(f"{path} has no annotation.")
    check_fields(keys, _present((*annotations, *images), keys), str(path))
    wanted, described = _category(data, category, path)
    numbers = _numbers(annotations)
    by_image: dict[Any, list[AnnotatedPerson]] = defaultdict(list)
    known = _by_id(images, path)
    rejected = []
    for count, annotation in zip(numbers, annotations, strict=True):
        wants = annotation.get("image_id")
        image = known.get(wants) if is_id(wants) else None
        if image is None:
            rejected.append(
                RejectedAnnotation(
                    "",
                    count,
                    None,
                    "frame",
                    f"there is no image with the id {format_value(wants)}.",
                )
            )
            continue
        by_image[image["id"]].append(_person(count, annotation, image, keys, wanted))
    ordered = sorted(images, key=lambda image: (image["file_name"], str(image["id"])))
    found = [
        AnnotatedFrame(image["file_name"], count, _size(image, path), tuple(by_image[image["id"]]))
        for count, image in zip(_frame_numbers(ordered, keys), ordered, strict=True)
        if by_image[image["id"]]
    ]
    about = {
        "kind": "coco",
        "digest": sha256_digest(path.read_bytes()),
        "keys": {name: "+".join(parts) for name, parts in keys.items()},
        "category": described,
        "box_numbers": (
            "the annotation's id"
            if numbers == [a.get("id") for a in annotations]
            else "the position"
        ),
        "images": len(images),
        "annotations": len(annotations),
    }
    points, skeleton = _points(data, path)
    return AnnotationSet(
        tuple(found), about, tuple(rejected), points, skeleton, _unread(annotations, keys)
    )


def _objects(data: Mapping[str, Any], name: str, path: Path) -> list[dict[str, Any]]:
    found = data.get(name)
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise FramesError(
            f"{path}: expected a list of objects called '{name}'; it has"
            f" {first_few(sorted(data), 6)}."
        )
    return found


def _present(objects: Iterable[Mapping[str, Any]], keys: Keys) -> set[str]:
    """The keys of any object, and those requested paths into lists and objects that lead to one."""
    names: set[str] = set()
    paths = {part for parts in keys.values() for part in parts if "." in part}
    for item in objects:
        names |= item.keys()
        inner = item.get("attributes")
        if isinstance(inner, Mapping):
            names |= inner.keys()
        names |= {path for path in paths - names if AnnotationFields.of(item).get(path) is not None}
    return names


def _by_id(images: list[dict[str, Any]], path: Path) -> dict[Any, dict[str, Any]]:
    known: dict[Any, dict[str, Any]] = {}
    for image in images:
        for key in ("id", "file_name"):
            if key not in image:
                raise FramesError(
                    f"{path}: an image lacks '{key}'; it has {first_few(sorted(image), 6)}."
                )
        if not is_id(image["id"]):
            raise FramesError(
                f"{path}: the id of an image is {format_value(image['id'])}; a number or text was"
                " expected."
            )
        if image["id"] in known:
            raise FramesError(f"{path}: two images have the id {format_value(image['id'])}.")
        name = image["file_name"]
        if isinstance(name, str):
            name = str(PurePosixPath(name))  # ./a//b.jpg is a/b.jpg
        image["file_name"] = plain_path(name, f"{path}: file_name", FramesError)
        known[image["id"]] = image
    return known


def _category(
    data: Mapping[str, Any], wanted: str | None, path: Path
) -> tuple[set[Any] | None, str]:
    """The ids that mean a person (None: all), and how they are called."""
    named = {item["id"]: str(item.get("name", "")) for item in _categories(data, path)}
    if not named:
        return None, "all: the file declares none"
    accepted = PERSONS if wanted is None else (wanted.lower(),)
    chosen = {number for number, name in named.items() if name.lower() in accepted}
    if not chosen:
        near = did_you_mean(wanted or "person", named.values())
        raise FramesError(
            f"{path} has no category '{wanted or 'person'}'. {near} Choose with --category NAME."
        )
    return chosen, ", ".join(sorted({named[number] for number in chosen}))


def _categories(data: Mapping[str, Any], path: Path) -> list[dict[str, Any]]:
    found = data.get("categories") or []
    if not isinstance(found, list) or not all(
        isinstance(item, dict) and is_id(item.get("id")) for item in found
    ):
        raise FramesError(
            f"{path}: categories: expected a list of objects with an id, found"
            f" {format_value(found)}."
        )
    return found


def _numbers(annotations: list[dict[str, Any]]) -> list[int]:
    """The ids, where they are whole numbers and each its own; else positions from 1."""
    ids = [annotation.get("id") for annotation in annotations]
    usable = all(map(is_whole_number, ids)) and len(set(ids)) == len(ids)
    return [int(given or 0) for given in ids] if usable else list(range(1, len(ids) + 1))


def _frame_numbers(images: list[dict[str, Any]], keys: Keys) -> list[int]:
    """Number the frames by the images, else by the last number in their names, else by position:
    one rule for all."""
    numbers = [AnnotationFields.of(image).read(keys, "frame") for image in images]
    if all(map(is_whole_number, numbers)):
        return numbers
    return trailing_numbers([image["file_name"] for image in images])


def trailing_numbers(paths: list[str]) -> list[int]:
    """The last number in each name; positions from 1 where a name has none.

    >>> trailing_numbers(["a/0007.jpg", "a/x0012_rgb.jpg"]), trailing_numbers(["one.jpg", "two7.jpg"])
    ([7, 12], [1, 2])
    """
    found = [re.findall(r"\d+", PurePosixPath(path).stem) for path in paths]
    if all(numbers and len(numbers[-1]) <= _DIGITS for numbers in found):
        return [int(numbers[-1]) for numbers in found]
    return list(range(1, len(paths) + 1))


def _size(image: Mapping[str, Any], path: Path) -> tuple[int, int] | None:
    sides = [image.get("width"), image.get("height")]
    if not all(sides):
        return None
    width, height = map(parse_number, sides)
    if width is None or height is None or min(width, height) < 1:
        raise FramesError(
            f"{path}: the image {format_value(image['id'])} is of size {format_value(sides)};"
            " pixels were expected."
        )
    return int(width), int(height)


def _person(
    count: int,
    annotation: Mapping[str, Any],
    image: Mapping[str, Any],
    keys: Keys,
    wanted: set[Any] | None,
) -> AnnotatedPerson:
    record = AnnotationFields.of(annotation, image)
    identity = _identity(record.read(keys, "identity"))
    shares = {name: _share(record.read(keys, name)) for name in ("visible", "truncated")}
    levels = record.levels(keys)
    points = parse_keypoints(annotation.get("keypoints"))
    fault = _fault(record, keys, levels, annotation)
    category = annotation.get("category_id")
    reject: tuple[str, str] | None = ("value", fault) if fault else None
    if identity is None:
        reject = ("identity", "the annotation has no identity.")
    if annotation.get("iscrowd"):
        reject = ("crowd", "the annotation is a crowd (iscrowd).")
    if wanted is not None and not (is_id(category) and category in wanted):
        reject = ("category", f"the category {format_value(category)} is no person.")
    return AnnotatedPerson(
        count,
        identity,
        _box(annotation.get("bbox")),
        shares["visible"],
        shares["truncated"],
        segmentation=(
            None
            if segmentation_fault(annotation.get("segmentation"))
            else annotation.get("segmentation")
        ),
        keypoints=points or (),
        levels={
            name: attribute_level(name, value) for name, value in levels.items() if is_level(value)
        },
        extra={
            key: value
            for key, value in annotation.items()
            if key not in _TAKEN and not too_deep(value)
        },
        reject=reject,
    )


def _fault(
    record: AnnotationFields, keys: Keys, levels: Mapping[str, Any], annotation: Mapping[str, Any]
) -> str:
    """Return a sentence about invalid values of an annotation; "" if there are none."""
    for name in ("visible", "truncated"):
        value = record.read(keys, name)
        if not _unknown(value) and _share(value) is None:
            return f"{name} is {format_value(value)}; a share from 0 to 1 was expected."
    for name, value in levels.items():
        if not is_level(value):
            return f"{name} is {format_value(value)}; text or a number was expected."
    value = annotation.get("keypoints")
    if parse_keypoints(value) is None:
        return f"keypoints is {format_value(value)}; a list of x, y, v for each was expected."
    fault = segmentation_fault(annotation.get("segmentation"))
    if fault:
        return f"segmentation: {fault}."
    deep = next((key for key, value in annotation.items() if too_deep(value)), None)
    return "" if deep is None else f"the value of {format_value(deep)} is nested too deeply."


def _identity(value: Any) -> str | None:
    """An identity as text; None for none, and for what cannot be one."""
    if not is_level(value) or value == "":
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _unknown(value: Any) -> bool:
    """Return True for a share that is unknown: null, NaN and -1, as many tools write."""
    return value is None or (isinstance(value, int | float) and (value == -1 or value != value))


def _share(value: Any) -> float | None:
    if isinstance(value, bool):
        return float(value)
    return float(value) if isinstance(value, int | float) and 0 <= value <= 1 else None


def _box(value: Any) -> Box | None:
    if not isinstance(value, list | tuple) or len(value) != 4:
        return None
    left, top, width, height = map(parse_number, value)
    if left is None or top is None or width is None or height is None:
        return None
    return left, top, width, height


def _points(data: Mapping[str, Any], path: Path) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    """The names of the key points and the skeleton, which are carried into the crops' file."""
    for item in _categories(data, path):
        names, pairs = item.get("keypoints") or [], item.get("skeleton") or []
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise FramesError(
                f"{path}: categories: keypoints: expected a list of names, found"
                f" {format_value(names)}."
            )
        if not isinstance(pairs, list) or not all(
            isinstance(pair, list) and all(map(is_whole_number, pair)) for pair in pairs
        ):
            raise FramesError(
                f"{path}: categories: skeleton: expected a list of pairs, found"
                f" {format_value(pairs)}."
            )
        if names:
            return tuple(names), tuple(map(tuple, pairs))
    return (), ()


def _unread(annotations: list[dict[str, Any]], keys: Keys) -> tuple[str, ...]:
    """Return a sentence about attributes without a manifest column: they are only in the COCO file
    of the crops."""
    from gprplus.cropping.field_names import known_fields

    read = {*known_fields(), *(part for parts in keys.values() for part in parts)}
    counted: Counter[str] = Counter()
    for annotation in annotations:
        inner = annotation.get("attributes")
        counted.update(
            key for key in (inner if isinstance(inner, Mapping) else ()) if key not in read
        )
    if not counted:
        return ()
    shown = first_few([f"{name} ({count:,})" for name, count in sorted(counted.items())], 6)
    return (
        f"attributes without a manifest column are only in the COCO file of the crops: {shown}.",
    )
