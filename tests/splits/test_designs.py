"""The designs by name: level sets, paths, fractions; places that follow from others; and what is
refused."""

from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np
import pytest
from trained import column, uids

from gprplus.core.errors import SplitError
from gprplus.core.typed import as_json
from gprplus.splits import DeclaredArm, make_split
from gprplus.splits.designs import DESIGNS
from gprplus.splits.designs.base import design
from gprplus.splits.designs.joint_matching import balanced_order


def test_weather_gives_an_arm_a_level_the_mixture_and_the_control(manifest, tmp_path, crossed):
    split = make_split(manifest(crossed(24)), "weather", output=tmp_path / "split")
    assert split.arms == [
        "only-sunny",
        "only-clouds",
        "only-overcast",
        "only-foggy",
        "mix",
        "random-images-1",
    ]
    assert split.record.reference == "mix"
    assert split.record.levels == ["sunny", "clouds", "overcast", "foggy"]
    for level in split.record.levels:
        assert set(column(split, f"only-{level}", "weather")) == {level}
    assert {arm.images for arm in split.record.arms.values()} == {
        12 * split.record.arms["mix"].identities
    }


@pytest.mark.parametrize("attr", ["viewpoint_deg", "camera"])
def test_a_camera_that_is_a_viewpoint_is_neither_matched_on_nor_an_obstacle(
    manifest, tmp_path, crossed, attr
):
    split = make_split(manifest(crossed(24)), attr, output=tmp_path / "split")
    assert split.record.audit.matched_within == ["identity", "weather", "illumination"]
    assert split.record.retention == 1
    assert len(split.arms) == 6


def test_named_levels_are_compared_among_themselves(manifest, tmp_path, crossed):
    split = make_split(
        manifest(crossed(24)),
        "weather",
        output=tmp_path / "split",
        levels=["foggy", "sunny"],
        controls=False,
    )
    assert split.arms == ["only-foggy", "only-sunny", "mix"]
    assert set(column(split, "mix", "weather")) == {"sunny", "foggy"}


def test_a_level_set_is_compared_with_all_levels_and_with_random_sets_of_its_size(
    manifest, tmp_path, crossed
):
    split = make_split(
        manifest(crossed(24)),
        "weather",
        output=tmp_path / "split",
        levels=["sunny+foggy", "clouds"],
    )
    assert split.arms == [
        "only-sunny+foggy",
        "only-clouds",
        "mix",
        "random-levels-q2-1",
        "random-images-1",
    ]
    assert set(column(split, "only-sunny+foggy", "weather")) == {"sunny", "foggy"}
    assert set(column(split, "mix", "weather")) == {"sunny", "clouds", "overcast", "foggy"}
    drawn = set(column(split, "random-levels-q2-1", "weather"))
    assert len(drawn) == 2
    assert drawn != {"sunny", "foggy"}
    assert set(split.record.arms["random-levels-q2-1"].levels) == drawn
    assert len({len(uids(split, arm)) for arm in split.arms}) == 1


def test_vacuous_random_levels_are_not_built(manifest, tmp_path, crossed):
    # Of 3 levels every set of 2 is all but one: 2 <= q <= levels - 2 fails.
    rows = crossed(24, weathers=("sunny", "clouds", "foggy"))
    split = make_split(
        manifest(rows), "weather", output=tmp_path / "split", levels=["sunny+clouds"]
    )
    assert split.arms == ["only-sunny+clouds", "mix", "random-images-1"]


def finegpr(rows):
    """Background as in FineGPR: the place goes on by one a weather and runs on across persons."""
    skies = sorted({row["weather"] for row in rows})
    people = sorted({row["identity"] for row in rows})

    def place(row):
        return f"p{(len(skies) * people.index(row['identity']) + skies.index(row['weather'])) % 9 + 1:02}"

    return [{**row, "background": place(row)} for row in rows]


def test_a_background_that_person_and_weather_decide_is_found_and_not_matched_on(
    manifest, tmp_path, crossed
):
    source = manifest(finegpr(crossed(24)))
    split = make_split(source, "weather", output=tmp_path / "weather")
    found = as_json(split.record.audit.aliases)
    assert {"attribute": "background", "of": ["identity", "weather"], "declared": False} in found
    assert "background" not in split.record.audit.matched_within
    assert split.record.retention == 1
    assert any(
        "Within an identity background changes with weather" in warning
        for warning in split.record.warnings
    )
    with pytest.raises(
        SplitError,
        match=r"effect of background cannot be separated: .* follows from identity and weather",
    ):
        make_split(source, "background", output=tmp_path / "background")
    light = make_split(source, "illumination", output=tmp_path / "light")
    assert light.record.audit.association_with_arm["background"] == 0


