"""Matched arms: hand-worked, against a slow twin, and as properties of any manifest with holes and
replicates."""

from collections import Counter, defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import pytest
from examples import examples
from hypothesis import given, reject
from hypothesis import strategies as st

from gprplus.core import sampling
from gprplus.core.errors import SplitError
from gprplus.core.typed import as_json
from gprplus.splits import make_split
from gprplus.splits.candidates import AttributeCodes
from gprplus.splits.draws.matching import match_strata, round_robin_rows, stratify

FAST = examples(8)
OTHERS = ("identity", "viewpoint_deg", "illumination")
# Why a split of few people with many holes is rightly refused.
EMPTY = ("Nothing can be compared", "one level only", "is aliased with that of the identities")


class World(NamedTuple):
    """A design with holes and replicates, small enough to be shown by hypothesis."""

    people: int
    views: int
    skies: int
    lights: int
    holes: float
    doubles: float
    seed: int


def worlds(least: int = 6) -> st.SearchStrategy[World]:
    return st.builds(
        World,
        st.integers(least, 12),
        st.integers(1, 3),
        st.integers(2, 4),
        st.integers(1, 3),
        st.sampled_from([0.0, 0.1, 0.4]),
        st.sampled_from([0.0, 0.3]),
        st.integers(0, 1000),
    )


@pytest.fixture(scope="session")
def rows_of(crossed):
    """World -> rows."""

    def make(world):
        skies, lights = ("sunny", "clouds", "overcast", "foggy"), ("forenoon", "dusk", "night")
        rng = np.random.default_rng(world.seed)
        rows = crossed(world.people, world.views, skies[: world.skies], lights[: world.lights])
        rows = [row for row in rows if rng.random() >= world.holes]
        again = [
            {**row, "path": row["path"].replace(".jpg", "_2.jpg")}
            for row in rows
            if rng.random() < world.doubles
        ]
        return rows + again

    return make


@pytest.fixture(scope="session")
def split_of(write_manifest):
    """Rows -> split.json, its arms as lists of member rows, its test rows."""

    def make(rows, attr="weather", **options):
        with TemporaryDirectory() as folder:
            manifest = write_manifest(Path(folder) / "manifest", rows)
            options = {"test_share": 0.0, "min_retention": 0.0, "deals": 1, **options}
            split = make_split(manifest, attr, output=Path(folder) / "split", **options)
            return (
                as_json(split.record),
                {arm: split.train(arm).to_pylist() for arm in split.arms},
                split.test().to_pylist(),
            )

    return make


@pytest.fixture(scope="session")
def answer(split_of):
    """The same, or a skipped example where the holes leave nothing to compare."""

    def make(rows, **options):
        try:
            return split_of(rows, **options)
        except SplitError as problem:
            assert any(reason in str(problem) for reason in EMPTY), problem  # noqa: PT017
            return reject()

    return make


def priority(stream, seed, *uids):
    return sampling.priorities(np.array(uids, dtype=np.uint64), seed, stream).tolist()


def twin_arms(rows, attr, seed):
    """only-* arms by plain loops: level -> set of uids. Strata are identity and the other crossed
    factors."""
    strata = defaultdict(lambda: defaultdict(list))
    for row in rows:
        beside = tuple(row[name] for name in (*OTHERS, "weather") if name != attr)
        strata[beside][row[attr]].append(row["uid"])
    levels = {row[attr] for row in rows}
    arms = defaultdict(set)
    for by_level in strata.values():
        take = min(len(by_level.get(level, ())) for level in levels)
        for level in levels:
            ranked = sorted(
                by_level.get(level, ()), key=lambda uid: (priority("image", seed, uid)[0], uid)
            )
            arms[level] |= set(ranked[:take])
    return arms


def test_a_stratum_gives_as_many_slots_as_its_rarest_level():
    # One person; stratum 0 has 2 sunny and 1 foggy, stratum 1 has 1 and 1, stratum 2 has sunny
    # alone.
    light = AttributeCodes(
        "illumination", np.array([0, 0, 0, 1, 1, 2], dtype=np.int32), ("dawn", "noon", "dusk")
    )
    level = np.array([0, 0, 1, 0, 1, 0])
    uid = np.arange(10, 16, dtype=np.uint64)
    strata = stratify(np.zeros(6, dtype=np.int64), np.array([7], dtype=np.uint64), [light])
    matched = match_strata(strata, level, 2, uid, seed=0)
    first, second = priority("image", 0, 10, 11)
    sunny = 0 if first < second else 1
    assert {tuple(pair) for pair in matched.slots.rows.tolist()} == {(sunny, 2), (3, 4)}
    assert (matched.candidates, matched.strata, matched.kept) == (6, 3, 2)
    assert matched.retention == pytest.approx(4 / 6)


