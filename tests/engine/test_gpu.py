"""The engine on a GPU, pretended and real: tensors are on the right device, and the pixels are the
processor's."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from gprplus.engine.crops.crop_renderer import CropRenderer
from gprplus.engine.crops.design import make_design


@pytest.mark.parametrize("domain", ["engine", "mall"])
def test_pictures_drawn_on_the_device_are_the_processor_s(
    on_gpu: Callable[..., Any], domain: str
) -> None:
    design = make_design(
        identities=1,
        viewpoints=1,
        weathers="foggy,blizzard",
        illuminations="noon,night",
        size=(50, 118),
        domain=domain,
    )
    block = next(iter(design.blocks(1)))

    def drawn(device: str) -> list[torch.Tensor]:
        studio = CropRenderer(design, torch.device(device))
        shot = studio.shaded_block(block)
        first = [picture.cpu() for _, _, picture in studio.pictures(shot, design.cell_levels())]
        if device == "cuda":
            gpu.waits.clear()
            list(studio.pictures(shot, design.cell_levels()))
            assert gpu.waits == [], (
                "colours lie on the device already: shading does not wait for it"
            )
        return first

    here = drawn("cpu")
    with on_gpu() as gpu:
        there = drawn("cuda")
    # Rounding at half a level depends on the kernels; on a real device, a ray that grazes an edge too.
    level, share, strays = (1, 1e-3, 0.0) if gpu.exact else (1, 2e-2, 1e-3)
    for one, other in zip(here, there, strict=True):
        apart = (one.float() - other.float()).abs()
        assert (apart > level).float().mean() <= strays
        assert (apart > 0).float().mean() < share
