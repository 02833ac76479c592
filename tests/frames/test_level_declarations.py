"""The level tables of forms name levels of the vocabulary, and cover the clock."""

import tomllib

import pytest

from gprplus.core.declarations import attributes, declarations_folder
from gprplus.cropping.forms.registry import all_forms

TABLES = sorted((declarations_folder() / "forms").glob("*.toml"))


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_levels_are_those_of_the_vocabulary(path) -> None:
    assert path.stem in all_forms()
    for attribute, table in tomllib.loads(path.read_text()).items():
        assert set(table.values()) <= set(attributes()[attribute].levels)


def test_every_hour_of_the_clock_has_a_level() -> None:
    table = tomllib.loads((declarations_folder() / "forms/mta.toml").read_text())["illumination"]
    hours = []
    for token in table:
        first, _, last = token.partition("-")
        hours += range(int(first), int(last or first) + 1)
    assert sorted(hours) == list(range(24))


def test_a_preset_of_carla_is_a_weather_and_a_time_of_day() -> None:
    tables = tomllib.loads((declarations_folder() / "forms/carla.toml").read_text())
    assert tables["weather"].keys() == tables["illumination"].keys()
    assert tables["weather"]["HardRainNight"] == "rain"
    assert tables["illumination"]["HardRainNight"] == "night"