def test_dealing_gives_every_person_each_level_as_often_as_another_and_ties_it_to_no_other_factor():
    # 60 persons x 7 lights x 7 weathers: dealing by cell number modulo 7 would tie weather to light
    # exactly.
    person, light, weather = (
        axis.ravel()
        for axis in np.meshgrid(np.arange(60), np.arange(7), np.arange(7), indexing="ij")
    )
    lights = AttributeCodes("illumination", light.astype(np.int32), tuple("abcdefg"))
    block_keys = sampling.hash64_many(str(i) for i in range(60))
    uid = np.arange(len(person), dtype=np.uint64)
    slots = match_strata(stratify(person, block_keys, [lights]), weather, 7, uid, seed=0).slots
    rows = round_robin_rows(
        slots, block_keys, sampling.hash64_many("abcdefg"), np.arange(7), seed=0
    )
    counts = np.zeros((60, 7), dtype=int)
    np.add.at(counts, (person[rows], weather[rows]), 1)
    assert (counts == 1).all()
    crossed = np.zeros((7, 7), dtype=int)
    np.add.at(crossed, (light[rows], weather[rows]), 1)
    assert crossed.max() < 20  # 60 were one tied to the other, 60 / 7 is what independence gives


@FAST
@given(world=worlds(), seed=st.integers(0, 3), attr=st.sampled_from(["weather", "illumination"]))
def test_only_arms_are_those_of_the_slow_twin(world, seed, attr, rows_of, answer):
    rows = rows_of(world)
    _, arms, _ = answer(rows, attr=attr, seed=seed)
    keyed = [
        {**row, "uid": sampling.hash64(sampling.join_canonical(row["dataset"], row["path"]))}
        for row in rows
    ]
    for level, uids in twin_arms(keyed, attr, seed).items():
        assert {row["uid"] for row in arms[f"only-{level}"]} == uids


@FAST
@given(world=worlds())
def test_arms_have_the_same_persons_the_same_images_of_each_and_the_same_law_of_all_else(
    world, rows_of, answer
):
    info, arms, _ = answer(rows_of(world))
    per_person = Counter(row["identity"] for row in arms["mix"])
    assert Counter(row["identity"] for row in arms.pop("random-images-1")) == per_person
    laws = [Counter(tuple(row[name] for name in OTHERS) for row in arm) for arm in arms.values()]
    assert all(law == laws[0] for law in laws)
    tied = info["audit"]["association_with_arm"]
    assert all(not tied[name] for name in OTHERS)  # 0, or None where there is one level
    for name, arm in arms.items():
        assert len({row["uid"] for row in arm}) == len(arm) == info["arms"][name]["images"]


@FAST
@given(world=worlds())
def test_the_mixture_deals_each_person_every_level_within_one(world, rows_of, answer):
    info, arms, _ = answer(rows_of(world))
    dealt = defaultdict(Counter)
    for row in arms["mix"]:
        dealt[row["identity"]][row["weather"]] += 1
    for counts in dealt.values():
        counts = [counts[level] for level in info["levels"]]
        assert max(counts) - min(counts) <= 1