def test_a_background_that_the_weather_alone_decides_makes_both_unanswerable(
    manifest, tmp_path, crossed
):
    places = {"sunny": "beach", "clouds": "factory", "overcast": "street", "foggy": "beach"}
    source = manifest([{**row, "background": places[row["weather"]]} for row in crossed(24)])
    for attr in ("weather", "background"):
        with pytest.raises(SplitError, match="background follows from weather"):
            make_split(source, attr, output=tmp_path / attr)
    assert make_split(source, "illumination", output=tmp_path / "light").record.retention == 1


def test_a_background_of_one_a_person_is_compared_between_persons_by_who_asks_for_it(
    manifest, tmp_path, crossed
):
    source = manifest(
        [{**row, "background": f"p{int(row['identity']) % 3}"} for row in crossed(24)]
    )
    with pytest.raises(
        SplitError, match=r"background is constant for each identity.*--design persons"
    ):
        make_split(source, "background", output=tmp_path / "split")
    split = make_split(source, "background", design="persons", output=tmp_path / "split")
    persons = {
        arm: set(column(split, arm, "identity")) for arm in ("only-p0", "only-p1", "only-p2")
    }
    assert len({len(names) for names in persons.values()}) == 1
    assert not persons["only-p0"] & persons["only-p1"]


def test_a_crossed_background_is_matched_on(manifest, tmp_path, crossed):
    rows = [
        {**row, "background": place, "path": row["path"].replace(".jpg", f"_{place}.jpg")}
        for row in crossed(12)
        for place in ("a", "b")
    ]
    source = manifest(rows, factors=("viewpoint_deg", "weather", "illumination", "background"))
    split = make_split(source, "weather", output=tmp_path / "split")
    assert "background" in split.record.audit.matched_within
    by_person = defaultdict(Counter)
    for row in split.train("only-foggy").to_pylist():
        by_person[row["identity"]][row["background"]] += 1
    assert all(counts == {"a": 12, "b": 12} for counts in by_person.values())


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"attr": "wether"}, "no attribute 'wether'. Did you mean 'weather'"),
        (
            {"attr": "weather", "levels": ["suny", "foggy"]},
            "no level 'suny' in the train set. Did you mean 'sunny'",
        ),
        ({"attr": "weather", "levels": ["sunny+clouds+overcast+foggy"]}, "what the arm `mix` is"),
        ({"attr": "background"}, "one level only in the train set .plaza."),
        ({"attr": "hat"}, "hat is not known for any image"),
        (
            {"attr": "weather", "identities": 1000},
            "1,000 identities were requested, but the train set has 18",
        ),
        (
            {"attr": "weather", "budget": 10_000},
            "budget of 10,000 images was requested, but .* at most 216",
        ),
        (
            {"attr": "weather", "images_per_identity": 13},
            "No identity has 13 images .* the maximum is 12",
        ),
        (
            {"attr": "identity", "levels": ["8", "900"]},
            "900 identities were requested, but the train set has 18",
        ),
        (
            {"attr": "identity", "levels": ["few"]},
            "numbers of identities, such as 8,32,64; found few",
        ),
        ({"attr": "identity", "levels": ["8"]}, "two different numbers of identities"),
        ({"attr": "weather", "test_share": 1.5}, "test_share must be less than 1; found 1.5"),
        (
            {"attr": "weather", "on_missing": "impute"},
            "on_missing impute is not known. Known: coarsen, ",
        ),
        ({"attr": "weather", "identities": 0}, "identities must be at least 1; found 0"),
        ({"attr": "weather", "where": "weather = rain"}, "no level 'rain'"),
        ({"attr": "weather", "where": "viewpoint_deg > 400"}, "keeps none of the"),
        (
            {"attr": "weather", "design": "persons"},
            "weather varies within an identity. Leave --design out: weather has the design only",
        ),
        (
            {"attr": "identity", "design": "budget", "levels": ["2x8", "4x0", "1x3"]},
            "at least 2 identities and 1 image of each; found 1x3, 4x0",
        ),
        ({"attr": "background", "design": "persons"}, "one level only in the train set .plaza."),
        *(
            ({"attr": "identity", "design": name}, "identity has the design identity")
            for name in ("only", "without", "transfer", "path", "scaling", "persons")
        ),
    ],
)
def test_what_cannot_be_answered_is_refused_in_a_sentence(
    manifest, tmp_path, crossed, options, says
):
    with pytest.raises(ValueError, match=says):
        make_split(manifest(crossed(24)), output=tmp_path / "split", **options)
    assert not (tmp_path / "split").exists()


