"""Studios and shots at a size that draws in milliseconds."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from gprplus.engine.crops.compose import draw_person_over
from gprplus.engine.crops.crop_renderer import SAMPLES, CropRenderer, ShadedBlock
from gprplus.engine.crops.design import DesignBlock, RenderDesign, make_design
from gprplus.engine.people.body import build_body
from gprplus.engine.people.traits import Person, identity_key, sample_person
from gprplus.engine.raycast.layers import crop_layers

SMALL = (50, 118)
CPU = torch.device("cpu")


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def design() -> RenderDesign:
    """Everything crossed, small."""
    return make_design(
        identities=4, viewpoints=12, weathers="all", illuminations="all", backgrounds=8, size=SMALL
    )


@pytest.fixture(scope="session")
def studio(design: RenderDesign) -> CropRenderer:
    return CropRenderer(design, CPU)


@pytest.fixture(scope="session")
def photograph(studio: CropRenderer) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """A given person from a given side: picture `(H, W, 3) float64` without grain's help, and mask
    `(H, W) bool`."""

    def photograph(
        person: Person,
        degree: int = 90,
        weather: str = "neutral",
        hour: str = "noon",
        scene: str = "yard",
    ) -> tuple[np.ndarray, np.ndarray]:
        shapes, materials = build_body(person, degree)
        place = crop_layers(
            studio.place(DesignBlock(1, 1, degree, 1, scene)), studio.size, studio.margin, (0, 0)
        )
        layers, _ = draw_person_over(
            place, shapes.solids(CPU), materials, studio.view(degree, (0.0, 0.0), 0), SAMPLES
        )
        mask = layers.person.view(SMALL[1], SMALL[0]).numpy() >= 0.5
        shot = ShadedBlock(DesignBlock(1, 1, degree, 1, scene), layers, mask)
        picture = next(iter(studio.pictures(shot, [(weather, hour)])))[2]
        return studio.finish(picture.numpy()).astype(float), mask

    return photograph


@pytest.fixture(scope="session")
def somebody() -> Callable[..., Person]:
    """A plain adult, with the attributes that the test is about set."""

    def somebody(**attributes: str) -> Person:
        person = sample_person(identity_key(1, 0, "engine"))
        plain = {
            "gender": "male", "hair": "short", "age": "adult", "glasses": "no", "sleeve": "long", "top_length": "short",
            "dress": "no", "boots": "no", "hat": "no", "bag": "no",
        }  # fmt: skip
        return replace(
            person,
            attributes={**person.attributes, **plain, **attributes},
            scarf=None,
            bag_style="backpack",
        )

    return somebody
