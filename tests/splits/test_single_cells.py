"""Arms of single cells of crossed attributes: what they hold, and what they are compared with."""

from collections import Counter
from itertools import product

import numpy as np
import pytest

from gprplus.core.errors import SplitError
from gprplus.splits import make_split
from gprplus.statistics.effects import compute_effects
from gprplus.statistics.estimands import declared_contrasts
from tests.support.records import split_of
from tests.support.scored_experiment import experiment, rows

CHOSEN = {"weather": ["sunny", "foggy"], "illumination": ["dusk", "night"]}


@pytest.fixture
def split(write_manifest, crossed, tmp_path):
    def made(rows, attr="weather,illumination", **options):
        manifest = write_manifest(tmp_path / "manifest", rows)
        options = {"design": "cells", "test_share": 0, "restrict": CHOSEN, **options}
        return make_split(manifest, attr, output=tmp_path / "split", **options)

    return made


def grid(*names):
    """A split of cells with the names WEATHER+LIGHT and a mixture."""
    arms = {
        f"only-{name}": {
            "kind": "cell",
            "levels": name.split("+"),
            "restrict": dict(
                zip(("weather", "light"), ([x] for x in name.split("+")), strict=True)
            ),
        }
        for name in names
    }
    return split_of(design="cells", reference="mix", arms=arms | {"mix": {"kind": "mix"}})


def test_each_arm_has_one_cell_of_the_same_identities_and_views(split, crossed):
    found = split(crossed(6), deals=1)
    names = [f"only-{sky}+{light}" for sky, light in product(*CHOSEN.values())]
    assert [*found.record.arms] == [*names, "mix", "random-images-1"]
    assert found.record.crossed == found.record.varied == ("weather", "illumination")
    for name in names:
        table = found.train(name).to_pylist()
        arm = found.record.arms[name]
        assert {(row["weather"], row["illumination"]) for row in table} == {arm.choice}
        where = Counter((row["identity"], row["viewpoint_deg"]) for row in table)
        assert set(where.values()) == {1}
        assert len(where) == 6 * 4


def test_the_mixture_deals_all_cells_evenly_to_every_identity(split, crossed):
    table = split(crossed(6), deals=1).train("mix").to_pylist()
    cells = Counter((row["identity"], row["weather"], row["illumination"]) for row in table)
    assert len(table) == 24
    assert set(cells.values()) == {1}, "four views of each identity, one of each cell"


def test_the_levels_are_all_of_them_unless_they_are_named(split, crossed):
    found = split(crossed(6), restrict={"weather": ["sunny", "foggy"]}, controls=False)
    assert len(found.record.arms) == 2 * 3 + 1


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"attr": "weather", "restrict": {}}, "crosses two or more attributes"),
        ({"attr": "weather,identity", "restrict": {}}, "other than identity"),
        ({"levels": ["sunny"]}, "takes the levels of each attribute from --restrict"),
        ({"restrict": {"weather": ["sunny"]}}, "needs two levels or more of weather; found sunny"),
        ({"restrict": {"background": ["plaza"]}}, "background is not among them"),
        ({"design": "only"}, "belongs to --design factorial or cells"),
    ],
)
def test_what_cells_cannot_be_made_of_is_one_sentence(split, crossed, options, sentence):
    with pytest.raises(SplitError, match=sentence):
        split(crossed(6), **options)


def test_a_cell_without_images_is_named(split, crossed):
    kept = [
        row for row in crossed(6) if (row["weather"], row["illumination"]) != ("foggy", "night")
    ]
    with pytest.raises(SplitError, match=r"no image of foggy\+night"):
        split(kept)


def test_a_cell_is_compared_with_the_mixture_and_with_what_its_levels_add_up_to():
    """Two weathers and three lights. The mean of the row of a+x is over 3 cells, of its column over
    2, of all over 6: S(a+x) has the weight 1 - 1/3 - 1/2 + 1/6 = 1/3."""
    names = [f"{one}+{two}" for one, two in product("ab", "xyz")]
    found = declared_contrasts(grid(*names), [*(f"only-{name}" for name in names), "mix"])
    by_family = {(one.family, one.name): one.weights for one in found}
    assert by_family["sufficiency", "only-a+x"] == {"only-a+x": 1.0, "mix": -1.0}
    weights = by_family["additivity", "only-a+x"]
    assert weights == pytest.approx(
        {
            "only-a+x": 1 / 3,
            "only-a+y": -1 / 6,
            "only-a+z": -1 / 6,
            "only-b+x": -1 / 3,
            "only-b+y": 1 / 6,
            "only-b+z": 1 / 6,
        }
    )
    added = {"a": 0.5, "b": 0.3, "x": 0.1, "y": 0.0, "z": -0.2}
    score = {f"only-{one}+{two}": added[one] + added[two] for one, two in product("ab", "xyz")}
    assert sum(weight * score[arm] for arm, weight in weights.items()) == pytest.approx(0)


def test_cells_that_are_not_a_whole_crossing_have_no_additivity():
    found = declared_contrasts(
        grid("a+x", "a+y", "b+x"), ["only-a+x", "only-a+y", "only-b+x", "mix"]
    )
    assert {one.family for one in found} == {"sufficiency"}


def test_a_departure_from_adding_up_is_found_where_it_is_planted():
    names = [f"{one}+{two}" for one, two in product("abc", "xyz")]
    level = {f"only-{name}": 0.4 + 0.05 * ("abc".index(name[0]) - 1) for name in names}
    level["only-b+y"] += 0.09
    found = compute_effects(*experiment({**level, "mix": 0.4}, noise=0.004), grid(*names))
    apart = {row["contrast"]: row for row in rows(found.contrasts) if row["family"] == "additivity"}
    assert apart["only-b+y"]["value"] == pytest.approx(0.09 * 4 / 9, abs=0.01)
    assert apart["only-b+y"]["verdict"] == "higher"
    assert np.sum([row["value"] for row in apart.values()]) == pytest.approx(0)
    logit = {row["contrast"]: row for row in rows(found.logit)}
    assert logit["only-b+y"]["holds"]