def test_a_design_is_registered_once():
    with pytest.raises(ValueError, match="two designs are called only"):
        design("only", asks="", example="")(DESIGNS["identity"].draw)


def test_a_path_turns_image_after_image_at_the_nearest_shares(manifest, tmp_path, crossed):
    # 10 persons with 9 slots each: a quarter of 90 is 22.5, so 23 (half up), and no person has more
    # than 3 of its 9.
    rows = crossed(10, views=3, weathers=("sunny", "foggy"))
    split = make_split(
        manifest(rows),
        "weather",
        output=tmp_path / "split",
        design="path",
        levels=["sunny:foggy"],
        test_share=0,
    )
    turned = [
        {row["uid"] for row in split.train(arm).to_pylist() if row["weather"] == "foggy"}
        for arm in split.arms[:5]
    ]
    assert [len(uids) for uids in turned] == [0, 23, 45, 68, 90]
    assert all(less <= more for less, more in pairwise(turned))
    per_person = Counter(
        row["identity"] for row in split.train("path-25").to_pylist() if row["weather"] == "foggy"
    )
    assert set(per_person.values()) == {2, 3}


def test_a_fraction_of_a_factorial_states_its_aliases_and_keeps_size_and_persons(
    manifest, tmp_path, crossed
):
    split = make_split(
        manifest(crossed(16)),
        ["weather", "illumination", "viewpoint_deg"],
        output=tmp_path / "split",
        design="factorial",
        restrict={
            "weather": ["sunny", "clouds"],
            "illumination": ["dusk"],
            "viewpoint_deg": [90, 270],
            "identity": [8],
        },
        generators=["D=ABC"],
        test_share=0,
    )
    facts = as_json(split.record.factorial)
    assert (facts["resolution"], facts["defining"], facts["aliases"]["AB"]) == (
        "IV",
        ["ABCD"],
        ["CD"],
    )
    assert len(split.arms) == 8
    assert all(np.prod(list(run.values())) == 1 for run in facts["runs"].values())  # I = ABCD
    assert {arm.images for arm in split.record.arms.values()} == {
        8 * 4
    }  # 8 persons x 2 x 1 x 2 cells
    for name, run in facts["runs"].items():
        rows = split.train(name).to_pylist()
        assert len({row["identity"] for row in rows}) == (8 if run["D"] == 1 else 16)
        assert ({row["weather"] for row in rows} <= {"sunny", "clouds"}) == (run["A"] == 1)
        assert ({row["illumination"] for row in rows} == {"dusk"}) == (run["B"] == 1)


def test_an_order_of_cells_uses_levels_equally_often_at_every_stop():
    turn = balanced_order((7, 3, 4))
    cells = np.stack(np.unravel_index(np.argsort(turn.ravel()), turn.shape), axis=1)
    for stop in range(1, len(cells) + 1):
        for factor, size in enumerate(turn.shape):
            used = np.bincount(cells[:stop, factor], minlength=size)
            assert used.max() - used.min() <= 2
    assert sorted(turn.ravel()) == list(range(84))


def test_the_paper_s_rows_can_be_written_out(manifest, tmp_path, crossed):
    arms = [
        DeclaredArm("ids-4", identities=4),
        DeclaredArm("ids-8", identities=8),
        DeclaredArm("sunny+clouds", {"weather": ("sunny", "clouds")}, identities=8),
        DeclaredArm(
            "all-three",
            {"weather": ("sunny",), "illumination": ("dusk",), "viewpoint_deg": (90,)},
            8,
        ),
    ]
    split = make_split(
        manifest(crossed(16)),
        "weather",
        output=tmp_path / "split",
        design="declared",
        arms=arms,
        test_share=0,
    )
    assert [arm.images for arm in split.record.arms.values()] == [4 * 48, 8 * 48, 8 * 24, 8]
    people = [set(column(split, arm, "identity")) for arm in split.arms]
    assert people[0] < people[1] == people[2] == people[3]
    assert any("different numbers of images" in said for said in split.record.warnings)


def test_draws_of_random_levels_differ_and_stop_where_there_are_no_more(
    manifest, tmp_path, crossed
):
    options = {"levels": ["sunny+foggy"], "control_draws": 9}
    split = make_split(manifest(crossed(16)), "weather", output=tmp_path / "split", **options)
    drawn = [tuple(arm.levels) for arm in split.record.arms.values() if arm.kind == "random-levels"]
    assert len(set(drawn)) == len(drawn) == 5  # 4 choose 2 are 6, one of them is tested
    assert sum(arm.kind == "random-images" for arm in split.record.arms.values()) == 9
    assert any("only 5 other sets" in said for said in split.record.warnings)
