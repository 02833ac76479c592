"""Who is drawn: stable, apart between domains, and made of the declared levels."""

from collections import Counter

import numpy as np
import pytest

from gprplus.core.declarations import attributes, identity_attributes
from gprplus.engine.crops.design import make_design
from gprplus.engine.people.pose import walking_pose
from gprplus.engine.people.traits import identity_key, sample_person


def crowd(count: int = 300, domain: str = "engine"):
    return [sample_person(identity_key(i, 0, domain)) for i in range(1, count + 1)]


def test_the_attributes_are_the_declared_ones_with_declared_levels() -> None:
    for person in crowd(60):
        assert list(person.attributes) == identity_attributes()
        assert all(level in attributes()[name].levels for name, level in person.attributes.items())


def test_every_level_is_somebodys() -> None:
    people = crowd()
    for name in identity_attributes():
        assert {person[name] for person in people} == set(attributes()[name].levels)


def test_domains_and_seeds_share_nobody() -> None:
    keys = [
        identity_key(i, seed, domain)
        for i in range(1, 200)
        for seed in (0, 1)
        for domain in ("engine", "street")
    ]
    assert len(set(keys)) == len(keys)


def test_same_people_are_those_of_the_engine() -> None:
    shared = make_design(domain="street", same_people=True)
    assert shared.person_key(7) == make_design().person_key(7)
    assert make_design(domain="street").person_key(7) != make_design().person_key(7)


def test_clothes_colours_alone_confuse_many_people() -> None:
    pairs = Counter((person["upper_colour"], person["lower_colour"]) for person in crowd())
    assert sum(count for count in pairs.values() if count > 1) > 0.7 * 300


def test_no_two_people_are_alike() -> None:
    looks = {(p.height, p.build, *p.upper.colour, *p.lower.colour, *p.skin) for p in crowd()}
    assert len(looks) == 300


@pytest.mark.parametrize("degree", [0, 90, 210])
def test_one_foot_at_least_is_on_the_ground_and_none_below(degree: int) -> None:
    for person in crowd(25):
        lowest = [foot[:, 2].min() for foot in walking_pose(person, degree).feet.values()]
        assert min(lowest) == pytest.approx(0.0, abs=1e-9)
        assert max(lowest) < 0.35


def test_bones_keep_their_length_through_the_walk() -> None:
    person = crowd(1)[0]
    thighs = []
    for degree in range(0, 360, 30):
        hip, knee, _ = walking_pose(person, degree).legs["right"]
        thighs.append(np.linalg.norm(hip - knee))
    assert np.ptp(thighs) < 1e-9


def test_an_arm_swings_forward_with_the_leg_of_the_other_side() -> None:
    ahead = []
    for person in crowd(10):
        for degree in range(0, 360, 30):
            pose = walking_pose(person, degree)
            ahead.append(
                [(limb["right"][2] - limb["left"][2])[1] for limb in (pose.legs, pose.arms)]
            )
    assert np.corrcoef(np.transpose(ahead))[0, 1] < -0.7


def test_older_people_stoop_and_teenagers_are_shorter() -> None:
    people = crowd()
    height = {
        age: np.mean([p.height for p in people if p["age"] == age]) for age in ("teenager", "adult")
    }
    assert height["teenager"] < height["adult"] - 0.04
    assert min(p.stoop for p in people if p["age"] == "older") > max(
        p.stoop for p in people if p["age"] != "older"
    )
