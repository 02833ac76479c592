"""Designs that cannot be drawn are refused with a sentence; names and levels are those of GPR+."""

import pytest

from gprplus.core.errors import RenderError
from gprplus.engine.crops.design import make_design
from gprplus.engine.options import parse_size


def test_the_default_design_has_8064_pictures() -> None:
    assert make_design().images == 8064


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"weathers": "sunny,foggi"}, "no weather 'foggi'. Did you mean 'foggy'"),
        ({"illuminations": ["duskk"]}, "no illumination 'duskk'. Did you mean 'dusk'"),
        ({"viewpoints": 7}, "divide the circle"),
        ({"viewpoints": 72}, "divide the circle"),
        ({"viewpoints": 0}, "divide the circle"),
        ({"size": (4, 4)}, "--size must be between"),
        ({"size": (9000, 9000)}, "--size must be between"),
        ({"identities": 0}, "between 1 and 9999"),
        ({"backgrounds": 99}, "--backgrounds must be between 1 and 8"),
        ({"domain": "stret"}, "Did you mean 'street'"),
        ({"weathers": " "}, "No weather is given"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_an_impossible_design_is_refused(asked, sentence) -> None:
    with pytest.raises(RenderError, match=sentence.replace("(", r"\(")):
        make_design(**asked)


@pytest.mark.parametrize("text", ["200", "x470", "200x", "axb", "200x-4", ""])
def test_a_size_is_width_x_height(text: str) -> None:
    with pytest.raises(RenderError, match="width x height"):
        parse_size(text)


def test_numbers_of_levels_do_not_shift_in_a_subset() -> None:
    design = make_design(weathers="foggy", illuminations="night", viewpoints=4)
    block = design.blocks(3)[1]
    assert block.degree == 180
    assert design.path(block, "foggy", "night") == "0003/0003_c02_w04_l07.jpg"


def test_places_are_named_only_when_there_are_several() -> None:
    design = make_design(backgrounds=2, viewpoints=1)
    paths = [design.path(block, "sunny", "noon") for block in design.blocks(1)]
    assert paths == ["0001/0001_c01_w01_l04_p01.jpg", "0001/0001_c01_w01_l04_p02.jpg"]


def test_levels_stand_in_declared_order_without_repeats() -> None:
    assert make_design(weathers="snowlight,sunny,sunny").weathers == ("sunny", "snowlight")
