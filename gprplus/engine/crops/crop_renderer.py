"""Where pictures are taken: a design and a device, with the places that were already lit."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from gprplus.core.images import resize
from gprplus.core.sampling import canonical, text_key
from gprplus.engine.annotations import tight_box
from gprplus.engine.crops.compose import with_person
from gprplus.engine.crops.design import Block, Design
from gprplus.engine.keypoints import joints, labelled
from gprplus.engine.people.body import build
from gprplus.engine.people.traits import draw_person
from gprplus.engine.places import weather_light
from gprplus.engine.places.backdrop import backdrop
from gprplus.engine.raycast.camera import View, orbit
from gprplus.engine.raycast.hash_noise import uniforms
from gprplus.engine.raycast.layers import Layers, cropped
from gprplus.engine.raycast.shading import glowing_blocks, shade

SAMPLES = 2  # a pixel and axis
KEPT_PLACES = 48  # lit places kept, the least recently used leaves; one takes about 10 MB at 200x470


@dataclass(frozen=True)
class Shot:
    """One block, ready to be shaded: its layers, where the person is, and, when asked for, the key points (17, 3)."""

    block: Block
    layers: Layers
    mask: np.ndarray
    points: np.ndarray | None = None

    @property
    def box(self) -> tuple[int, int, int, int]:
        """x, y, width, height of the person in pixels; zeros when nobody is in the picture."""
        return tight_box(self.mask)


class Studio:
    """Takes the pictures of a design on one device. Places are lit once a camera and kept."""

    def __init__(self, design: Design, device: torch.device) -> None:
        self.design = design
        self.device = device
        width, height = design.size
        share = design.domain.resolution
        self.size = (max(8, round(width * share)), max(16, round(height * share)))
        self.margin = int(np.ceil(design.domain.shift * max(self.size)))
        self._places: OrderedDict[tuple[str, int], Layers] = OrderedDict()
        self._states = weather_light.states(design.weathers, design.domain.indoors)
        self._hazes = sorted({weather_light.haze(w, h, design.domain.indoors) for w, h in design.cell_levels()})

    def view(self, degree: int, shift: tuple[float, float], margin: int) -> View:
        """The camera of this domain at a degree."""
        domain = self.design.domain
        wobble = 2 * float(uniforms(text_key(canonical("zoom", domain.name, str(degree))), 1)[0]) - 1
        return orbit(
            degree,
            distance=domain.distance,
            height=domain.height,
            aim=domain.aim,
            span=domain.span * (1 + domain.zoom * wobble),
            size=self.size,
            shift=shift,
            margin=margin,
            samples=SAMPLES,
        )

    def place(self, scene: str, degree: int) -> Layers:
        """A place as the camera at `degree` sees it, with a margin for crops."""
        known = (scene, degree)
        if known not in self._places:
            view = self.view(degree, (0.0, 0.0), self.margin)
            self._places[known] = backdrop(
                scene, view, SAMPLES, self.design.illuminations, self._hazes, self._states, self.device
            )
            if len(self._places) > KEPT_PLACES:
                self._places.popitem(last=False)
        self._places.move_to_end(known)
        return self._places[known]

    def shot(self, block: Block) -> Shot:
        """Intersect one block."""
        key = self.design.person_key(block.identity)
        shift = self._shift(block, key)
        person = draw_person(key)
        shapes, materials = build(person, block.degree)
        empty = cropped(self.place(block.scene, block.degree), self.size, self.margin, shift)
        view = self.view(block.degree, shift, 0)
        full, surface = with_person(empty, shapes.solids(self.device), materials, view, SAMPLES)
        share = full.person.view(self.size[1], self.size[0]).cpu().numpy()
        points = None
        if self.design.keypoints:
            depth = surface.image(view).cpu().numpy()
            points = labelled(joints(person, block.degree), view, depth, self.design.size)
        return Shot(block, full, self._mask(share), points)

    def _shift(self, block: Block, key: int) -> tuple[int, int]:
        """How far the crop is off, in pixels: every picture of a block alike."""
        draw = (
            2
            * uniforms(
                text_key(canonical("crop", str(key), self.design.domain.name, str(block.degree), block.scene)), 2
            )
            - 1
        )
        reach = self.design.domain.shift
        return round(float(draw[0]) * reach * self.size[0]), round(float(draw[1]) * reach * self.size[1])

    def _mask(self, share: np.ndarray) -> np.ndarray:
        width, height = self.design.size
        if self.size == self.design.size:
            return share >= 0.5
        return resize((share * 255).astype(np.uint8)[:, :, None].repeat(3, 2), height, width)[:, :, 0] >= 128

    def pictures(self, shot: Shot, cells: list[tuple[str, str]]) -> Iterator[tuple[str, str, Tensor]]:
        """(weather, illumination, `(3, height, width) uint8` on the device) of every cell asked for."""
        yield from taken(shot.layers, cells, partial(self.design.picture_key, shot.block), self.design, self.size)

    def finish(self, planes: np.ndarray) -> np.ndarray:
        """A picture as it leaves the camera, `(H, W, 3) uint8`: its planes (3, h, w) joined and enlarged to the
        output size.
        """
        return finished(planes, self.design.size)


def taken(
    layers: Layers,
    cells: Sequence[tuple[str, str]],
    key: Callable[[str, str], int],
    design: Design,
    size: tuple[int, int],
) -> Iterator[tuple[str, str, Tensor]]:
    """(weather, illumination, `(3, height, width) uint8` on the device) of cells; `key` names a picture for its
    grain and what falls, `size` (width, height) is that of the layers.
    """
    glowing = glowing_blocks(layers)
    for weather, hour in cells:
        flat = shade(layers, glowing, weather, hour, design.domain, key(weather, hour), size)
        yield weather, hour, flat.view(3, size[1], size[0])


def finished(planes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Planes (3, h, w) joined and enlarged to a picture `(height, width, 3) uint8` of `size` (width, height)."""
    import cv2

    return resize(cv2.merge(list(planes)), size[1], size[0])
