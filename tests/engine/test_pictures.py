"""What a stranger should see: sides, attributes, weather, hours."""

from dataclasses import replace

import numpy as np
import pytest

from gprplus.engine.crops.design import DesignBlock
from gprplus.engine.places.weather_light import HOURS, WEATHERS

GREY = np.array([0.2126, 0.7152, 0.0722])


def box(mask: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return rows[0], rows[-1], columns[0], columns[-1]


@pytest.mark.parametrize(("degree", "towards"), [(180, 1), (0, -1)])
def test_180_shows_the_person_facing_right_and_0_facing_left(
    photograph, somebody, degree, towards
) -> None:
    """A backpack hangs behind: on the left of somebody who faces right."""
    _, with_bag = photograph(somebody(bag="yes"), degree)
    _, without = photograph(somebody(bag="no"), degree)
    added = np.argwhere(with_bag & ~without)[:, 1].mean()
    middle = np.argwhere(without)[:, 1].mean()
    assert (middle - added) * towards > 2


def test_90_shows_the_face_and_270_the_back(photograph, somebody) -> None:
    person = replace(somebody(glasses="yes"), glasses_style="sun", skin=np.array([0.6, 0.4, 0.3]))
    plain = replace(somebody(), skin=person.skin)

    def changed(degree: int) -> int:
        one, two = photograph(person, degree)[0], photograph(plain, degree)[0]
        return int((np.abs(one - two).max(2) > 25).sum())

    assert changed(90) > 8
    assert changed(270) == 0


@pytest.mark.parametrize(
    ("change", "degree", "top", "bottom"),
    [
        ({"hat": "yes"}, 90, -0.08, 0.14),
        ({"glasses": "yes"}, 90, 0.02, 0.12),
        ({"hair": "long"}, 270, 0.0, 0.35),
        ({"sleeve": "short"}, 90, 0.1, 0.55),
        ({"top_length": "long"}, 90, 0.3, 0.7),
        ({"dress": "yes"}, 90, 0.35, 0.98),
        ({"boots": "yes"}, 90, 0.7, 1.0),
        ({"bag": "yes"}, 270, 0.1, 0.6),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else str(value),
)
def test_an_attribute_shows_where_worn(photograph, somebody, change, degree, top, bottom) -> None:
    """Nearly all of the change, what it shades apart, lies within a band of the person's height."""
    person = somebody()
    style = {"hair_style": "loose"} if "hair" in change else {}
    other = replace(somebody(**change), **style)
    (one, mask), (two, mask_2) = photograph(person, degree), photograph(other, degree)
    both = mask | mask_2
    differs = (np.abs(one - two).max(2) > 34) & both
    assert differs.sum() >= 6
    high, low, _, _ = box(mask)
    rows = (np.argwhere(differs)[:, 0] - high) / (low - high)
    assert ((rows >= top - 0.03) & (rows <= bottom + 0.03)).mean() > 0.9


def test_colours_of_clothes_show(photograph, somebody) -> None:
    person = somebody()
    red = replace(person.upper, colour=np.array([0.5, 0.03, 0.03]), pattern="plain")
    blue = replace(person.upper, colour=np.array([0.03, 0.05, 0.4]), pattern="plain")
    (one, mask), (two, _) = (
        photograph(replace(person, upper=red)),
        photograph(replace(person, upper=blue)),
    )
    high, low, left, right = box(mask)
    chest = np.s_[
        high + (low - high) // 4 : high + (low - high) // 3,
        (left + right) // 2 - 2 : (left + right) // 2 + 3,
    ]
    assert one[chest][..., 0].mean() > one[chest][..., 2].mean() + 30
    assert two[chest][..., 2].mean() > two[chest][..., 0].mean() + 30


def test_hours_follow_each_other_in_brightness(photograph, somebody) -> None:
    bright = {hour: (photograph(somebody(), 120, "sunny", hour)[0] @ GREY).mean() for hour in HOURS}
    assert (
        bright["midnight"] < bright["night"] < bright["dusk"] < bright["afternoon"] < bright["noon"]
    )
    assert bright["dawn"] < bright["forenoon"] < bright["noon"]


def test_dusk_is_warm_and_midnight_is_blue(photograph, somebody) -> None:
    dusk = photograph(somebody(), 120, "sunny", "dusk")[0].mean((0, 1))
    midnight = photograph(somebody(), 120, "sunny", "midnight")[0].mean((0, 1))
    assert dusk[0] > 1.25 * dusk[2]
    assert midnight[2] > 1.15 * midnight[0]


def test_fog_eats_what_is_far_and_the_sun_makes_contrast(photograph, somebody) -> None:
    """Edges of the background in the upper half of the picture, and the spread of the whole of
    it."""
    edges, spread = {}, {}
    for weather in WEATHERS:
        picture, mask = photograph(somebody(), 120, weather, "noon")
        grey = np.where(mask, np.nan, picture @ GREY)
        edges[weather], spread[weather] = (
            np.nanmean(np.abs(np.diff(grey[:59], axis=1))),
            np.nanstd(grey),
        )
    assert edges["foggy"] < 0.6 * edges["neutral"]
    assert spread["sunny"] == max(spread.values())
    assert spread["blizzard"] < spread["snowlight"]


def test_snow_whitens_the_ground(photograph, somebody) -> None:
    ground = {
        w: photograph(somebody(), 120, w, "noon", "park")[0][-6:].mean()
        for w in ("overcast", "snowlight", "blizzard")
    }
    assert ground["snowlight"] > ground["overcast"] + 15
    assert ground["blizzard"] > ground["overcast"] + 30


def test_the_person_casts_a_shadow_when_the_sun_shines(studio, photograph, somebody) -> None:
    picture, mask = photograph(somebody(), 90, "sunny", "forenoon", "plaza")
    grey = picture @ GREY
    _, low, _, _ = box(mask)
    around = np.zeros_like(mask)
    around[low - 25 : low - 2] = True
    ground = grey[around & ~mask]
    assert np.percentile(ground, 3) < 0.75 * np.median(ground)


def test_the_mask_is_where_the_person_is(photograph, somebody) -> None:
    """Two people who differ only in colour differ nowhere beyond the mask's edge, and all over its
    inside."""
    person = somebody()
    loud = {"colour": np.array([0.9, 0.9, 0.9]), "pattern": "plain"}
    dark = {"colour": np.array([0.01, 0.01, 0.01]), "pattern": "plain"}

    def dressed(look: dict) -> object:
        cloth = replace(person.upper, **look)
        return replace(
            person,
            upper=cloth,
            lower=cloth,
            skin=look["colour"],
            hair=look["colour"],
            shoe=look["colour"],
        )

    (one, mask), (two, mask_2) = photograph(dressed(loud)), photograph(dressed(dark))
    np.testing.assert_array_equal(mask, mask_2)
    differs = np.abs(one - two).max(2) > 30
    grown = mask.copy()
    grown[1:] |= mask[:-1]
    grown[:-1] |= mask[1:]
    grown[:, 1:] |= grown[:, :-1]
    grown[:, :-1] |= grown[:, 1:]
    assert not (differs & ~grown).any()
    assert (differs & mask).sum() > 0.85 * mask.sum()


def test_the_person_fills_the_picture_and_stays_in_it(studio) -> None:
    for identity in range(1, 5):
        for camera, degree in enumerate((90, 180, 270), 1):
            shot = studio.shaded_block(DesignBlock(identity, camera, degree, 1, "plaza"))
            _, y, width, height = shot.box
            assert 0.62 * 118 < height < 118
            assert y > 0
            assert 8 < width <= 50
