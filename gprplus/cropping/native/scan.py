"""Scan of a scene: its annotations are read once, as a stream, and written as lists of frames to cut.

Each list holds frames of one video, or some frames of one folder, so that workers share a scene.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO, Any

from gprplus.core.errors import FramesError
from gprplus.core.files.workdir import atomic_write, read_json, write_json
from gprplus.cropping.annotations import AnnotatedFrame, AnnotatedPerson
from gprplus.cropping.forms.form import EngineScene, Scope, scope_prefix
from gprplus.cropping.native.frame_lines import frame_line
from gprplus.cropping.native.level_tables import LevelTables
from gprplus.cropping.native.walking import WalkingCheck, WalkingVerdict

FRAMES_A_LIST = 32  # of a folder of images; a video is one list
RECORD = "scan.json"


@dataclass(frozen=True)
class ScanJob:
    """A scene to scan into `folder`; `digest` is kept in the record."""

    scene: EngineScene
    form: str
    scope: Scope
    every: int
    folder: Path
    digest: str


@dataclass(frozen=True)
class SceneScan:
    """What a scan found: names of the lists with their numbers of frames, the names of cameras,
    counted people, and the verdict about headings."""

    digest: str
    lists: dict[str, int]
    cameras: tuple[str, ...]
    people: int
    walking: WalkingVerdict
    unknown: tuple[tuple[str, str, int], ...] = ()


def read_scan(folder: Path) -> SceneScan | None:
    """Return the record of a finished scan; None if there is none."""
    if not (folder / RECORD).is_file():
        return None
    values = read_json(folder / RECORD, FramesError, "the scan of a scene")
    try:
        values["walking"] = WalkingVerdict(**values["walking"])
        values["cameras"] = tuple(values["cameras"])
        values["unknown"] = tuple((name, token, count) for name, token, count in values["unknown"])
        return SceneScan(**values)
    except (KeyError, TypeError, ValueError):
        return None


def scan_scene(job: ScanJob) -> SceneScan:
    """Read the annotations of a scene and write its lists of frames, the record last."""
    tables, walking = LevelTables.of(job.form), WalkingCheck()
    cameras: set[str] = set()
    places: set[tuple[str, int]] = set()
    count = 0
    with FrameLists(job.folder) as lists:
        for frame in _chosen(job):
            frame = _prepared(job, frame, tables)
            place = (frame.camera or "", frame.number)
            frame = _without_copies(frame, place in places)
            places.add(place)
            walking.add(frame.number, frame.all_people())
            cameras.add(place[0])
            count += len(frame.all_people())
            lists.add(frame)
        lists.finish()
    unknown = tuple((name, token, n) for (name, token), n in sorted(tables.unknown.items()))
    scan = SceneScan(
        job.digest, lists.counts, tuple(sorted(cameras)), count, walking.verdict(), unknown
    )
    write_json(job.folder / RECORD, asdict(scan))
    return scan


def _chosen(job: ScanJob) -> Iterator[AnnotatedFrame]:
    return (frame for frame in job.scene.read() if frame.number % job.every == 0)


def _prepared(job: ScanJob, frame: AnnotatedFrame, tables: LevelTables) -> AnnotatedFrame:
    """Return a frame with scoped identities, its full camera name, and translated levels."""
    scene = frame.scene or job.scene.name
    camera = "/".join(filter(None, (scene, frame.camera)))
    within = {Scope.SEQUENCE: scene, Scope.GLOBAL: ""}.get(job.scope, job.scene.name)
    known = frame.known and {
        value: person and _scoped(person, within, tables) for value, person in frame.known.items()
    }
    return replace(
        frame,
        scene=scene,
        camera=camera,
        people=tuple(_scoped(person, within, tables) for person in frame.people),
        known=known,
        levels=tables.translate(frame.levels),
    )


def _without_copies(frame: AnnotatedFrame, again: bool) -> AnnotatedFrame:
    """Return a frame without what would be a crop of the same name: persons that are listed twice,
    and all persons where its camera had the frame before."""
    if again:
        why = f"{frame.camera} has two pictures of the frame {frame.number}."
        people = tuple(replace(one, reject=("frame", why)) for one in frame.all_people())
        return replace(frame, people=people, mask="", known=None)
    seen: set[tuple[str | None, int]] = set()
    people = ()
    for person in frame.people:
        key = (person.identity, person.number)
        if key in seen and person.reject is None:
            person = replace(person, reject=("value", "the person is listed twice in the frame."))
        seen.add(key)
        people += (person,)
    return replace(frame, people=people)


def _scoped(person: AnnotatedPerson, within: str, tables: LevelTables) -> AnnotatedPerson:
    return replace(
        person,
        identity=scoped_identity(person.identity, within),
        levels=tables.translate(person.levels),
    )


def scoped_identity(identity: str | None, within: str) -> str | None:
    """Return an identity that is unique beyond the scope of its id.

    >>> scoped_identity("4", "train/Warehouse_000"), scoped_identity("anna", "")
    ('train-Warehouse-000_4', 'anna')
    """
    if identity is None or not within:
        return identity
    return f"{scope_prefix(within)}{identity}"


@dataclass
class FrameLists:
    """Files of frames to cut: one for a video, one for each FRAMES_A_LIST images of a camera."""

    folder: Path
    counts: dict[str, int] = field(default_factory=dict)
    _videos: dict[str, tuple[str, IO[str]]] = field(default_factory=dict)
    _images: dict[str, list[str]] = field(default_factory=dict)
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> "FrameLists":
        self.folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.close()

    def add(self, frame: AnnotatedFrame) -> None:
        """Append a frame to its list."""
        if frame.picture is not None:
            if frame.path not in self._videos:
                name = self._name()
                temporary = self._stack.enter_context(atomic_write(self.folder / name))
                opened = self._stack.enter_context(temporary.open("w", encoding="utf-8"))
                self._videos[frame.path] = name, opened
            name, file = self._videos[frame.path]
            file.write(frame_line(frame) + "\n")
            self.counts[name] += 1
            return
        lines = self._images.setdefault(frame.camera or "", [])
        lines.append(frame_line(frame))
        if len(lines) == FRAMES_A_LIST:
            self._write(self._images.pop(frame.camera or ""))

    def finish(self) -> None:
        """Write the lists that are not full."""
        for lines in self._images.values():
            self._write(lines)

    def _write(self, lines: list[str]) -> None:
        name = self._name()
        self.counts[name] = len(lines)
        with atomic_write(self.folder / name) as temporary:
            temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _name(self) -> str:
        name = f"{len(self.counts):06d}.frames"
        self.counts[name] = 0
        return name
