"""Frames as lines of JSON: what a scan writes, and the workers that cut the frames read."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, TypeVar

from gprplus.core.errors import FramesError
from gprplus.cropping.annotations import AnnotatedFrame, AnnotatedPerson

T = TypeVar("T", AnnotatedFrame, AnnotatedPerson)

_TUPLES = {"box", "masks", "keypoints", "ground", "heading", "reject", "size"}


def frame_line(frame: AnnotatedFrame) -> str:
    """Return a frame as one line of JSON without the end of the line."""
    values = _changed(frame)
    values["people"] = [_changed(person) for person in frame.people]
    if frame.known is not None:
        values["known"] = [
            [value, None if person is None else _changed(person)]
            for value, person in frame.known.items()
        ]
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def _changed(item: AnnotatedFrame | AnnotatedPerson) -> dict[str, Any]:
    """Return the fields that differ from their defaults."""
    defaults = _DEFAULTS[type(item)]
    return {
        name: dict(value) if isinstance(value, Mapping) else value
        for name, value in vars(item).items()
        if value != defaults[name]
    }


def _default(kind: type) -> dict[str, Any]:
    return {
        one.name: one.default_factory() if one.default_factory is not MISSING else one.default
        for one in fields(kind)
    }


_DEFAULTS = {kind: _default(kind) for kind in (AnnotatedFrame, AnnotatedPerson)}


def read_frames(path: Path) -> Iterator[AnnotatedFrame]:
    """Yield the frames of a file of `frame_line`s. Raises FramesError if it is damaged."""
    try:
        with path.open(encoding="utf-8") as file:
            for line in file:
                values = json.loads(line)
                values["people"] = tuple(_person(person) for person in values.get("people", ()))
                if "known" in values:
                    values["known"] = {
                        value: None if person is None else _person(person)
                        for value, person in values["known"]
                    }
                yield AnnotatedFrame(**_with_tuples(values))
    except (OSError, ValueError, TypeError) as error:
        raise FramesError(f"{path} cannot be read: {error}. Start again with --force.") from error


def _person(values: dict[str, Any]) -> AnnotatedPerson:
    return AnnotatedPerson(**_with_tuples(values))


def _with_tuples(values: dict[str, Any]) -> dict[str, Any]:
    for name in _TUPLES & values.keys():
        values[name] = tuple(values[name])
    return values
