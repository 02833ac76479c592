"""Scenarios of whole frames: groups of people, their positions, and the cameras.

People are assigned to pools of POOL_SIZE by their numbers; in every round of meetings a pool is
split randomly into groups of at most PARTY, and each group is one moment. The pixels of a moment
therefore depend only on its pool: a request for fewer people, in whole pools, or for fewer rounds,
cameras, places, weathers or hours, draws the same frames.
"""

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from gprplus.core.errors import RenderError
from gprplus.core.sampling import hash64, join_canonical
from gprplus.engine.crops.design import RenderDesign, picture_bytes
from gprplus.engine.places.weather_light import HOURS, WEATHERS
from gprplus.engine.raycast.camera import CameraRays, fixed_camera
from gprplus.engine.raycast.hash_noise import uniform_noise

POOL_SIZE, PARTY = 16, 6
MAX_ENCOUNTERS = 100
TABLES = -(-POOL_SIZE // PARTY)  # moments a pool and round
FIELD, ROOM = (
    2.8,
    0.8,
)  # meters: maximum distance of people from the center, and minimum distance between them
TRIES = 40
ABREAST, STILL = 0.3, 0.2  # probabilities of walking next to the previous person, and of no motion


@dataclass(frozen=True)
class Moment:
    """Moment with several people: `number` is that of its frames."""

    number: int
    cast: tuple[int, ...]


@dataclass(frozen=True)
class CameraView:
    """A moment as one camera sees it in one place: what geometry is intersected for, once."""

    moment: Moment
    camera: int
    degree: int
    background: int
    scene: str


@dataclass(frozen=True)
class Placement:
    """Position of a person, in meters, and direction: `heading` degrees from +y towards -x."""

    identity: int
    x: float
    y: float
    heading: float
    still: bool


@dataclass(frozen=True)
class Scenario:
    """Whole frames: a design, whose viewpoints are cameras around the place, and the number of
    meetings of each person.
    """

    design: RenderDesign
    meetings: int

    @property
    def record(self) -> str:
        """The name of the record that a finished folder has."""
        return "frames.json"

    @property
    def images(self) -> int:
        each = len(self.design.degrees) * len(self.design.scenes) * self.design.cells
        return sum(len(self.moments(pool)) for pool in self.encounter_sizes) * each

    @property
    def bytes_expected(self) -> int:
        return int(self.images * picture_bytes(self.design.size))

    @property
    def encounter_sizes(self) -> range:
        return range(-(-self.design.identities // POOL_SIZE))

    def moments(self, pool: int) -> list[Moment]:
        """Yield every moment of a pool, counted from 0: each of its people is in one moment of a
        round."""
        first = pool * POOL_SIZE + 1
        people = range(first, min(first + POOL_SIZE, self.design.identities + 1))
        found = []
        for turn in range(self.meetings):

            def lot(identity: int, turn: int = turn) -> int:
                return hash64(
                    join_canonical("deal", str(self.design.person_key(identity)), str(turn))
                )

            parties = np.array_split(np.array(sorted(people, key=lot)), -(-len(people) // PARTY))
            for table, party in enumerate(parties, 1):
                number = (pool * MAX_ENCOUNTERS + turn) * TABLES + table
                found.append(Moment(number, tuple(sorted(map(int, party)))))
        return found

    def takes(self, pool: int, camera: int, background: int) -> list[CameraView]:
        """Yield every moment of a pool for each camera and place; both are counted from 1."""
        degree, scene = self.design.degrees[camera - 1], self.design.scenes[background - 1]
        return [
            CameraView(moment, camera, degree, background, scene) for moment in self.moments(pool)
        ]

    def units(self) -> list[tuple[int, int, int]]:
        """(pool, camera, background) of every piece of work, those with a place and camera in
        common side by side."""
        places = product(
            range(1, len(self.design.scenes) + 1),
            range(1, len(self.design.degrees) + 1),
            self.encounter_sizes,
        )
        return [(pool, camera, background) for background, camera, pool in places]

    def placements(self, moment: Moment) -> list[Placement]:
        """Place the people of a moment, at least ROOM apart if possible; the same positions in
        every place."""
        spots: list[Placement] = []
        for identity in moment.cast:
            key = str(self.design.person_key(identity))
            draws = [
                uniform_noise(hash64(join_canonical("spot", key, str(moment.number), str(i))), 5)
                for i in range(TRIES)
            ]
            wishes = [_wish(identity, draw, spots[-1] if spots else None) for draw in draws]
            spots.append(next((wish for wish in wishes if _room(wish, spots) >= ROOM), wishes[0]))
        return spots

    def view(self, degree: int, size: tuple[int, int], samples: int) -> CameraRays:
        """The fixed camera at `degree` around the place, over `size` (width, height) pixels: higher
        than the domain's own, and a little off, each in its own way.
        """
        domain = self.design.domain
        off = (
            2 * uniform_noise(hash64(join_canonical("frame camera", domain.name, str(degree))), 6)
            - 1
        )
        away, turn = 6.6 + 0.4 * float(off[0]), np.radians(degree + 8 * float(off[1]))
        height = domain.height + 0.5 + 0.25 * float(off[2])
        origin = np.array([-np.cos(turn) * away, np.sin(turn) * away, height])
        target = np.array([0.8 * float(off[3]), 0.8 * float(off[4]), 1.05])
        return fixed_camera(
            origin, target, span=3.2 * (1 + 0.1 * float(off[5])), size=size, samples=samples
        )

    def picture_key(self, take: CameraView, weather: str, illumination: str) -> int:
        """The key of one frame: what it shows, by name, and nothing else."""
        who = (str(self.design.person_key(identity)) for identity in take.moment.cast)
        what = (
            self.design.domain.name,
            str(take.degree),
            take.scene,
            str(take.moment.number),
            weather,
            illumination,
        )
        return hash64(join_canonical("frame", *who, *what))

    def stem(self, take: CameraView) -> str:
        """The name of a take: its camera's folder, moment and camera, and place when places are
        crossed."""
        place = f"_p{take.background:02d}" if len(self.design.scenes) > 1 else ""
        return f"c{take.camera:02d}/f{take.moment.number:06d}_c{take.camera:02d}{place}"

    def path(
        self, take: CameraView, weather: str, illumination: str, extension: str = "jpg"
    ) -> str:
        """Path of a frame under the output folder."""
        w, light = WEATHERS.index(weather) + 1, HOURS.index(illumination) + 1
        return f"{self.stem(take)}_w{w:02d}_l{light:02d}.{extension}"

    def request(self) -> dict[str, Any]:
        """Return the settings that determine pixels and files, for the record."""
        return {"frames": True, "meetings": self.meetings, **self.design.request()}


def make_scenario(design: RenderDesign, meetings: int = 2) -> Scenario:
    """Validate a scenario; RenderError for invalid levels lists the valid ones."""
    if not 1 <= meetings <= MAX_ENCOUNTERS:
        raise RenderError(f"--meetings must be between 1 and {MAX_ENCOUNTERS}, not {meetings}.")
    return Scenario(design, meetings)


def _wish(identity: int, draw: np.ndarray, before: Placement | None) -> Placement:
    """Propose a position: next to the previous person, or anywhere on the field."""
    side, radius, angle, turn, mood = (float(value) for value in draw)
    if before is not None and side < ABREAST:
        way, gap = np.radians(before.heading), (ROOM + 0.12 * radius) * (1 if angle < 0.5 else -1)
        x, y = before.x + gap * float(np.cos(way)), before.y + gap * float(np.sin(way))
        return Placement(identity, x, y, before.heading + 10 * (turn - 0.5), before.still)
    away, way = FIELD * np.sqrt(radius), 2 * np.pi * angle
    return Placement(
        identity, float(away * np.cos(way)), float(away * np.sin(way)), 360 * turn, mood < STILL
    )


def _room(wish: Placement, spots: list[Placement]) -> float:
    """Return the distance to the nearest placed person."""
    return min(
        (float(np.hypot(wish.x - spot.x, wish.y - spot.y)) for spot in spots), default=np.inf
    )
