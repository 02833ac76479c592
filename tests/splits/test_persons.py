"""Persons compared with persons: of different kinds, and more of them with fewer."""

from collections import Counter

import pytest
from trained import column, uids

from gprplus.core.errors import SplitError
from gprplus.splits import make_split

LOOKS = [
    {
        "identity": f"{i:04}",
        "gender": "male" if i % 3 else "female",
        "hat": "yes" if i % 2 else "no",
    }
    for i in range(1, 49)
]


def test_persons_of_different_gender_are_compared_in_equal_numbers_on_common_cells(
    manifest, tmp_path, crossed
):
    rows = crossed(48)
    rows.remove(
        next(row for row in rows if row["identity"] == "0003")
    )  # a hole in one person must not unbalance the cells
    split = make_split(
        manifest(rows, people=LOOKS), "gender", output=tmp_path / "split", test_share=0
    )
    assert split.record.design == "persons"
    assert split.arms == ["only-male", "only-female", "mix", "random-images-1"]
    assert {arm.identities for arm in split.record.arms.values()} == {16}
    assert {arm.images for arm in split.record.arms.values()} == {16 * 48 - 1}
    assert set(column(split, "only-female", "gender")) == {"female"}
    cells = [
        Counter(
            zip(
                *(
                    column(split, arm, name)
                    for name in ("viewpoint_deg", "weather", "illumination")
                ),
                strict=True,
            )
        )
        for arm in ("only-male", "only-female", "mix")
    ]
    assert cells[0] == cells[1] == cells[2]
    mixed = {row["identity"]: row["gender"] for row in split.train("mix").to_pylist()}
    assert Counter(mixed.values()) == {"male": 8, "female": 8}


def test_persons_with_a_hole_are_left_out_or_named_where_whole_ones_are_asked_for(
    manifest, tmp_path, crossed
):
    rows = [
        row
        for row in crossed(24)
        if not (row["identity"] in ("0003", "0007") and row["weather"] == "foggy")
    ]
    source = manifest(rows, people=LOOKS)
    whole = make_split(
        source,
        "gender",
        output=tmp_path / "w",
        test_share=0,
        on_missing="drop-identity",
        controls=False,
    )
    trained = {row["identity"] for arm in whole.arms for row in whole.train(arm).to_pylist()}
    assert len(trained) == 14, "seven of the eight women are whole, and as many of the men"
    assert not trained & {"0003", "0007"}
    cells = {
        arm: {(r["weather"], r["illumination"]) for r in whole.train(arm).to_pylist()}
        for arm in whole.arms
    }
    assert all(("foggy", light) in seen for seen in cells.values() for _, light in seen), (
        "no weather is given up"
    )
    with pytest.raises(
        SplitError, match=r"2 of 24 identities .* lack some combination .*0003, 0007"
    ):
        make_split(source, "gender", output=tmp_path / "f", test_share=0, on_missing="fail")


def test_fewer_persons_of_each_gender_are_some_of_the_more(manifest, tmp_path, crossed):
    source = manifest(crossed(48), people=LOOKS)
    few, many = (
        make_split(source, "gender", output=tmp_path / str(n), test_share=0, identities=n)
        for n in (4, 12)
    )
    for arm in ("only-male", "only-female"):
        assert uids(few, arm) < uids(many, arm)
        assert few.record.arms[arm].identities == 4
    assert any("only 4 identities" in warning for warning in few.record.warnings)


def test_two_person_attributes_that_always_go_together_are_refused(manifest, tmp_path, crossed):
    looks = [{**look, "hair": "long" if look["gender"] == "female" else "short"} for look in LOOKS]
    with pytest.raises(SplitError, match="effect of gender is aliased with that of hair"):
        make_split(manifest(crossed(48), people=looks), "gender", output=tmp_path / "split")


def test_a_person_attribute_that_leans_on_another_is_built_with_a_warning(
    manifest, tmp_path, crossed
):
    looks = [
        {**look, "hair": "long" if look["gender"] == "female" or i % 7 == 0 else "short"}
        for i, look in enumerate(LOOKS)
    ]
    split = make_split(manifest(crossed(48), people=looks), "gender", output=tmp_path / "split")
    assert any("Cramer's V with the arm: hair 0." in warning for warning in split.record.warnings)


def test_the_ladder_of_persons_is_nested_at_constant_images(manifest, tmp_path, crossed):
    split = make_split(manifest(crossed(32)), "identity", output=tmp_path / "split", test_share=0)
    assert split.arms == ["ids-4", "ids-16", "ids-32", "ids-16-all", "ids-32-all"]
    assert split.record.reference == "ids-32"
    assert {split.record.arms[arm].images for arm in ("ids-4", "ids-16", "ids-32")} == {4 * 48}
    assert [split.record.arms[arm].identities for arm in split.arms] == [4, 16, 32, 16, 32]
    assert split.record.arms["ids-16-all"].images == 16 * 48
    persons = [set(column(split, arm, "identity")) for arm in ("ids-4", "ids-16", "ids-32")]
    assert persons[0] < persons[1] < persons[2]
    assert set(Counter(column(split, "ids-32", "identity")).values()) == {6}


def test_the_rungs_can_be_named(manifest, tmp_path, crossed):
    split = make_split(
        manifest(crossed(32)),
        "identity",
        output=tmp_path / "split",
        test_share=0,
        levels=["8", "24"],
        budget=60,
    )
    assert split.arms == ["ids-8", "ids-24", "ids-8-all", "ids-24-all"]
    per_person = Counter(column(split, "ids-24", "identity")).values()
    assert (sum(per_person), max(per_person) - min(per_person)) == (60, 1)


def test_an_arm_of_one_identity_is_named_because_no_network_can_be_trained_on_it(
    manifest, tmp_path, crossed
):
    looks = [{"identity": f"{i:04}", "hat": "yes" if i == 1 else "no"} for i in range(1, 9)]
    split = make_split(
        manifest(crossed(8), people=looks), "hat", output=tmp_path / "split", test_share=0
    )
    assert {arm.identities for arm in split.record.arms.values()} == {1}
    found = [text for text in split.record.warnings if "only one identity" in text]
    assert len(found) == 1
    assert found[0].startswith("only-no, only-yes, mix and 1 more have only one identity")
    ladder = make_split(
        manifest(crossed(8), people=looks), "identity", output=tmp_path / "ladder", test_share=0
    )
    assert not [text for text in ladder.record.warnings if "only one identity" in text]
