"""Instance masks in the forms of engines: colors with alpha, parts of a person, CARLA, one file
for each person."""

from pathlib import Path

import numpy as np
import pytest
from engine_world.files import save_image

from gprplus.core.errors import FramesError
from gprplus.cropping.annotations import AnnotatedFrame, AnnotatedPerson
from gprplus.cropping.opened_frame import OpenedFrame, open_frame
from gprplus.cropping.segmentation import read_instances, rgba_value

RED, BLUE, CAR, ODD = (255, 0, 0, 255), (0, 0, 255, 128), (9, 9, 9, 255), (7, 0, 0, 255)


def masked(folder: Path, known, masks: bool = True) -> OpenedFrame:
    """A frame of 40 x 20: red at 5..10, blue next to it at 10..14, a car, and an odd color."""
    save_image(folder / "rgb.png", np.full((20, 40, 3), 128, np.uint8))
    image = np.zeros((20, 40, 4), np.uint8)
    image[..., 3] = 255
    image[2:12, 5:10], image[4:18, 10:14], image[0:3, 30:40], image[19, 0] = RED, BLUE, CAR, ODD
    save_image(folder / "mask.png", image)
    table = {rgba_value(colour): person for colour, person in known.items()}
    mask = str(folder / "mask.png")
    frame = AnnotatedFrame("rgb.png", 0, mask=mask, mask_form="rgba", known=table)
    return open_frame(folder, frame, masks=masks)


def test_parts_of_a_person_are_one_person(tmp_path: Path) -> None:
    """Body 5..10 x 2..12 and legs 10..14 x 4..18 give the box 5..14 x 2..18."""
    person = AnnotatedPerson(1, "anna")
    opened = masked(tmp_path, {RED: person, BLUE: person, CAR: None, ODD: None})
    (found,) = opened.people
    assert (found.identity, found.box) == ("anna", (5, 2, 9, 16))
    mask = opened.mask(found, (0, 0, 40, 20))
    assert mask is not None
    assert mask.sum() == 10 * 5 + 14 * 4


def test_a_color_that_is_no_person_is_no_value_and_an_unknown_one_a_reject(tmp_path: Path) -> None:
    opened = masked(tmp_path, {RED: AnnotatedPerson(1, "anna"), BLUE: None, CAR: None})
    anna, odd = opened.people
    assert anna.identity == "anna"
    assert odd.reject is not None
    assert odd.reject[0] == "identity"
    assert opened.values is not None
    assert len(np.unique(opened.values)) == 3  # nothing, Anna, the odd color


def test_boxes_of_annotations_are_kept_and_hidden_people_have_no_visible_pixel(tmp_path) -> None:
    people = {
        RED: AnnotatedPerson(1, "anna", (4.5, 2, 6, 10), visible=0.9),
        BLUE: AnnotatedPerson(2, "ben"),
        CAR: None,
        ODD: None,
        (1, 2, 3, 255): AnnotatedPerson(3, "eve", (0, 0, 5, 9)),
    }
    anna, ben, eve = masked(tmp_path, people).people
    assert (anna.box, ben.box) == ((4.5, 2, 6, 10), (10, 4, 4, 14))
    assert (eve.identity, eve.visible) == ("eve", 0.0)


def test_a_mask_is_not_read_where_boxes_and_shares_are_known(tmp_path: Path, monkeypatch) -> None:
    name = "gprplus.cropping.opened_frame.read_instances"
    monkeypatch.setattr(name, lambda *_: pytest.fail("the mask was read"))
    person = AnnotatedPerson(1, "anna", (5, 2, 9, 16), visible=1.0)
    opened = masked(tmp_path, {RED: person, BLUE: person}, masks=False)
    assert opened.people == (person,)


def test_carla_ids_are_those_of_pedestrians(tmp_path: Path) -> None:
    """Tag 12 with G 89, B 1 is the actor 89 + 256 = 345; the wall (tag 4) has an id too."""
    image = np.zeros((4, 6, 3), np.uint8)
    image[:] = (4, 7, 0)
    image[1:3, 2:5] = (12, 89, 1)
    save_image(tmp_path / "mask.png", image)
    values = read_instances(tmp_path / "mask.png", (6, 4), "carla")
    assert np.unique(values).tolist() == [0, 345]
    assert (values == 345).sum() == 6
    older = read_instances(tmp_path / "mask.png", (6, 4), "carla-4")
    assert np.unique(older).tolist() == [0, 7]


def test_masks_of_one_person_each_are_joined(tmp_path: Path) -> None:
    save_image(tmp_path / "rgb.png", np.full((20, 40, 3), 128, np.uint8))
    for name, rows in (("body", slice(2, 8)), ("clothing", slice(8, 15))):
        mask = np.zeros((20, 40), np.uint8)
        mask[rows, 5:9] = 255
        save_image(tmp_path / f"{name}.png", mask)
    paths = tuple(str(tmp_path / f"{name}.png") for name in ("body", "clothing"))
    people = (AnnotatedPerson(0, "anna", masks=paths), AnnotatedPerson(1, "ben"))
    opened = open_frame(tmp_path, AnnotatedFrame("rgb.png", 0, people=people), masks=False)
    assert [person.box for person in opened.people] == [(5, 2, 4, 13), None]


def test_a_gray_mask_is_no_mask_of_colors(tmp_path: Path) -> None:
    save_image(tmp_path / "mask.png", np.zeros((4, 6), np.uint8))
    with pytest.raises(FramesError, match=r"of the mode L; RGB or RGBA is expected"):
        read_instances(tmp_path / "mask.png", (6, 4), "rgba")
