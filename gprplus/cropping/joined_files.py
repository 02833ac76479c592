"""Several annotation files as one source: identities and cameras of one file are its own."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gprplus.core.errors import FramesError
from gprplus.cropping.annotations import AnnotatedPerson, AnnotationSet


def scene_names(paths: Sequence[Path]) -> list[str]:
    """Return the names of annotation files without their endings, which name the scenes. Raises
    FramesError if two are equal."""
    counted = Counter(path.stem for path in paths)
    for path in paths:
        if counted[path.stem] > 1:
            raise FramesError(
                f"Two annotation files are called {path.name}. Rename one: the name distinguishes"
                " the identities of the files."
            )
    return [path.stem for path in paths]


def join_scenes(sources: Mapping[str, AnnotationSet]) -> AnnotationSet:
    """Join the annotations of several files, by the name of each.

    An id means a person in its file, so the identities become NAME_ID, and cameras NAME/CAMERA.
    """
    frames = [
        replace(frame, people=tuple(_of_scene(person, name) for person in frame.people))
        for name, source in sources.items()
        for frame in source.frames
    ]
    all_points = {(source.points, source.skeleton) for source in sources.values()}
    points, skeleton = all_points.pop() if len(all_points) == 1 else ((), ())
    return AnnotationSet(
        tuple(sorted(frames, key=lambda frame: frame.path)),
        {"kind": "coco", "files": {name: source.about for name, source in sources.items()}},
        tuple(row for source in sources.values() for row in source.rejected),
        points,
        skeleton,
        tuple(f"{name}: {text}" for name, source in sources.items() for text in source.remarks),
    )


def _of_scene(person: AnnotatedPerson, scene: str) -> AnnotatedPerson:
    levels: dict[str, Any] = dict(person.levels)
    if levels.get("camera") is not None:
        levels["camera"] = f"{scene}/{levels['camera']}"
    identity = None if person.identity is None else f"{scene}_{person.identity}"
    return replace(person, identity=identity, levels=levels)
