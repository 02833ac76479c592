"""Keys of annotations: the default names, unless the user gives the names of the source.

A key may lead into lists and objects: `attributes.3` is the fourth entry of a list `attributes`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gprplus.core.declarations import attributes, identity_attributes
from gprplus.core.errors import FramesError, did_you_mean

OWN = ("identity", "visible", "truncated", "frame")
Keys = dict[str, tuple[str, ...]]


def known_fields() -> list[str]:
    """Return all fields for which a key can be given."""
    return [*OWN, *attributes()]


def parse_field(texts: Iterable[str]) -> Keys:
    """`NAME=KEY` or `NAME=KEY+KEY`, as a table. Raises FramesError.

    >>> parse_field(["identity=model_id+outfit"])
    {'identity': ('model_id', 'outfit')}
    """
    found: Keys = {}
    for text in texts:
        name, equals, key = text.partition("=")
        parts = tuple(part.strip() for part in key.split("+"))
        if not equals or not all(parts):
            raise FramesError(f"--key {text}: expected NAME=KEY, such as identity=person_id.")
        if name not in known_fields():
            raise FramesError(
                f"--key {text}: there is nothing called '{name}' to find a key for. {_near(name)}"
            )
        if name in found:
            raise FramesError(f"--key {text}: the key of {name} is given twice.")
        found[name] = parts
    return found


def _near(name: str) -> str:
    return did_you_mean(name, known_fields())


@dataclass(frozen=True)
class AnnotationFields:
    """An annotation with its image: a key is read from the annotation, from its `attributes`, then
    from the image."""

    places: tuple[Mapping[str, Any], ...]

    @classmethod
    def of(cls, *objects: Mapping[str, Any]) -> "AnnotationFields":
        """Return the objects in lookup order."""
        places: list[Mapping[str, Any]] = []
        for item in objects:
            places.append(item)
            inner = item.get("attributes")
            if isinstance(inner, Mapping):
                places.append(inner)
        return cls(tuple(places))

    def get(self, key: str) -> Any:
        """The first value that is not null."""
        for place in self.places:
            value = value_at(place, key)
            if value is not None:
                return value
        return None

    def read(self, keys: Keys, name: str) -> Any:
        """The value of one of our names; several keys are joined by a dash, and null where one of
        them is."""
        parts = keys.get(name, (name,))
        values = [self.get(part) for part in parts]
        if len(parts) == 1:
            return values[0]
        return None if None in values else "-".join(_text(value) for value in values)

    def levels(self, keys: Keys) -> dict[str, Any]:
        """The declared attributes that the record has."""
        found = {name: self.read(keys, name) for name in attributes()}
        return {name: value for name, value in found.items() if value is not None}


def value_at(place: Any, key: str) -> Any:
    """Return the value of a key, or of a path of keys and positions from 0; None without one.

    >>> value_at({"attributes": [4, {"hat": 1}]}, "attributes.1.hat"), value_at({"a.b": 2}, "a.b")
    (1, 2)
    """
    if isinstance(place, Mapping) and key in place:
        return place[key]
    first, dot, rest = key.partition(".")
    if isinstance(place, list):
        there = first.isascii() and first.isdigit() and len(first) < 10 and int(first) < len(place)
        inner = place[int(first)] if there else None
    else:
        inner = place.get(first) if isinstance(place, Mapping) and dot else None
    return value_at(inner, rest) if dot else inner


def _text(value: Any) -> str:
    return "-".join(map(_text, value)) if isinstance(value, list | tuple) else str(value)


def check_fields(keys: Keys, there: Iterable[str], where: str) -> None:
    """Refuse a key that no annotation has: a slip in one part of a joined identity would merge
    people in silence."""
    present = set(there)
    for name in {**{"identity": ("identity",)}, **keys}:
        for key in keys.get(name, (name,)):
            if key not in present:
                hint = "" if name in keys else " Give the key, such as --key identity=person_id."
                raise FramesError(
                    f"{where}: no annotation has the key '{key}' to read {name} from. "
                    f"{did_you_mean(key, present)}{hint}"
                )


def attribute_level(name: str, value: Any) -> Any:
    """Convert a value of a declared attribute for the manifest: words to slugs, degrees and cameras
    unchanged.

    >>> attribute_level("upper_colour", "Dark Blue"), attribute_level("hat", True)
    ('dark-blue', 'yes')
    >>> attribute_level("viewpoint_deg", 450.0), attribute_level("camera", "C3")
    (90, 'C3')
    """
    if name == "viewpoint_deg":
        try:
            return round(float(value)) % 360
        except (TypeError, ValueError, OverflowError):
            return None
    if name == "camera":
        whole = (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and float(value).is_integer()
        )
        return int(value) if whole else str(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "-".join(str(value).strip().lower().replace("_", " ").split()) or None


def identity_fields() -> list[str]:
    """The attributes that belong to a person."""
    return identity_attributes()
