"""A crossed design, validated before rendering, and the names of its images."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from gprplus.core.errors import RenderError, did_you_mean
from gprplus.core.options import combined
from gprplus.core.sampling import hash64, join_canonical
from gprplus.engine.domains import Domain, domain_named
from gprplus.engine.options import DesignOptions, RenderOptions
from gprplus.engine.people.traits import identity_key
from gprplus.engine.places.weather_light import HOURS, WEATHERS

# Increase it when the same request gives other pixels.
ENGINE_VERSION = 1
SMALLEST, LARGEST = (16, 32), (2048, 4096)
BYTES_PER_PIXEL = 0.24  # of a JPEG at quality 90, snow and grain included: measured


Cell = tuple[str, str]  # weather, illumination


@dataclass(frozen=True)
class DesignBlock:
    """One person from one viewpoint in one place: the unit of ray intersection.

    `camera_height_m` is None for the domain's own. `cells` are the pictures of a planned block,
    `lit` all cells that any block of the plan has at this view; a crossed design has the same in
    every block.
    """

    identity: int
    camera: int
    degree: int
    background: int
    scene: str
    camera_height_m: float | None = None
    cells: tuple[Cell, ...] = ()
    lit: tuple[Cell, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CropDesign(ABC):
    """What all crops of a folder have in common. `size` is (width, height)."""

    size: tuple[int, int]
    domain: Domain
    same_people: bool
    seed: int
    masks: bool = False
    boxes: bool = False
    keypoints: bool = False

    @abstractmethod
    def block_cells(self, block: DesignBlock) -> Sequence[Cell]:
        """Return (weather, illumination) of every picture of a block."""

    @abstractmethod
    def lit_cells(self, block: DesignBlock) -> Sequence[Cell]:
        """Return the cells in which the place of a block is lit: its own, and others of the view."""

    @abstractmethod
    def path(
        self, block: DesignBlock, weather: str, illumination: str, extension: str = "jpg"
    ) -> str:
        """Return the path of a picture under the output folder."""

    def person_key(self, identity: int) -> int:
        """The key that the identity's person is drawn from; shared people are those of the domain
        `engine`."""
        return identity_key(identity, self.seed, "engine" if self.same_people else self.domain.name)

    def picture_key(self, block: DesignBlock, weather: str, illumination: str) -> int:
        """The key of one picture: what it shows, by name, and nothing else."""
        height = block.camera_height_m
        shown = [
            str(self.person_key(block.identity)),
            self.domain.name,
            str(block.degree),
            block.scene,
            weather,
            illumination,
            *([] if height is None else [f"{height:.2f}"]),
        ]
        return hash64(join_canonical("picture", *shown))

    def settings(self) -> dict[str, Any]:
        """Return the settings that all pictures share, for the record."""
        return {
            "size": f"{self.size[0]}x{self.size[1]}",
            "domain": self.domain.name,
            "same_people": self.same_people,
            "seed": self.seed,
            "masks": self.masks,
        }


@dataclass(frozen=True, kw_only=True)
class RenderDesign(CropDesign):
    """A crossed design; levels are in declared order, without repetition."""

    identities: int
    degrees: tuple[int, ...]
    weathers: tuple[str, ...]
    illuminations: tuple[str, ...]
    scenes: tuple[str, ...]

    @property
    def record(self) -> str:
        """The name of the record that a finished folder has."""
        return "renders.json"

    @property
    def images(self) -> int:
        return self.identities * len(self.degrees) * len(self.scenes) * self.cells

    @property
    def cells(self) -> int:
        """Pictures a block."""
        return len(self.weathers) * len(self.illuminations)

    @property
    def bytes_expected(self) -> int:
        return int(self.images * picture_bytes(self.size))

    def blocks(self, identity: int) -> list[DesignBlock]:
        """Blocks of one identity: places outermost."""
        scenes, degrees = enumerate(self.scenes, 1), list(enumerate(self.degrees, 1))
        return [
            DesignBlock(identity, c, degree, p, scene)
            for (p, scene), (c, degree) in product(scenes, degrees)
        ]

    def cell_levels(self) -> list[Cell]:
        """(weather, illumination) of every picture of a block."""
        return list(product(self.weathers, self.illuminations))

    def block_cells(self, block: DesignBlock) -> list[Cell]:
        """All cells of the design."""
        return self.cell_levels()

    def lit_cells(self, block: DesignBlock) -> list[Cell]:
        """All cells of the design."""
        return self.cell_levels()

    def path(
        self, block: DesignBlock, weather: str, illumination: str, extension: str = "jpg"
    ) -> str:
        """Path of a picture under the output folder: GPR+ names, `_pNN` when places are crossed."""
        w, light = WEATHERS.index(weather) + 1, HOURS.index(illumination) + 1
        place = f"_p{block.background:02d}" if len(self.scenes) > 1 else ""
        who = f"{block.identity:04d}"
        return f"{who}/{who}_c{block.camera:02d}_w{w:02d}_l{light:02d}{place}.{extension}"

    def request(self) -> dict[str, Any]:
        """Return the settings that determine pixels and files, for the record."""
        return {
            "engine": ENGINE_VERSION,
            "identities": self.identities,
            "viewpoints": len(self.degrees),
            "weathers": list(self.weathers),
            "illuminations": list(self.illuminations),
            "backgrounds": list(self.scenes),
            **self.settings(),
            "boxes": self.boxes,
            **(
                {"keypoints": True} if self.keypoints else {}
            ),  # left out else: older records know nothing of it
        }


def make_design(options: DesignOptions | None = None, **changes: Any) -> RenderDesign:
    """Validate a design; RenderError for invalid levels lists the valid ones.

    The keywords are fields of RenderOptions.
    """
    given = combined(
        RenderOptions if options is None else type(options), options, changes, "make_design"
    )
    identities, viewpoints, backgrounds = given.identities, given.viewpoints, given.backgrounds
    if not 1 <= identities <= 9999:
        raise RenderError(
            f"--identities must be between 1 and 9999 (names have four digits), not {identities}."
        )
    if not 1 <= viewpoints <= 36 or 360 % viewpoints:
        possible = ", ".join(str(n) for n in range(1, 37) if 360 % n == 0)
        raise RenderError(
            f"--viewpoints must divide the circle evenly: one of {possible}, not {viewpoints}."
        )
    seen = domain_named(given.domain)
    if not 1 <= backgrounds <= len(seen.scenes):
        raise RenderError(
            f"--backgrounds must be between 1 and {len(seen.scenes)} ({', '.join(seen.scenes)}),"
            f" not {backgrounds}."
        )
    return RenderDesign(
        identities=identities,
        degrees=tuple((90 + i * (360 // viewpoints)) % 360 for i in range(viewpoints)),
        weathers=_levels("weather", given.weathers, WEATHERS),
        illuminations=_levels("illumination", given.illuminations, HOURS),
        scenes=seen.scenes[:backgrounds],
        size=possible_size(given.size_px),
        domain=seen,
        same_people=given.same_people,
        seed=given.seed,
        masks=given.masks,
        boxes=isinstance(given, RenderOptions) and given.boxes,
        keypoints=isinstance(given, RenderOptions) and given.keypoints,
    )


def possible_size(size: tuple[int, int]) -> tuple[int, int]:
    """Return a size (width, height) that the engine can draw; RenderError for any other."""
    if not (SMALLEST[0] <= size[0] <= LARGEST[0] and SMALLEST[1] <= size[1] <= LARGEST[1]):
        raise RenderError(
            f"--size must be between {SMALLEST[0]}x{SMALLEST[1]} and {LARGEST[0]}x{LARGEST[1]}"
            f" (width x height), not {size[0]}x{size[1]}."
        )
    return size


def picture_bytes(size: tuple[int, int]) -> float:
    """Return the approximate size on disk of one picture of `size` (width, height)."""
    return size[0] * size[1] * BYTES_PER_PIXEL + 4096


def _levels(attribute: str, names: tuple[str, ...], known: Sequence[str]) -> tuple[str, ...]:
    if names == ("all",):
        return tuple(known)
    if not names:
        raise RenderError(f"No {attribute} is given. Known: {', '.join(known)}, or all.")
    for name in names:
        if name not in known:
            raise RenderError(
                f"The engine has no {attribute} '{name}'. {did_you_mean(name, known)}"
            )
    return tuple(name for name in known if name in names)
