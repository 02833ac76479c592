"""Renderer of frames: a scenario and a device, with a cache of lit places."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gprplus.core.imaging.images import resize_image
from gprplus.engine.annotations import annotate_person
from gprplus.engine.crops.crop_renderer import SAMPLES, shade_cells
from gprplus.engine.frames.occlusion import PlacedPerson, Visibility, draw_people_over
from gprplus.engine.frames.scenario import CameraView, Placement, Scenario
from gprplus.engine.keypoints import label_keypoints, project_joints
from gprplus.engine.people.body import build_body
from gprplus.engine.people.pose import rotation_matrix
from gprplus.engine.people.traits import Person, sample_person
from gprplus.engine.places import weather_light
from gprplus.engine.places.backdrop import render_backdrop
from gprplus.engine.raycast.camera import CameraRays
from gprplus.engine.raycast.layers import ShadingLayers, stack_layers

BAND = 64  # rows of pixels of a place that are lit at once: bounds the memory
KEPT_PLACES = 2  # a lit place takes some 150 MB at 1280x720
SEEN_AT_LEAST = 0.01  # of the outline: of whom a camera sees less is not annotated


@dataclass(frozen=True)
class RenderedFrame:
    """A camera view that is ready for shading: its layers, its annotations, and the label image: 0
    for background, else the number of the annotation, counted from 1.
    """

    take: CameraView
    layers: ShadingLayers
    annotations: list[dict[str, Any]]
    instances: np.ndarray


class FrameRenderer:
    """Takes the frames of a scenario on one device. Places are lit once a camera."""

    def __init__(self, scenario: Scenario, device: torch.device) -> None:
        self.scenario = scenario
        self.device = device
        design = scenario.design
        share = design.domain.resolution
        self.size = (max(8, round(design.size[0] * share)), max(8, round(design.size[1] * share)))
        self._places: OrderedDict[tuple[str, int], ShadingLayers] = OrderedDict()
        self._states = weather_light.ground_states(design.weathers, design.domain.indoors)
        self._hazes = sorted(
            {weather_light.haze_per_m(w, h, design.domain.indoors) for w, h in design.cell_levels()}
        )

    def place(self, scene: str, degree: int) -> ShadingLayers:
        """Return a place from the camera at `degree`, without people."""
        known = (scene, degree)
        if known not in self._places:
            self._places[known] = self._lit(scene, self.view(degree))
            if len(self._places) > KEPT_PLACES:
                self._places.popitem(last=False)
        self._places.move_to_end(known)
        return self._places[known]

    def view(self, degree: int) -> CameraRays:
        """The fixed camera at `degree`."""
        return self.scenario.view(degree, self.size, SAMPLES)

    def _lit(self, scene: str, view: CameraRays) -> ShadingLayers:
        """A place, band by band."""
        hours, step = self.scenario.design.illuminations, BAND * SAMPLES
        bands = []
        for top in range(0, view.height, step):
            centre = (view.centre[0], view.centre[1] - top)
            band = replace(view, centre=centre, height=min(step, view.height - top))
            bands.append(
                render_backdrop(scene, band, SAMPLES, hours, self._hazes, self._states, self.device)
            )
        return stack_layers(bands)

    def rendered_frame(self, take: CameraView) -> RenderedFrame:
        """Intersect one take."""
        view = self.view(take.degree)
        spots = self.scenario.placements(take.moment)
        people = [self._somebody(spot) for spot in spots]
        standing = [
            self._standing(person, spot, take) for person, spot in zip(people, spots, strict=True)
        ]
        layers, depth, presences = draw_people_over(
            self.place(take.scene, take.degree), standing, view, SAMPLES
        )
        number, shown = self._instances(presences)
        depth_image = depth.cpu().numpy()
        annotations: list[dict[str, Any]] = []
        instances = np.zeros_like(number, dtype=np.uint8)
        for i in shown:
            instances[number == i + 1] = len(annotations) + 1
            spot, presence = spots[i], presences[i]
            points = project_joints(people[i], _moment(take)) @ _turn(spot).T + [
                spot.x,
                spot.y,
                0.0,
            ]
            row = annotate_person(
                number == i + 1,
                label_keypoints(points, view, depth_image, self.scenario.design.size),
            )
            annotations.append(row | self._known(people[i], spot, presence, view))
        return RenderedFrame(take, layers, annotations, instances)

    def _somebody(self, spot: Placement) -> Person:
        person = sample_person(self.scenario.design.person_key(spot.identity))
        return replace(person, stride=0.06, swing=0.3) if spot.still else person

    def _standing(self, person: Person, spot: Placement, take: CameraView) -> PlacedPerson:
        shapes, materials = build_body(person, _moment(take))
        at = np.array([spot.x, spot.y, 0.0])
        return PlacedPerson(shapes.moved(_turn(spot), at).solids(self.device), materials, at)

    def _instances(self, presences: list[Visibility]) -> tuple[np.ndarray, list[int]]:
        """Return the person with the largest share of each pixel `(H, W)`, counted from 1, and the
        annotated persons.
        """
        width, height = self.scenario.design.size
        total = np.zeros((height, width), dtype=np.float32)
        best, number = np.zeros_like(total), np.zeros((height, width), dtype=np.int32)
        for i, presence in enumerate(presences):
            if presence.share is None or presence.seen < SEEN_AT_LEAST * presence.whole:
                continue
            share = self._enlarged(presence)
            total += share
            number[share > best] = i + 1
            best = np.maximum(best, share)
        number[total < 0.5] = 0
        return number, [i for i in range(len(presences)) if (number == i + 1).any()]

    def _enlarged(self, presence: Visibility) -> np.ndarray:
        """Return the share of a person in every pixel of the finished frame."""
        assert presence.share is not None
        width, height = self.scenario.design.size
        small = np.zeros((self.size[1], self.size[0], 1), dtype=np.uint8)
        rows, columns = presence.share.shape
        small[presence.y : presence.y + rows, presence.x : presence.x + columns, 0] = np.rint(
            presence.share * 252
        )
        return resize_image(small, height, width).reshape(height, width) / np.float32(252)

    def _known(
        self, person: Person, spot: Placement, presence: Visibility, view: CameraRays
    ) -> dict[str, Any]:
        """Return the annotation keys in addition to those of COCO."""
        away = view.origin[:2] - [spot.x, spot.y]
        x, y = away @ _turn(spot)[:2, :2]
        return {
            "identity": f"{spot.identity:04d}",
            "viewpoint_deg": round(float(np.degrees(np.arctan2(y, -x)))) % 360,
            "visible": round(presence.visible, 4),
            "truncated": round(presence.truncated, 4),
            "attributes": dict(person.attributes),
        }

    def pictures(
        self, film: RenderedFrame, cells: list[tuple[str, str]]
    ) -> Iterator[tuple[str, str, Tensor]]:
        """Yield (weather, illumination, `(3, height, width) uint8` on the device) of every
        requested cell."""
        key = partial(self.scenario.picture_key, film.take)
        yield from shade_cells(film.layers, cells, key, self.scenario.design, self.size)


def _moment(take: CameraView) -> str:
    """The name of a take's moment of the walk: the same for every camera."""
    return f"frame {take.moment.number}"


def _turn(spot: Placement) -> np.ndarray:
    return rotation_matrix("z", spot.heading)
