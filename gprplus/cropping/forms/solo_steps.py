"""One step of Unity SOLO: its metrics, and the persons of each capture."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gprplus.core.errors import FramesError
from gprplus.cropping.annotations import AnnotatedPerson, Box
from gprplus.cropping.field_values import parse_number
from gprplus.cropping.forms.source_values import (
    BodyPose,
    is_person_label,
    known_share,
    whole_number,
)
from gprplus.cropping.geometry import (
    Axes,
    CameraPose,
    Plane,
    finite_vector,
    heading_of_yaw,
    quaternion_camera,
    rotate_by_quaternion,
    to_z_up,
    unit_heading,
)
from gprplus.cropping.segmentation import rgba_value

_BOXES, _MASKS = "BoundingBox2DAnnotation", "InstanceSegmentationAnnotation"
_KEYS = {"name": ("gameObjectName", "name"), "tag": ("gameObjectTag", "unityTag")}


@dataclass(frozen=True)
class ReportedObject:
    """What the metadata labeler reports about an instance: a name, a tag, and a pose."""

    name: str | None
    tag: str | None
    pose: BodyPose | None


@dataclass(frozen=True)
class StepMetrics:
    """Metrics of a step: reported objects by instance, shares by sensor and instance, lights, and
    the names and tags that several objects have."""

    objects: Mapping[int, ReportedObject]
    shares: Mapping[tuple[str, int], tuple[float | None, float | None]]
    lights: Mapping[str, float]
    shared: frozenset[str]


def objects_in(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects of a list; Unity leaves out empty lists."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def metrics_of(step: Mapping[str, Any]) -> StepMetrics:
    """Return the metrics of a step, which may lack any of them."""
    reported: dict[int, ReportedObject] = {}
    shares: dict[tuple[str, int], tuple[float | None, float | None]] = {}
    lights: dict[str, float] = {}
    for metric in objects_in(step.get("metrics")):
        kind = str(metric.get("@type", ""))
        for value in objects_in(metric.get("values")):
            if kind.endswith("OcclusionMetric"):
                number = whole_number(value.get("instanceId"))
                if number is not None:
                    shares[str(metric.get("sensorId")), number] = (
                        known_share(value.get("percentVisible")),
                        known_share(value.get("percentInFrame")),
                    )
            else:
                reported |= _reported(value)
                lights |= _lights(value)
    counted: Counter[str | None] = Counter()
    for item in reported.values():
        counted.update({item.name, item.tag})
    shared = frozenset(name for name, count in counted.items() if name is not None and count > 1)
    return StepMetrics(reported, shares, lights, shared)


def _reported(value: Mapping[str, Any]) -> dict[int, ReportedObject]:
    found = {}
    for item in objects_in(value.get("instances")):
        number = whole_number(item.get("instanceId"))
        if number is not None:
            name, tag = (_text(item, *_KEYS[kind]) for kind in ("name", "tag"))
            found[number] = ReportedObject(name, tag, _pose(item.get("transformRecord")))
    return found


def _text(item: Mapping[str, Any], outer: str, inner: str) -> str | None:
    """A reported text, without what Unity adds to copies of a prefab; None for no tag."""
    value = item.get(outer)
    text = value.get(inner) if isinstance(value, dict) else value
    if not isinstance(text, str) or text == "Untagged":
        return None
    return text.removesuffix("(Clone)").strip() or None


def _pose(record: Any) -> BodyPose | None:
    if not isinstance(record, dict):
        return None
    position = finite_vector(record.get("position"), 3)
    if position is None:
        return None
    return BodyPose(to_z_up(position, Axes.Y_UP_LEFT), _heading(record))


def _heading(record: Mapping[str, Any]) -> Plane | None:
    """The direction of local z, by any of the values that the transform tag can report."""
    forward: Sequence[float] | None = finite_vector(record.get("forwardVector"), 3)
    if forward is None:
        quaternion = finite_vector(record.get("rotationQuaternion"), 4)
        if quaternion is not None:
            forward = rotate_by_quaternion(quaternion, (0.0, 0.0, 1.0))
    if forward is not None:
        return unit_heading(to_z_up(forward, Axes.Y_UP_LEFT))
    angles = finite_vector(record.get("rotationEuler"), 3)
    if angles is None:
        return None
    return heading_of_yaw(angles[1], Axes.Y_UP_LEFT, (0.0, 0.0, 1.0))


def _lights(value: Mapping[str, Any]) -> dict[str, float]:
    """Intensities of the lights that are reported."""
    found = {}
    for key, light in value.items():
        intensity = parse_number(light.get("Intensity")) if isinstance(light, dict) else None
        if key.startswith("SceneLight-") and intensity is not None:
            found[key.removeprefix("SceneLight-")] = intensity
    return found


def capture_camera(capture: Mapping[str, Any]) -> CameraPose | None:
    """Return the pose of the camera of a capture; None where it has none."""
    position = finite_vector(capture.get("position"), 3)
    rotation = finite_vector(capture.get("rotation"), 4)
    if position is None or rotation is None:
        return None
    return quaternion_camera(position, rotation)


def capture_people(
    capture: Mapping[str, Any], metrics: StepMetrics, by: str, sequence: str
) -> list[AnnotatedPerson]:
    """Return the labelled objects of a capture, by boxes, else by colors of the instance mask.

    Their identity is what is reported `by` "name" or "tag", or the "instance" in its sequence.
    """
    camera = capture_camera(capture)
    sensor = str(capture.get("id"))
    boxes = [
        item for one in _annotations(capture, _BOXES) for item in objects_in(one.get("values"))
    ]
    masks = _annotations(capture, _MASKS)
    colours = [item for one in masks for item in objects_in(one.get("instances"))]
    return [
        _placed(_person(item, metrics, by, sequence), metrics, sensor, camera)
        for item in boxes or colours
    ]


def _placed(
    person: AnnotatedPerson, metrics: StepMetrics, sensor: str, camera: CameraPose | None
) -> AnnotatedPerson:
    """A person with its shares and its pose."""
    visible, inside = metrics.shares.get((sensor, person.number), (None, None))
    truncated = None if inside is None else 1 - inside
    item = metrics.objects.get(person.number)
    pose = None if item is None else item.pose
    fields = {} if pose is None else pose.fields(camera)
    return replace(person, visible=visible, truncated=truncated, **fields)


def capture_mask(
    capture: Mapping[str, Any], people: list[AnnotatedPerson]
) -> tuple[str, dict[int, AnnotatedPerson | None]] | None:
    """Return the name of the instance mask of a capture and its persons by color; None without.

    Persons without a color are hidden: their keys are values that no mask has.
    """
    for annotation in _annotations(capture, _MASKS):
        name = annotation.get("filename")
        if not isinstance(name, str) or not name:
            continue
        by_number = {person.number: person for person in people}
        found: dict[int, AnnotatedPerson | None] = {-i: one for i, one in enumerate(people, 1)}
        for item in objects_in(annotation.get("instances")):
            colour = finite_vector(item.get("color"), 4)
            number = whole_number(item.get("instanceId"))
            if colour is None or not all(0 <= value < 256 for value in colour):
                raise FramesError(f"the color of instance {number} is no R, G, B, A.")
            value = rgba_value([int(part) for part in colour])
            found[value] = None if number is None else by_number.get(number)
        return name, found
    return None


def _annotations(capture: Mapping[str, Any], kind: str) -> list[Mapping[str, Any]]:
    found = objects_in(capture.get("annotations"))
    return [item for item in found if str(item.get("@type", "")).endswith(kind)]


def _person(
    value: Mapping[str, Any], metrics: StepMetrics, by: str, sequence: str
) -> AnnotatedPerson:
    number = whole_number(value.get("instanceId"))
    box = box_of_corner_and_size(value.get("origin"), value.get("dimension"))
    person = AnnotatedPerson(0 if number is None else number, box=box)
    if not is_person_label(value.get("labelName")):
        return replace(person, reject=("category", "the label names no person."))
    if number is None:
        return replace(person, reject=("identity", "its instanceId is no whole number."))
    item = metrics.objects.get(number)
    person = replace(person, look=None if item is None else item.name)
    if by == "instance":
        return replace(person, identity=f"{sequence}-{number}")
    text = None if item is None else (item.tag if by == "tag" else item.name)
    if text is None:
        return replace(person, reject=("identity", f"no {by} is reported for instance {number}."))
    if text in metrics.shared:
        several = f"several objects have the {by} '{text}': it is no identity."
        return replace(person, reject=("identity", several))
    return replace(person, identity=text)


def box_of_corner_and_size(origin: Any, dimension: Any) -> Box | None:
    """Return a box from its left upper corner and its size, two numbers each."""
    corner, size = finite_vector(origin, 2), finite_vector(dimension, 2)
    return None if corner is None or size is None else (corner[0], corner[1], size[0], size[1])
