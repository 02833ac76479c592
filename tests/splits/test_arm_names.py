"""What the names of arms mean is found once, when a record is read; a declared arm means what it
declares."""

from gprplus.reporting.arm_labels import arm_phrase, bare
from gprplus.schema.split_record import Rung
from gprplus.splits.arm_names import unrecorded
from tests.support.records import split_of


def test_a_rung_of_a_ladder_has_the_size_that_it_is_named_for():
    arms = unrecorded(["ids-8", "ids-8-all", "ids-3x24", "mix"]).arms
    assert [arm.rung for arm in arms.values()] == [Rung(8), Rung(8, whole=True), Rung(3, 24), None]


def test_a_declared_arm_is_no_arm_of_single_levels_whatever_its_name():
    split = split_of(
        attribute="weather",
        design="declared",
        arms={"only-odd": {"kind": "declared", "images": 10}},
    )
    assert arm_phrase("only-odd", split) == "training on only-odd"
    assert bare("only-odd", split) == "only-odd"
    assert split.arms_of_kind("only") == []


def test_a_declared_arm_is_a_rung_where_its_name_is_the_number_of_its_identities():
    arms = {name: {"kind": "declared", "identities": 800} for name in ("ids-800", "ids-100")}
    split = split_of(design="declared", arms=arms)
    assert (split.rung("ids-800"), split.rung("ids-100")) == (Rung(800), None)


def test_an_arm_that_leaves_levels_out_is_named_for_those():
    arms = {"without-foggy": {"kind": "without", "levels": ["sunny", "clouds"]}}
    split = split_of(attribute="weather", levels=["sunny", "clouds", "foggy"], arms=arms)
    assert split.arms["without-foggy"].choice == ("foggy",)
    assert arm_phrase("without-foggy", split) == "training without foggy"


def test_draws_of_one_control_share_its_name():
    arms = unrecorded(["random-levels-q2-1", "random-images-12"]).arms
    assert [arm.control for arm in arms.values()] == ["random-levels-q2", "random-images"]
    assert all(arm.is_random for arm in arms.values())


def test_levels_that_several_arms_share_have_no_arm_to_themselves():
    arms = {f"only-sunny-{n}": {"kind": "only", "levels": ["sunny"]} for n in (8, 16)}
    arms |= {"only-foggy": {"kind": "only", "levels": ["foggy"]}}
    assert split_of(arms=arms).single_level_arms == {"foggy": "only-foggy"}
