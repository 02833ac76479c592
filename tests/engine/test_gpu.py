"""The engine on a pretended GPU: nothing lies on the wrong side, and the pixels are the
processor's."""

import pytest
import torch
from pretended import pretended

from gprplus.engine.crops.crop_renderer import CropRenderer
from gprplus.engine.crops.design import make_design


@pytest.mark.parametrize("domain", ["engine", "mall"])
def test_pictures_drawn_on_the_device_are_the_processor_s(
    monkeypatch: pytest.MonkeyPatch, domain: str
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
    with pretended(monkeypatch) as gpu:
        there = drawn("cuda")
    for one, other in zip(
        here, there, strict=True
    ):  # rounding at half a level depends on the processor's kernels
        apart = (one.float() - other.float()).abs()
        assert apart.max() <= 1
        assert (apart > 0).float().mean() < 1e-3
