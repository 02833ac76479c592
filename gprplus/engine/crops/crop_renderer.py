"""Renderer of crops: a design and a device, with cached lit places."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from gprplus.core.imaging.images import resize_image
from gprplus.core.sampling import hash64, join_canonical
from gprplus.engine.annotations import tight_box
from gprplus.engine.crops.compose import draw_person_over
from gprplus.engine.crops.design import Cell, CropDesign, DesignBlock
from gprplus.engine.keypoints import label_keypoints, project_joints
from gprplus.engine.people.body import build_body
from gprplus.engine.people.traits import sample_person
from gprplus.engine.places import weather_light
from gprplus.engine.places.backdrop import render_backdrop
from gprplus.engine.raycast.camera import CameraRays, Orbit, orbit_camera
from gprplus.engine.raycast.hash_noise import uniform_noise
from gprplus.engine.raycast.layers import ShadingLayers, crop_layers
from gprplus.engine.raycast.shading import glowing_blocks, shade_layers

SAMPLES = 2  # a pixel and axis
KEPT_PLACES = (
    48  # lit places kept, the least recently used leaves; one takes about 10 MB at 200x470
)


@dataclass(frozen=True)
class ShadedBlock:
    """A block that is ready for shading: its layers, the person's box, and, if requested, the key
    points (17, 3)."""

    block: DesignBlock
    layers: ShadingLayers
    mask: np.ndarray
    points: np.ndarray | None = None

    @property
    def box(self) -> tuple[int, int, int, int]:
        """x, y, width, height of the person in pixels; zeros if no person is in the image."""
        return tight_box(self.mask)


class CropRenderer:
    """Takes the pictures of a design on one device. Places are lit once a camera and kept."""

    def __init__(self, design: CropDesign, device: torch.device) -> None:
        self.design = design
        self.device = device
        width, height = design.size
        share = design.domain.resolution
        self.size = (max(8, round(width * share)), max(16, round(height * share)))
        self.margin = int(np.ceil(design.domain.shift * max(self.size)))
        self._places: OrderedDict[tuple[object, ...], ShadingLayers] = OrderedDict()

    def view(
        self,
        degree: int,
        shift: tuple[float, float],
        margin: int,
        camera_height_m: float | None = None,
    ) -> CameraRays:
        """The camera of this domain at a degree, and at another height than its own if one is
        given."""
        domain = self.design.domain
        wobble = (
            2 * float(uniform_noise(hash64(join_canonical("zoom", domain.name, str(degree))), 1)[0])
            - 1
        )
        height = domain.height if camera_height_m is None else camera_height_m
        orbit = Orbit(domain.distance, height, domain.aim, domain.span * (1 + domain.zoom * wobble))
        return orbit_camera(
            degree, orbit, size=self.size, shift=shift, margin=margin, samples=SAMPLES
        )

    def place(self, block: DesignBlock) -> ShadingLayers:
        """The place of a block as its camera sees it, in all lit cells, with a margin for crops."""
        lit = self._light(self.design.lit_cells(block))
        known = (block.scene, block.degree, block.camera_height_m, lit)
        if known not in self._places:
            view = self.view(block.degree, (0.0, 0.0), self.margin, block.camera_height_m)
            hours, hazes, states = lit
            self._places[known] = render_backdrop(
                block.scene, view, SAMPLES, hours, hazes, set(states), self.device
            )
            if len(self._places) > KEPT_PLACES:
                self._places.popitem(last=False)
        self._places.move_to_end(known)
        return self._places[known]

    def _light(
        self, cells: Sequence[Cell]
    ) -> tuple[tuple[str, ...], tuple[float, ...], tuple[int, ...]]:
        """Return the hours, the hazes and the states of the ground in some cells."""
        indoors = self.design.domain.indoors
        hazes = {weather_light.haze_per_m(*cell, indoors) for cell in cells}
        states = weather_light.ground_states((weather for weather, _ in cells), indoors)
        return (
            tuple(dict.fromkeys(hour for _, hour in cells)),
            tuple(sorted(hazes)),
            tuple(sorted(states)),
        )

    def shaded_block(self, block: DesignBlock) -> ShadedBlock:
        """Intersect one block."""
        key = self.design.person_key(block.identity)
        shift = self._shift(block, key)
        person = sample_person(key)
        shapes, materials = build_body(person, block.degree)
        place = self.place(block).only(*self._light(self.design.block_cells(block)))
        empty = crop_layers(place, self.size, self.margin, shift)
        view = self.view(block.degree, shift, 0, block.camera_height_m)
        full, surface = draw_person_over(
            empty, shapes.solids(self.device), materials, view, SAMPLES
        )
        share = full.person.view(self.size[1], self.size[0]).cpu().numpy()
        points = None
        if self.design.keypoints:
            depth = surface.image(view).cpu().numpy()
            points = label_keypoints(
                project_joints(person, block.degree), view, depth, self.design.size
            )
        return ShadedBlock(block, full, self._mask(share), points)

    def _shift(self, block: DesignBlock, key: int) -> tuple[int, int]:
        """Return the crop offset in pixels, the same for all images of a block."""
        draw = (
            2
            * uniform_noise(
                hash64(
                    join_canonical(
                        "crop", str(key), self.design.domain.name, str(block.degree), block.scene
                    )
                ),
                2,
            )
            - 1
        )
        reach = self.design.domain.shift
        return round(float(draw[0]) * reach * self.size[0]), round(
            float(draw[1]) * reach * self.size[1]
        )

    def _mask(self, share: np.ndarray) -> np.ndarray:
        width, height = self.design.size
        if self.size == self.design.size:
            return share >= 0.5
        return (
            resize_image((share * 255).astype(np.uint8)[:, :, None].repeat(3, 2), height, width)[
                :, :, 0
            ]
            >= 128
        )

    def pictures(
        self, shot: ShadedBlock, cells: Sequence[Cell]
    ) -> Iterator[tuple[str, str, Tensor]]:
        """Yield (weather, illumination, `(3, height, width) uint8` on the device) of every
        requested cell."""
        yield from shade_cells(
            shot.layers, cells, partial(self.design.picture_key, shot.block), self.design, self.size
        )

    def finish(self, planes: np.ndarray) -> np.ndarray:
        """A picture as it leaves the camera, `(H, W, 3) uint8`: its planes (3, h, w) joined and
        enlarged to the output size.
        """
        return finish_picture(planes, self.design.size)


def shade_cells(
    layers: ShadingLayers,
    cells: Sequence[Cell],
    key: Callable[[str, str], int],
    design: CropDesign,
    size: tuple[int, int],
) -> Iterator[tuple[str, str, Tensor]]:
    """(weather, illumination, `(3, height, width) uint8` on the device) of cells; `key` names a
    picture for its grain and what falls, `size` (width, height) is that of the layers.
    """
    glowing = glowing_blocks(layers)
    for weather, hour in cells:
        flat = shade_layers(layers, glowing, weather, hour, design.domain, key(weather, hour), size)
        yield weather, hour, flat.view(3, size[1], size[0])


def finish_picture(planes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Planes (3, h, w) joined and enlarged to a picture `(height, width, 3) uint8` of `size`
    (width, height)."""
    import cv2

    return resize_image(cv2.merge(list(planes)), size[1], size[0])