@FAST
@given(world=worlds(), shuffled=st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(world, shuffled, rows_of, answer):
    rows = rows_of(world)
    info, arms, _ = answer(rows, deals=2)
    shuffled.shuffle(rows)
    again, arms_again, _ = answer(rows, deals=2)
    assert again["fingerprint"] == info["fingerprint"]
    assert arms_again == arms


@FAST
@given(world=worlds(least=8), data=st.data())
def test_smaller_budgets_are_parts_of_larger_ones(world, data, rows_of, answer, split_of):
    rows = rows_of(world)
    total = answer(rows)[0]["arms"]["mix"]["images"]
    large = data.draw(st.integers(1, total))
    small = data.draw(st.integers(1, large))
    (_, more, _), (_, less, _) = split_of(rows, budget=large), split_of(rows, budget=small)
    for name in less:
        assert (len(less[name]), len(more[name])) == (small, large)
        assert {row["uid"] for row in less[name]} <= {row["uid"] for row in more[name]}


@FAST
@given(world=worlds(least=8), data=st.data())
def test_fewer_identities_are_some_of_the_more(world, data, rows_of, answer, split_of):
    rows = rows_of(world)
    info, full, _ = answer(rows)
    count = data.draw(st.integers(1, info["arms"]["mix"]["identities"]))
    fewer, arms, _ = split_of(rows, identities=count)
    for name, arm in arms.items():
        assert fewer["arms"][name]["identities"] == count
        assert {row["uid"] for row in arm} <= {row["uid"] for row in full[name]}


def test_images_per_identity_are_exact_and_nested(manifest, tmp_path, crossed):
    source = manifest(crossed(20))
    sizes = {}
    for count in (3, 6, 12):
        split = make_split(
            source, "weather", output=tmp_path / str(count), images_per_identity=count
        )
        for arm in split.arms:
            assert set(Counter(split.train(arm).column("identity").to_pylist()).values()) == {count}
        sizes[count] = {arm: set(split.train(arm).column("uid").to_pylist()) for arm in split.arms}
    for arm in sizes[3]:
        assert sizes[3][arm] < sizes[6][arm] < sizes[12][arm]


def test_the_image_of_more_that_a_person_has_is_of_another_level_than_that_of_others(
    manifest, tmp_path, crossed
):
    # 9 combinations of view and light, 4 weathers: each person has one of them three times.
    split = make_split(
        manifest(crossed(24, views=3)), "weather", output=tmp_path / "split", test_share=0
    )
    dealt = Counter((row["identity"], row["weather"]) for row in split.train("mix").to_pylist())
    thrice = Counter(weather for (_, weather), count in dealt.items() if count == 3)
    assert sum(thrice.values()) == 24
    assert len(thrice) == 4
    assert max(thrice.values()) < 12


def test_a_small_arm_shows_other_views_and_lights_of_each_person(manifest, tmp_path, crossed):
    source = manifest(crossed(24))
    split = make_split(
        source, "weather", output=tmp_path / "split", test_share=0, images_per_identity=1
    )
    shown = Counter(
        (row["viewpoint_deg"], row["illumination"]) for row in split.train("only-sunny").to_pylist()
    )
    assert sum(shown.values()) == 24
    assert len(shown) > 6  # of 12; one, were the first combination everybody's
    assert max(shown.values()) < 8


def test_a_small_arm_takes_two_images_of_one_combination_no_more_often_than_chance(
    manifest, tmp_path, crossed
):
    rows = [
        {**row, "path": row["path"].replace(".jpg", f"_{i}.jpg")}
        for row in crossed(24)
        for i in (1, 2)
    ]
    split = make_split(
        manifest(rows), "weather", output=tmp_path / "split", test_share=0, images_per_identity=2
    )
    shown = Counter(
        tuple(row[name] for name in OTHERS) for row in split.train("only-sunny").to_pylist()
    )
    assert sum(shown.values()) == 48
    assert (
        sum(count == 2 for count in shown.values()) < 6
    )  # of 24 persons one is expected, for 12 combinations


def test_dropping_persons_instead_of_combinations_keeps_whole_designs_only(
    manifest, tmp_path, crossed
):
    rows = crossed(12)
    rows.remove(
        next(row for row in rows if row["identity"] == "0003" and row["weather"] == "foggy")
    )
    source = manifest(rows)
    by_stratum = make_split(source, "weather", output=tmp_path / "a", test_share=0)
    by_person = make_split(
        source, "weather", output=tmp_path / "b", test_share=0, on_missing="drop-identity"
    )
    assert by_stratum.record.arms["mix"].images == 12 * 12 - 1
    assert by_person.record.arms["mix"].images == 11 * 12
    assert "0003" not in set(by_person.train("mix").column("identity").to_pylist())
    assert by_stratum.record.retention == pytest.approx(143 * 4 / (144 * 4 - 1), abs=1e-6)
    with pytest.raises(SplitError, match=r"1 of 12 identities .* lack some combination .*0003"):
        make_split(source, "weather", output=tmp_path / "c", test_share=0, on_missing="fail")


def test_low_retention_is_refused_and_half_retention_is_said(manifest, tmp_path, crossed):
    rows = [
        row for row in crossed(10) if row["weather"] != "foggy" or row["illumination"] == "night"
    ]
    split = make_split(manifest(rows), "weather", output=tmp_path / "a", test_share=0)
    assert split.record.retention == pytest.approx(4 / 10)
    assert any("Only 40.0% of the candidate images" in warning for warning in split.record.warnings)
    rare = [row for row in rows if row["weather"] != "foggy" or row["identity"] == "0001"]
    with pytest.raises(SplitError, match=r"--levels.*--min-retention"):
        make_split(manifest(rare), "weather", output=tmp_path / "b", test_share=0)
    accepted = make_split(
        manifest(rare), "weather", output=tmp_path / "c", test_share=0, min_retention=0.01
    )
    assert accepted.record.arms["mix"].identities == 1
