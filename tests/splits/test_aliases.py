"""Places that follow from something else, as published sets have them: found, and their separate
effect refused."""

from itertools import product

import pytest

from gprplus.core.errors import SplitError
from gprplus.core.typed import as_json
from gprplus.splits import make_split

SKIES = ("sunny", "clouds", "overcast", "foggy", "neutral", "blizzard", "snowlight")
CROSSED = ("identity", "viewpoint_deg", "weather", "illumination")


def renders(place, people=24, lights=("noon", "night"), skies=SKIES):
    """Rows of a crossed design, one image a cell; `place(person, sky)` counts both from 1."""
    return [
        {
            "dataset": "set",
            "identity": f"{person:04}",
            "path": (
                f"{person:04}/{person:04}_c{view:02}_w{sky:02}_l{light}_p{place(person, sky):02}.jpg"
            ),
            "camera": view,
            "viewpoint_deg": 80 + 10 * view,
            "weather": skies[sky - 1],
            "illumination": light,
            "background": f"p{place(person, sky):02}",
        }
        for person, view, sky, light in product(
            range(1, people + 1), (1, 10), range(1, len(skies) + 1), lights
        )
    ]


def finegpr(person, sky):
    """The place counter of FineGPR advances with each weather and runs on across identities."""
    return (7 * (person - 1) + (sky - 1)) % 9 + 1


def raw_v31(person, sky):
    """The generator of July 2019: five places that advance with the weather."""
    return (sky - 1) % 5 + 1


def raw_v314(person, sky):
    """The generator of August 2019: three places that advance with the identity."""
    return (person - 1) % 3 + 1


def one(audit, *names):
    """The association of a pair, whichever of the two is named first."""
    found = audit["association"]
    return found.get(", ".join(names), found.get(", ".join(reversed(names))))


def aliases(split):
    return {(alias.attribute, *alias.of): alias.declared for alias in split.record.audit.aliases}


@pytest.mark.parametrize("declared", [False, True])
def test_the_place_of_finegpr_follows_from_person_and_weather(manifest, tmp_path, declared):
    functions = {"camera": ["viewpoint_deg"]} | (
        {"background": ["identity", "weather"]} if declared else {}
    )
    source = manifest(renders(finegpr), factors=CROSSED, functions=functions)
    split = make_split(source, "weather", output=tmp_path / "weather")
    assert aliases(split)["background", "identity", "weather"] is declared
    assert "background" not in split.record.audit.matched_within
    # Over all persons every weather meets every place; inside each person the two are one.
    audit = as_json(split.record.audit)
    assert audit["association"]["weather, background"] < 0.2
    assert audit["association_given_identity"]["weather, background"] == 1
    assert audit["information_given_identity"]["weather, background"] == 1
    with pytest.raises(SplitError, match="effect of background cannot be separated"):
        make_split(source, "background", output=tmp_path / "background")


def test_finegpr_without_a_word_about_its_factors_is_found_out_all_the_same(manifest, tmp_path):
    source = manifest(renders(finegpr), factors=(), functions={})
    weather = make_split(source, "weather", output=tmp_path / "weather")
    assert "background" not in weather.record.audit.matched_within
    with pytest.raises(SplitError, match="effect of background cannot be separated"):
        make_split(source, "background", levels=["p01", "p02"], output=tmp_path / "background")


@pytest.mark.parametrize("declared", [False, True])
def test_the_place_of_the_first_raw_generator_follows_from_the_weather(
    manifest, tmp_path, declared
):
    functions = {"camera": ["viewpoint_deg"]} | ({"background": ["weather"]} if declared else {})
    source = manifest(renders(raw_v31), factors=CROSSED, functions=functions)
    for attr in ("weather", "background"):
        with pytest.raises(SplitError, match="background follows from weather"):
            make_split(source, attr, output=tmp_path / attr)
    split = make_split(source, "illumination", output=tmp_path / "illumination")
    assert aliases(split)["background", "weather"] is declared
    assert split.record.audit.information["weather, background"] == 1
    assert split.record.audit.association["weather, background"] == pytest.approx(1, abs=0.01)
    assert not split.record.audit.differences["background"].largest
    # Two weathers share the first place: among its images they can be compared.
    held = make_split(source, "weather", where="background == p01", output=tmp_path / "held")
    assert set(held.arms) >= {"only-sunny", "only-blizzard"}


def test_the_place_of_the_last_raw_generator_follows_from_the_person(manifest, tmp_path):
    source = manifest(renders(raw_v314), factors=CROSSED, functions={"camera": ["viewpoint_deg"]})
    split = make_split(source, "weather", output=tmp_path / "weather")
    assert ("background", "identity") in aliases(split)
    constant = split.record.audit.constant_within_identity
    assert (constant["background"], constant["weather"]) == (1, 0)
    with pytest.raises(
        SplitError, match="background is constant for each identity in this manifest"
    ):
        make_split(source, "background", output=tmp_path / "background")


def test_a_camera_that_renames_the_viewpoint_has_its_figures(manifest, tmp_path):
    audit = as_json(
        make_split(
            manifest(renders(finegpr), factors=CROSSED), "weather", output=tmp_path / "s"
        ).record.audit
    )
    assert (
        audit["association"]["viewpoint_deg, camera"]
        == audit["information"]["viewpoint_deg, camera"]
        == 1
    )
    for other in ("weather", "illumination", "background"):
        assert one(audit, "camera", other) == one(audit, "viewpoint_deg", other)
